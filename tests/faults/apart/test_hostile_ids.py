"""Ids that try to be a pattern, a path, a line or markup: refused by name, or whole, and nobody else's concern."""

import json
from urllib.parse import unquote, urlencode

import pytest

from consumer.adapters.kafka.topic_reader import TopicReader
from consumer.adapters.prometheus import PrometheusMeters
from consumer.domain.events import Refusal, Request
from consumer.flows.operation.health import Health
from consumer.wiring.loops import relay_loop
from schemas.topics import Topics
from tests.faults.apart.twins import Twins
from tests.support.replicas import Often
from tests.support.wire import arrive, change, record, request

ALLOWED = (
    "%", "%2F", "100%", "a/../../b", "..", ".", "\N{GRINNING FACE}" * 128, "'; DROP TABLE sessions; --", "_", "a_",
    "a%", "a\r\nX-Injected: 1", "a\nb", "<script>alert(1)</script>", '"><img src=x>', "\u202eabc\u2066", "\u200b.",
    "$.**", "$[*]", '{"a": 1}', "*", "[a-z]?", "a:b", "a", "\\", "\x1b[31mred", "~/.ssh/id_rsa", "C:\\x", "null", "0",
    "A", "{{7*7}}", "plain ", " plain", "e\u0301", "\u00e9",
)  # fmt: skip
"""Two of them are one letter, composed and not: two tenants."""
REFUSED = ("", "  ", "\x00", "a\x00b", "\ud800", "x" * 129, "\t\n")
NEIGHBOUR = "plain"
_OTHERS = """
SELECT (SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} AS t WHERE tenant_id <> $1) AS digest
"""
_TABLES = ("sessions", "session_events", "requests", "packages", "drafts", "outbox", "model_calls", "dead_letters")


def who(text: str) -> dict[str, str]:
    return {"tenantid": text, "subject": text, "id": text}


def binary(event: dict[str, object]) -> tuple[bytes, dict[str, bytes]]:
    """The event in binary mode."""
    headers = {
        f"ce_{name}": str(value).encode("utf-8", "surrogatepass") for name, value in event.items() if name != "data"
    }
    return json.dumps(event["data"]).encode(), headers


@pytest.mark.parametrize("name", ["tenantid", "subject", "id"])
@pytest.mark.parametrize("text", REFUSED)
def test_what_no_id_may_hold_is_refused_by_the_name_of_its_field(name: str, text: str) -> None:
    event = request("r1", attributes={"tenantid": "t", "id": "e", name: text})
    value, headers = binary(event)
    for decoded in (arrive(event), arrive(value, topic="escalation-requested", headers=headers)):
        if (name, text) == ("tenantid", "") or (name == "id" and len(text) == 129):
            continue  # no tenant is the default one; an event's id may be longer
        assert isinstance(decoded.arrival, Refusal), decoded
        assert name in decoded.arrival.error, decoded.arrival.error
        assert "\n" not in decoded.arrival.error


@pytest.mark.parametrize("text", [text for text in REFUSED if len(text) < 129])
def test_what_no_id_of_the_data_may_hold_is_refused_by_the_name_of_its_field(text: str) -> None:
    ticket = {"system": "connectwise", "ticket_id": text}
    for decoded, name in (
        (arrive(request(text)), "request_id"),
        (arrive(change("session.opened.v1", {"psa_ticket": ticket})), "ticket_id"),
    ):
        assert isinstance(decoded.arrival, Refusal), decoded
        assert name in decoded.arrival.error


@pytest.mark.parametrize("text", ALLOWED)
def test_what_is_allowed_is_decoded_whole_in_both_modes(text: str) -> None:
    event = request(text, attributes=who(text))
    value, headers = binary(event)
    for decoded in (arrive(event), arrive(value, topic="escalation-requested", headers=headers)):
        assert isinstance(decoded.arrival, Request), decoded
        assert tuple(decoded.arrival.key) == (text, text, text)


