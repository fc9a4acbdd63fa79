"""The commands, as people and scripts use them."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from consumer.__main__ import main
from consumer.adapters.postgres.core.pool import closing_pool
from consumer.cli.settings_table import setting_rows
from consumer.settings import Settings, variable_of
from schemas.topics import REQUESTS, SESSIONS
from tests.support import wire
from tests.support.stage import Story
from tests.support.store_filler import StoreFiller

ROOT = Path(__file__).resolve().parents[1]
NOWHERE = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "DATABASE_URL": "postgresql://somebody:hunter2-secret@127.0.0.1:1/none",
    "REDIS_URL": "redis://:hunter2-secret@127.0.0.1:1/0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    code: int
    out: str
    err: str


Call = Callable[..., Done]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command in this process, as `python -m consumer` does in its own."""

    def run(*arguments: str, environment: Mapping[str, str] = NOWHERE) -> Done:
        monkeypatch.setattr("sys.argv", ["escalation-consumer", *arguments])
        monkeypatch.setenv("COLUMNS", "200")
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert "hunter2" not in captured.out + captured.err
        assert isinstance(ended.value.code, int)
        return Done(code=ended.value.code, out=captured.out, err=captured.err)

    return run


def test_help_names_every_command() -> None:
    """In its own process: the entry point works."""
    done = subprocess.run(
        [sys.executable, "-m", "consumer", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    for command in (
        "run",
        "prepare",
        "load",
        "demo",
        "session",
        "bundle",
        "package",
        "request",
        "dead-letters",
        "outbox",
    ):
        assert command in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("none",),
        ("session", "show"),
        ("package", "show", "not-a-uuid"),
        ("export",),
        ("trim",),
        ("load", "-", "--packages"),
    ],
)
def test_wrong_use_is_two(call: Call, arguments: tuple[str, ...]) -> None:
    assert call(*arguments).code == 2


def test_wrong_configuration_is_two_and_names_the_variable(call: Call) -> None:
    done = call("run", environment={**NOWHERE, "ESCALATION_HTTP_PORT": "many", "ESCALATION_LEASE_SECONDS": "0"})
    assert done.code == 2
    assert "ESCALATION_HTTP_PORT" in done.err
    assert "ESCALATION_LEASE_SECONDS" in done.err


@pytest.mark.parametrize("arguments", [("prepare",), ("session", "list"), ("outbox", "--json")])
def test_a_server_that_is_away_is_one_line(call: Call, arguments: tuple[str, ...]) -> None:
    done = call(*arguments)
    assert done.code == 1
    assert done.err.startswith("Failed: PostgreSQL: ")
    assert len(done.err.splitlines()) == 1


class TestSettings:
    def test_every_field_is_listed_with_its_meaning(self, call: Call) -> None:
        rows = json.loads(call("settings", "--json").out)
        assert [row["variable"] for row in rows] == [variable_of(name) for name in Settings.model_fields]
        assert [row["variable"] for row in rows if not row["meaning"]] == []

    def test_bounds_are_told(self) -> None:
        allowed = {row.variable: row.allowed for row in setting_rows()}
        assert allowed["ESCALATION_HTTP_PORT"] == "≥ 0 and ≤ 65535"
        assert allowed["ESCALATION_LOG_LEVEL"] == "DEBUG, INFO, WARNING, ERROR"


class TestSchemas:
    def test_are_listed_printed_and_written(self, call: Call, tmp_path: Path) -> None:
        names = json.loads(call("schemas", "--json").out)
        assert "asyncapi.yaml" in names
        assert json.loads(call("schemas", "session.opened.v1").out)["type"] == "object"
        assert call("schemas", "--write", str(tmp_path)).code == 0
        assert sorted(path.name for path in tmp_path.iterdir()) == names

    def test_an_unknown_one_is_said(self, call: Call) -> None:
        assert call("schemas", "none").code == 1


