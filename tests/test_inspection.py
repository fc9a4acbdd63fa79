"""What commands tell of a store that a service has filled, as people read it at night."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from consumer.__main__ import main
from consumer.adapters.postgres.core.pool import closing_pool
from schemas.topics import REQUESTS, SESSIONS
from tests.support.store_filler import StoreFiller
from tests.support.wire import FACT, arrive, change, event, request

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
    listed = {row["request_id"]: row for row in json.loads(run("request", "list", "--ticket", "777", "--json")[1])}
    assert {name: row["state"] for name, row in listed.items()} == {
        "r-waits": "open",
        "r-refused": "refused",
        LONG: "open",
    }, "what the table shows"
    assert (listed["r-refused"]["reason"], listed["r-refused"]["offset"]) == ("invalid", 8)
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


def fill_with_refused(database: str) -> None:
    """Of one session of ticket 777: one that is readable, one that is not, one in binary mode. And a stranger's."""

    async def store() -> None:
        async with closing_pool(database, name="test", max_size=2) as pool:
            ticket = {"system": "connectwise", "ticket_id": "777"}
            await StoreFiller(pool).store(
                change("session.opened.v1", {"psa_ticket": ticket}, version=1),
                change("session.opened.v1", {}, version=1, subject="s2", tenantid="acme"),
                arrive(request("r1", deadline_seconds=0, attributes={"source": "/psa"}), topic=REQUESTS, offset=1),
                arrive(b"{ no JSON", topic=SESSIONS, offset=2),
                arrive(b"{ no JSON", topic=SESSIONS, offset=3, headers={"ce_type": b"x", "ce_source": b"/agent"}),
                arrive(change(version="x", subject="s2", tenantid="acme"), topic=SESSIONS, offset=4, key=b"s2"),
            )

    asyncio.run(store())


def test_refused_records_are_counted_by_what_they_have_in_common(run: Run, database: str) -> None:
    assert run("dead-letters", "list", "--by", "reason")[1] == "No dead letter matches: any.\n"
    fill_with_refused(database)

    def counted(by: str, *more: str) -> list[tuple[str, int]]:
        rows = json.loads(run("dead-letters", "list", "--by", by, "--json", *more)[1])
        assert all(row["oldest_at"] <= row["newest_at"] for row in rows)
        return [(row[by], row["count"]) for row in rows]

    assert counted("reason") == [("invalid", 2), ("undecodable", 2)]
    assert counted("topic") == [(SESSIONS, 3), (REQUESTS, 1)]
    assert counted("tenant") == [(None, 2), ("acme", 1), ("default", 1)]
    assert counted("source") == [("/agent", 1), ("/psa", 1), ("/upstream", 1), (None, 1)]
    assert counted("reason", "--topic", REQUESTS) == [("invalid", 1)]
    out = run("dead-letters", "list", "--by", "topic", COLUMNS="200")[1]
    example = next(line for line in out.splitlines() if line.startswith(REQUESTS))
    assert f"{REQUESTS} 0 1" in example
    assert "data.deadline_seconds" in example
    assert run("dead-letters", "show", REQUESTS, "0", "1")[0] == 0, "the example's place is what `show` takes"


def test_an_unreadable_record_appears_under_the_session_of_its_key(run: Run, database: str) -> None:
    fill_with_refused(database)
    mine = [("default", 1), (None, 2), (None, 3)]
    for wanted in (("--ticket", "777"), ("--session", "s1"), ("--session", "s1", "--tenant", "default")):
        rows = json.loads(run("dead-letters", "list", "--json", *wanted)[1])
        assert sorted(((row["tenant_id"], row["offset"]) for row in rows), key=lambda row: row[1]) == mine, wanted
    assert len(json.loads(run("dead-letters", "list", "--json", "--tenant", "default")[1])) == 1, "of unknown tenants"
    shown = json.loads(run("session", "show", "s1", "--json")[1])
    assert len(shown["dead_letters"]) == 3
    listed = run("dead-letters", "list", COLUMNS="200")[1]
    assert "/agent" in listed
    assert "None" not in listed


