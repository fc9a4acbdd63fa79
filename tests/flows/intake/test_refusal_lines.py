"""A refused record is told by its place and reason; a flood of them is summed up."""

from structlog.testing import capture_logs

from consumer.domain.events import Origin, Refusal, SessionKey
from consumer.flows.intake.refusal_lines import LINES_A_SECOND, RefusalLines
from schemas.dead_letters import RefusalReason


def refusal(offset: int, reason: RefusalReason = RefusalReason.INVALID) -> Refusal:
    return Refusal(
        origin=Origin("t", 2, offset),
        record_key=b"the key",
        session=SessionKey("acme", "s"),
        reason=reason,
        error="data.text: is missing",
        excerpt="an excerpt",
    )


def test_a_refusal_is_told_without_what_it_holds() -> None:
    with capture_logs() as lines:
        RefusalLines(lambda: 0.0).tell([refusal(7)])
    assert lines == [
        {
            "event": "A record was refused.",
            "event_name": "record_refused",
            "log_level": "warning",
            "topic": "t",
            "partition": 2,
            "offset": 7,
            "reason": "invalid",
            "error": "data.text: is missing",
            "tenant": "acme",
            "session": "s",
        }
    ]


def test_a_flood_is_summed_up_each_second() -> None:
    now = 0.0
    flood = RefusalLines(lambda: now)
    with capture_logs() as lines:
        for second in range(3):
            now = float(second)
            flood.tell(refusal(offset) for offset in range(1000))
            flood.tell([refusal(0, RefusalReason.UNDECODABLE)])
        now += 1
        flood.tell()
        flood.tell()
    assert len(lines) == 3 * (LINES_A_SECOND + 1)
    sums = [line for line in lines if line["event_name"] == "records_refused"]
    assert [line["records"] for line in sums] == [991] * 3
    assert sums[0]["reasons"] == {"invalid": 990, "undecodable": 1}