class TestLooking:
    @pytest.fixture
    def here(self, database: str) -> Mapping[str, str]:
        return {**NOWHERE, "DATABASE_URL": database}

    def test_a_database_that_is_not_prepared_is_said(self, call: Call, empty_database: str) -> None:
        done = call("session", "list", environment={**NOWHERE, "DATABASE_URL": empty_database})
        assert done.code == 1
        assert "`escalation-consumer prepare`" in done.err

    @pytest.mark.parametrize(
        "arguments", [("session", "list"), ("package", "list"), ("request", "list"), ("dead-letters", "list")]
    )
    def test_an_empty_store_is_an_empty_list(
        self, call: Call, here: Mapping[str, str], arguments: tuple[str, ...]
    ) -> None:
        assert json.loads(call(*arguments, "--json", environment=here).out) == []
        assert call(*arguments, environment=here).code == 0

    @pytest.mark.parametrize(
        "arguments",
        [
            ("session", "show", "none"),
            ("bundle", "none"),
            ("package", "show", "60760f3b-0823-58cb-8d72-e1de7873b0e6"),
            ("verify", "60760f3b-0823-58cb-8d72-e1de7873b0e6"),
            ("export", "--tenant", "nobody"),
            ("request", "show", "none"),
            ("dead-letters", "show", "topic", "0", "1"),
        ],
    )
    def test_what_is_not_known_is_one(self, call: Call, here: Mapping[str, str], arguments: tuple[str, ...]) -> None:
        done = call(*arguments, environment=here)
        assert done.code == 1
        assert done.err.startswith("Failed: ")

    def test_a_session_is_found_by_its_id_when_one_tenant_has_it(
        self, call: Call, here: Mapping[str, str], database: str
    ) -> None:
        asyncio.run(self._store(database, ("acme", "s1"), ("acme", "s/2"), ("other", "s/2")))
        shown = json.loads(call("session", "show", "s1", "--json", environment=here).out)
        assert shown["session"]["key"] == {"tenant_id": "acme", "session_id": "s1"}
        assert shown["session"]["title"] == "Printer"
        both = call("session", "show", "s/2", environment=here)
        assert (both.code, "acme, other" in both.err) == (1, True)
        for named in (("s/2", "--tenant", "other"), ("other/s/2",)):
            shown = json.loads(call("session", "show", *named, "--json", environment=here).out)
            assert shown["session"]["key"]["tenant_id"] == "other"
        assert "Printer" in call("session", "show", "s1", environment=here).out
        assert json.loads(call("bundle", "s1", "--json", environment=here).out)["records"]["title"] == "Printer"

    @staticmethod
    async def _store(database: str, *keys: tuple[str, str]) -> None:
        connection = await asyncpg.connect(database)
        try:
            for key in keys:
                await connection.execute(
                    "INSERT INTO sessions (tenant_id, session_id, newest_version, event_count) VALUES ($1, $2, 1, 1)",
                    *key,
                )
                await connection.execute(
                    "INSERT INTO session_events VALUES ($1, $2, 1, 1, 'e', 'session.opened.v1', now(), NULL, $3)",
                    *key,
                    '{"title": "Printer"}',
                )
        finally:
            await connection.close()


class TestProving:
    def test_a_proof_for_people_and_what_becomes_of_it(self, call: Call, database: str) -> None:
        here = {**NOWHERE, "DATABASE_URL": database}
        package = asyncio.run(self._package(database))
        done = call("verify", str(package), environment=here)
        assert done.code == 0, done.err
        for words in ("Verified: ", "rules, 0 calls", "2 stored of 2", "F1 fact f1 (version 2)", "P1 the session's"):
            assert words in done.out
        report = json.loads(call("verify", str(package), "--json", environment=here).out)
        assert report["verified"]
        (line,) = [line for line in report["lines"] if line["section"] == "confirmed"]
        assert line["rests_on"] == [{"record": "F1", "kind": "fact", "id": "f1", "versions": [2]}]
        asyncio.run(self._alter(database))
        done = call("verify", str(package), environment=here)
        assert (done.code, "Not verified: " in done.out) == (1, True)

    def test_an_export_to_standard_output_can_be_checked_by_the_loader(
        self, call: Call, database: str, tmp_path: Path
    ) -> None:
        asyncio.run(self._package(database))
        here = {**NOWHERE, "DATABASE_URL": database}
        done = call("export", "--tenant", "default", environment=here)
        assert (done.code, "1 sessions, 2 events, 1 packages written." in done.err) == (0, True)
        file = tmp_path / "export.jsonl"
        file.write_text(done.out, encoding="utf-8")
        report = json.loads(call("load", str(file), "--dry-run", "--json").out)
        assert (report["records"], report["packages"]["in_file"]) == (2, 1)
        again = call("export", "--session", "s1", "--output", str(file), environment=here)
        assert again.code == 1  # an existing file is not overwritten

    def test_a_dry_run_of_trimming_counts_and_changes_nothing(self, call: Call, database: str) -> None:
        asyncio.run(self._package(database))
        here = {**NOWHERE, "DATABASE_URL": database}
        report = json.loads(call("trim", "--days", "30", "--dry-run", "--json", environment=here).out)
        assert (report["sessions"], report["dry_run"]) == (0, True)
        keys_alone = call("trim", environment={**here, "ESCALATION_KEY_RETENTION_DAYS": "5"})
        assert (keys_alone.code, "ESCALATION_RETENTION_DAYS" in keys_alone.err) == (2, True)
        done = call("trim", "--dry-run", environment={**here, "ESCALATION_RETENTION_DAYS": "0.5"})
        assert (done.code, "0 sessions would lose their content" in done.out) == (0, True)

    def test_what_changed_between_revisions_is_shown(self, call: Call, database: str) -> None:
        first = asyncio.run(self._package(database))
        here = {**NOWHERE, "DATABASE_URL": database}
        alone = call("package", "diff", str(first), environment=here)
        assert (alone.code, "is the first revision of its note" in alone.err) == (1, True)
        second = asyncio.run(self._revision(database))
        shown = call("package", "diff", str(second), environment=here)
        assert (shown.code, "revision 1 to 2, because of state_changed; 1 events between them" in shown.out) == (
            0,
            True,
        )
        assert "[- works-]{+ fails+}" in shown.out
        assert "fact f1 changed (version 3)" in shown.out
        report = json.loads(call("package", "diff", str(first), str(second), "--json", environment=here).out)
        assert (report["before"], report["after"], report["complete"]) == (str(first), str(second), True)
        assert [record["id"] for record in report["records"]] == ["f1"]
        unknown = call("package", "diff", str(uuid4()), environment=here)
        assert (unknown.code, "is known" in unknown.err) == (1, True)

    @staticmethod
    async def _revision(database: str) -> UUID:
        async with closing_pool(database, name="test", max_size=2) as pool:
            filler = StoreFiller(pool)
            await filler.store(wire.change(data=wire.FACT | {"text": "Ping fails."}, version=3))
            return (await filler.draft())[-1]

    @staticmethod
    async def _package(database: str) -> UUID:
        async with closing_pool(database, name="test", max_size=2) as pool:
            filler = StoreFiller(pool)
            await filler.store(wire.change("session.opened.v1", {"title": "Printer"}), wire.change(version=2))
            await filler.store(wire.request())
            (package,) = await filler.draft()
        return package

    @staticmethod
    async def _alter(database: str) -> None:
        async with closing_pool(database, name="test", max_size=1) as pool:
            await pool.execute("UPDATE session_events SET data = replace(data, 'works', 'fails')")


