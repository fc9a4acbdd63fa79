"""What commands tell of a store that a service has filled, as people read it at night."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from consumer.__main__ import main
from consumer.adapters.postgres.core.pool import closing_pool
from schemas.topics import REQUESTS
from tests.support.store_filler import StoreFiller
from tests.support.wire import FACT, arrive, change, request

Run = Callable[..., tuple[int, str, str]]
LONG = "7f3f2c1e-" * 12
"""An id that no narrow terminal holds on a line with others."""


@pytest.fixture
def environment(database: str) -> Mapping[str, str]:
    return {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "DATABASE_URL": database, "ESCALATION_HTTP_PORT": "1"}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environment: Mapping[str, str]) -> Run:
    def command(*arguments: str, **more: str) -> tuple[int, str, str]:
        for name, value in {**environment, **more}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["escalation-consumer", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, captured.out, captured.err

    return command


def fill(database: str) -> None:
    async def store() -> None:
        async with closing_pool(database, name="test", max_size=2) as pool:
            filler = StoreFiller(pool)
            ticket = {"system": "connectwise", "ticket_id": "777"}
            await filler.store(
                change("session.opened.v1", {"title": "Mail", "psa_ticket": ticket}, version=1),
                *(change(data=FACT, version=version) for version in (2, 14)),
            )
            await filler.store(
                arrive(request("r-waits", state_version=99), topic=REQUESTS, partition=2, offset=7),
                arrive(request("r-refused", deadline_seconds=0), topic=REQUESTS, partition=2, offset=8),
                arrive(request(LONG, state_version=98), topic=REQUESTS, partition=2, offset=9),
            )

    asyncio.run(store())


def test_why_a_ticket_has_no_note_is_told_by_one_command(run: Run, database: str) -> None:
    fill(database)
    for written in ("777", "#777", "CW #777"):
        code, out, _ = run("request", "list", "--ticket", written)
        assert code == 0
        assert (
            "r-waits: It waits for version 99 of the session, of which 14 is the newest; drafts without it from" in out
        )
        assert "r-refused: Refused: invalid at escalation-requested/2/8: data.deadline_seconds" in out
    code, out, _ = run("request", "show", "r-w")
    assert code == 0
    assert "The record stands at escalation-requested/2/7." in out
    assert out.rstrip().splitlines()[-1].startswith("  now                   ! It waits for version 99")
    code, out, _ = run("request", "show", "r-refused")
    assert code == 0
    assert "Refused: invalid at escalation-requested/2/8" in out
    (story,) = json.loads(run("request", "show", "r-waits", "--json")[1])
    assert (story["request_id"], story["topic"], story["offset"]) == ("r-waits", REQUESTS, 7)
    assert story["story"][-1]["kind"] == "waiting"


def test_an_empty_result_says_whether_nothing_matches_or_nothing_is_there(run: Run, database: str) -> None:
    assert run("request", "list", "--tenant", "x")[1] == "No request has arrived yet.\n"
    assert run("dead-letters", "list")[1] == "No record has been refused.\n"
    fill(database)
    assert (
        run("request", "list", "--tenant", "x", "--state", "open")[1] == "No request matches: tenant x, state open.\n"
    )
    assert run("session", "list", "--ticket", "#1")[1] == "No session matches: ticket #1.\n"
    assert run("dead-letters", "list", "--reason", "corrupt")[1] == "No dead letter matches: reason corrupt.\n"


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (("request", "list", "--state", "opened"), "foreseen"),
        (("package", "list", "--status", "done"), "fallback"),
        (("dead-letters", "list", "--reason", "bad"), "version_conflict"),
        (("request", "list", "--since", "yesterday"), "90m"),
        (("request", "list", "--ticket", " # "), "CW #777"),
    ],
)
def test_a_wrong_value_of_a_filter_is_refused_with_the_allowed_ones(
    run: Run, arguments: tuple[str, ...], allowed: str
) -> None:
    code, _, err = run(*arguments, COLUMNS="200")
    assert (code, allowed in err) == (2, True)


def test_ids_are_whole_in_a_narrow_terminal_and_are_named_by_their_beginnings(run: Run, database: str) -> None:
    fill(database)
    for terminal in ({"FORCE_COLOR": "1", "COLUMNS": "60"}, {"COLUMNS": "60"}):
        out = run("request", "list", "--order", "newest", **terminal)[1]
        assert out.count(LONG) == 2, "once in the table, once with what it waits for"
    code, out, err = run("request", "show", "7f3")
    assert (code, LONG in out) == (0, True), err


def test_an_ambiguous_beginning_lists_what_it_may_be(run: Run, database: str) -> None:
    fill(database)

    async def more() -> None:
        async with closing_pool(database, name="test", max_size=2) as pool:
            await StoreFiller(pool).store(arrive(request("r-waits-too"), topic=REQUESTS))

    asyncio.run(more())
    code, _, err = run("request", "show", "r-w")
    assert (code, "default/s1/r-waits, default/s1/r-waits-too" in err) == (1, True)
    assert run("request", "show", "r-waits")[0] == 0, "a whole id is never ambiguous"


@pytest.fixture
def readyz() -> Iterator[int]:
    """A service that is not ready."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"ready": False, "stuck": [{"what": "database", "since": "x", "reason": "refused"}]})
            self.send_response(503)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_status_tells_hops_and_tables_and_says_when_the_service_does_not_answer(
    run: Run, database: str, readyz: int
) -> None:
    fill(database)
    code, out, _ = run("status")
    assert code == 0
    assert out.startswith("The service does not answer at http://127.0.0.1:1/readyz")
    assert "Open requests: 2" in out
    assert "Refused records in the last 24 h: 1 invalid." in out
    out = run("status", ESCALATION_HTTP_PORT=str(readyz))[1]
    assert "is NOT ready." in out
    assert "! database stands since x: refused" in out
    plain = json.loads(run("status", "--json", ESCALATION_HTTP_PORT=str(readyz))[1])
    assert plain["service"]["ready"] is False
    assert plain["waiting"]["open_requests"] == 2
    assert plain["dead_letters"][0]["reason"] == "invalid"


def test_what_would_steer_a_terminal_is_shown_as_it_is_written(run: Run, database: str) -> None:
    """Ids and titles are whatever their senders choose: none may hide, move or colour what stands around it."""
    hostile = "\x1b[31mred\r\nnext\u202eabc\x07"
    who = {"subject": hostile, "tenantid": hostile}

    async def store() -> None:
        async with closing_pool(database, name="test", max_size=2) as pool:
            opened = change("session.opened.v1", {"title": hostile}, version=1, **who)
            filler = StoreFiller(pool)
            await filler.store(opened, opened | {"id": "rival"}, request(hostile, attributes=who, reason=hostile))
            await filler.draft()

    asyncio.run(store())
    for command in ("request list", "session list", "package list", "dead-letters list", "outbox"):
        code, out, _ = run(*command.split())
        assert code == 0
        assert [sign for sign in "\x1b\r\x07\u202e" if sign in out] == [], command
    code, out, _ = run("session", "list")
    assert "\\x1b[31mred" in out, "and it is shown"
    assert [line for line in out.splitlines() if line.startswith("next")] == [], "one line stays one line"
