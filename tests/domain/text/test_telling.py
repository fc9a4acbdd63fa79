"""The lines of a long output that name an error are shown, and what stands between them is marked."""

from consumer.domain.text.telling import telling

LOG = "\n".join(
    (
        "agent log of host A",
        *(f"08:{minute:02d} heartbeat sent" for minute in range(30)),
        "08:31 ERROR 0x80070035 the network path was not found",
        *(f"08:{minute:02d} heartbeat sent" for minute in range(32, 60)),
        "09:00 retry failed",
    )
)


def test_a_long_log_keeps_its_first_line_and_its_errors() -> None:
    assert telling(LOG, 300) == (
        "agent log of host A\n… 08:31 ERROR 0x80070035 the network path was not found\n… 09:00 retry failed"
    )


def test_a_text_that_fits_or_names_no_error_is_unchanged() -> None:
    assert telling(LOG, len(LOG)) == LOG
    plain = LOG.replace("ERROR 0x80070035", "note").replace("not found", "seen").replace("failed", "done")
    assert telling(plain, 300) == plain
    prose = "One long line that failed. " * 40
    assert telling(prose, 300) == prose


def test_errors_without_end_stop_at_the_limit() -> None:
    log = "first\n" + "\n".join(f"{number:04d} error" for number in range(1000))
    assert len(telling(log, 300)) < 330