class TestLoadDryRun:
    def _file(self, folder: Path, *lines: object) -> str:
        path = folder / "lines.jsonl"
        path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
        return str(path)

    def test_each_line_is_checked_as_intake_checks_it(self, call: Call, tmp_path: Path) -> None:
        story = Story("s1")
        sound = story.opened()
        wrong = story.event("session.fact_recorded.v1", {"fact_id": "f1", "source_type": "note"})
        strange = story.event("session.sang.v1")
        twice = {**story.opened(), "stateversion": 1, "id": "another"}
        deep: object = 1
        for _ in range(80):
            deep = [deep]
        refused = story.request("r9", deadline_seconds=0)
        file = self._file(
            tmp_path,
            {"topic": SESSIONS, "key": "s1", "value": sound},
            {"topic": SESSIONS, "key": "s1", "value": wrong},
            {"topic": SESSIONS, "key": "elsewhere", "value": story.fact()},
            {"topic": SESSIONS, "key": "s1", "value": strange},
            {"topic": SESSIONS, "key": "s1", "value": twice},
            "",
            {"topic": REQUESTS, "key": "s1", "value": refused},
            {"topic": SESSIONS, "key": "s1", "value": story.opened(x=deep)},
            {"topic": SESSIONS, "key": "s1", "value": None},
            {"topic": SESSIONS, "key": "s1", "value": {**sound, "id": "x" * 1_100_000}},
            "no json",
            {"topic": "nobody", "key": "s1", "value": {}},
            '{"topic": "session-state-changed", "key": "\\ud800", "value": {}}',
            "[" * 100_000,
            "7" * 10_000,
        )
        done = call("load", file, "--dry-run", "--json")
        assert done.code == 1
        report = json.loads(done.out)
        assert (report["sent"], report["records"], report["topics_known"]) == (False, 9, False)
        problems = [(problem["line"], problem["reason"], problem["error"]) for problem in report["problems"]]
        assert [(line, reason) for line, reason, _ in problems] == [
            (2, "invalid"),
            (3, "note"),
            (4, "note"),
            (5, "version_conflict"),
            (7, "invalid"),
            (8, "too_large"),
            (9, "undecodable"),
            (10, "too_large"),
            (11, "line"),
            (12, "line"),
            (13, "line"),
            (14, "line"),
            (15, "line"),
        ]
        errors = {line: error for line, _, error in problems}
        assert "text" in errors[2]
        assert "deadline_seconds" in errors[7]
        assert report["refused"] == 11

    def test_people_are_told_the_line_and_that_nothing_was_sent(self, call: Call, tmp_path: Path) -> None:
        story = Story("s1")
        file = self._file(
            tmp_path, {"topic": SESSIONS, "key": "s1", "value": story.event("session.opened.v1", {"title": 1})}
        )
        done = call("load", file, "--dry-run")
        assert done.code == 1
        assert "invalid" in done.out
        assert "1 records checked, none sent: 1 would be refused." in done.out
        assert "Kafka could not be asked" in done.err

    def test_a_line_that_is_no_utf_8_is_named(self, call: Call, tmp_path: Path) -> None:
        (tmp_path / "binary").write_bytes(b'{"topic": "escalation-requested", "key": "\xff", "value": {}}\n\x00\xfe\n')
        problems = json.loads(call("load", str(tmp_path / "binary"), "--dry-run", "--json").out)["problems"]
        assert [(problem["line"], problem["error"]) for problem in problems] == [(1, "not UTF-8"), (2, "not UTF-8")]