def test_a_hostile_header_is_refused_or_ignored() -> None:
    for name, value in (
        ("ce_x\r\n", b"1"),
        ("content-type", b"\xff\xfe"),
        ("traceparent", b"\r\n<script>"),
        ("x" * 9000, b""),
    ):
        raw = json.dumps(request()).encode()
        made = arrive(raw, topic="escalation-requested", headers={name: value})
        assert isinstance(made.arrival, Request | Refusal)
        assert not isinstance(made.arrival, Refusal) or "\n" not in made.arrival.error
    assert record(b"").headers == ()


@pytest.mark.long
def test_hostile_tenants_live_beside_one_another(
    twins: Twins,
) -> None:
    """Each has a session, a request and a ticket of its name: drafted, published, shown, exported and erased alone."""
    for text in (*ALLOWED, NEIGHBOUR):
        ticket = {"system": "connectwise", "ticket_id": text.strip() or "x", "connection_id": text}
        twins.take_in(change("session.opened.v1", {"title": "Mail", "psa_ticket": ticket}, version=1, **who(text)))
        twins.take_in(request(text, attributes=who(text)))
    twins.turn()
    everybody = {*ALLOWED, NEIGHBOUR}
    stored = {tuple(row) for row in twins.rows("SELECT tenant_id, session_id, request_id FROM packages")}
    assert stored >= {(text, text, text) for text in everybody}, "each has its package"
    published(twins, everybody)
    shown(twins, everybody)
    erased(twins)


def published(twins: Twins, everybody: set[str]) -> None:
    """Keys, headers and bodies on the topic name each whole; no two notes have one key."""
    settings = twins.system.settings
    relay = relay_loop(
        settings, pool=twins.system.pool, hint=Often(), health=Health(lambda: 0.0), meters=PrometheusMeters()
    )

    async def term() -> dict[str, tuple[str, str, str]]:
        import asyncio

        stop = asyncio.Event()
        stop.set()
        await relay.run(stop)
        notes: dict[str, tuple[str, str, str]] = {}
        async with TopicReader(
            [Topics(settings.topic_prefix).ready], bootstrap_servers=settings.kafka_bootstrap_servers
        ) as reader:
            for each in await reader.read_to_end():
                headers = {name: value.decode() for name, value in each.headers}
                body = json.loads(each.value or b"")
                assert (each.key or b"").decode() == body["subject"] == headers["session_id"]
                assert headers["tenant_id"] == body["tenantid"]
                tenant, session, asked = map(unquote, headers["note_key"].split("/"))
                assert (tenant, session, asked) == (body["tenantid"], body["subject"], body["data"]["request_id"])
                notes.setdefault(headers["note_key"], (tenant, session, asked))
        return notes

    notes = twins.loop.run(term())
    assert {names for names in notes.values() if names[0] in everybody} == {(text, text, text) for text in everybody}


def shown(twins: Twins, everybody: set[str]) -> None:
    for text in sorted(everybody):
        page = twins.loop.run(
            twins.surfer.get(f"/request?{urlencode({'tenant': text, 'session': text, 'request': text})}")
        )
        assert page.status == 200, text
        assert "X-Injected" not in page.headers
        assert "<script>alert(1)" not in page.text
        assert "<img src=x" not in page.text
    for text in sorted(everybody)[::2]:
        listed = json.loads(twins.command("request", "list", "--json", f"--tenant={text}"))
        assert {each["tenant_id"] for each in listed} == {text}
        lines = twins.command("export", f"--tenant={text}").splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        assert {event["value"]["tenantid"] for event in events} == {text}
        assert {event["key"] for event in events} == {text}


def erased(twins: Twins) -> None:
    for text in ALLOWED:
        before = others(twins, text)
        twins.take_in(change("session.erased.v1", {}, version=9, **who(text) | {"id": "erasure"}))
        assert others(twins, text) == before, f"{text!r} erases somebody else's"
        assert twins.value("SELECT count(*) FROM session_events WHERE tenant_id = $1", text) == 0
    assert twins.value("SELECT count(*) FROM session_events WHERE tenant_id = $1", NEIGHBOUR) == 1


def others(twins: Twins, text: str) -> list[str]:
    return [twins.value(_OTHERS.format(table=table), text) for table in _TABLES]