def test_who_moved_a_ticket_when_and_by_which_event(run: Run, database: str) -> None:
    async def store() -> None:
        def ticket(number: str) -> dict[str, object]:
            return {"psa_ticket": {"system": "halopsa", "ticket_id": number}}

        async with closing_pool(database, name="test", max_size=2) as pool:
            await StoreFiller(pool).store(
                change("session.opened.v1", ticket("777"), version=1),
                change("session.described.v1", {"title": "Mail"} | ticket("777"), version=2),
                change("session.described.v1", ticket("778"), version=5, actor="ada", time="2026-03-02T11:30:00+01:00"),
                change("session.described.v1", {"title": "Mail again"}, version=6),
                change("session.described.v1", ticket("777"), version=7),
            )

    asyncio.run(store())
    moved = [line.strip() for line in run("session", "show", "s1")[1].splitlines() if "moved" in line]
    described = "session.described.v1, version"
    assert moved == [
        f"moved  from halopsa #777 to halopsa #778 at 2026-03-02 10:30:00Z by ada, with event e5 ({described} 5)",
        f"moved  from halopsa #778 to halopsa #777 at 2026-03-02 09:00:00Z, with event e7 ({described} 7)",
    ]
    (first, _) = json.loads(run("session", "show", "s1", "--json")[1])["moves"]
    assert (first["actor"], first["event_id"], first["version"]) == ("ada", "e5", 5)


def test_a_spent_budget_is_told_in_a_sentence(run: Run, database: str) -> None:
    why = "Drafted by rules, because the month's budget for calls to models is used up."

    async def spend() -> None:
        async with closing_pool(database, name="test", max_size=2) as pool:
            filler = StoreFiller(pool)
            await filler.store(change("session.opened.v1", {"title": "Mail"}, version=1))
            for name in ("r1", "r2"):
                await filler.store(request(name))
            await filler.draft()
            await pool.execute(
                "UPDATE packages SET event = jsonb_set(event::jsonb, '{warnings}', '[\"budget_exhausted\"]')::text"
            )

    asyncio.run(spend())
    assert f"r2, r1: {why}" in run("request", "list")[1]
    assert [row["by_rules_because"] for row in json.loads(run("request", "list", "--json")[1])] == [why] * 2
    assert why in run("request", "show", "r1")[1].partition("Story")[0]
    (story,) = json.loads(run("request", "show", "r1", "--json")[1])
    assert story["by_rules_because"] == why


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
    ahead = out.partition("! Requests that are ahead of their session:\n")[2]
    assert "default/s1/r-waits  CW #777: It waits for version 99 of the session, of which 14 is the newest" in ahead
    out = run("status", ESCALATION_HTTP_PORT=str(readyz))[1]
    assert "is NOT ready." in out
    assert "! database stands since x: refused" in out
    plain = json.loads(run("status", "--json", ESCALATION_HTTP_PORT=str(readyz))[1])
    assert plain["service"]["ready"] is False
    assert plain["waiting"]["open_requests"] == 2
    assert plain["dead_letters"][0]["reason"] == "invalid"


def test_a_policy_is_changed_in_part_and_the_one_before_is_shown(run: Run, database: str) -> None:
    def wanted(*options: str) -> dict[str, object]:
        code, out, err = run("tenant", "set", "acme", *options, "--dry-run", "--json")
        assert code == 0, err
        data: dict[str, object] = json.loads(out)["event"]["data"]
        return data

    async def store(data: dict[str, object], minute: int) -> None:
        async with closing_pool(database, name="test", max_size=2) as pool:
            time = f"2026-03-02T09:0{minute}:00Z"
            policy = event("tenant.policy_set.v1", data, id=f"p{minute}", subject="acme", time=time)
            await StoreFiller(pool).store(arrive(policy, topic="escalation-tenant-policy", key=b"acme"))

    first = {"model": "on", "language": "de", "monthly_budget_usd": 4.5, "note_footer": "Rate it"}
    asyncio.run(store(first, 1))
    assert "what held before is not known" in run("tenant", "show", "acme")[1]
    assert wanted("--model", "off", "--keep") == {**first, "model": "off"}
    assert wanted("--budget", "0", "--keep") == {**first, "monthly_budget_usd": 0.0}
    assert wanted("--model", "off") == {
        "model": "off",
        "language": "en",
        "monthly_budget_usd": None,
        "note_footer": None,
    }, "without --keep the rest goes back to its default"
    asyncio.run(store({**first, "model": "off"}, 2))
    asyncio.run(store({"language": "en"}, 0))  # older than what holds
    out = run("tenant", "show", "acme")[1]
    assert "It holds since 2" in out
    assert "before: model on, language de, budget $4.5 a month, footer 'Rate it', set 2026-03-02 09:01:00Z." in out
    shown = json.loads(run("tenant", "show", "acme", "--json")[1])
    assert (shown["model"], shown["previous"]["model"], shown["previous"]["note_footer"]) == ("off", "on", "Rate it")


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
