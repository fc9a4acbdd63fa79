"""`draft` and `evaluate`, as people and scripts use them: with and without a key, stopped and continued."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from consumer.domain.cost import prices
from consumer.domain.cost.usage import drafting_usage
from schemas.packages import Usage
from tests.support import answers, model_server
from tests.support.model_server import Menu, ModelServer
from tests.test_cli import NOWHERE, Call, call

__all__ = ["call"]

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden" / "sessions"
FILE = str(GOLDEN / "failed-vpn-error-809.jsonl")
SECRETS = str(GOLDEN / "secrets-in-notes-and-parameters.jsonl")


def dollars(model: str, usage: Usage) -> float:
    price = prices.price_of(model, at=datetime.now(UTC))
    assert price is not None
    return price.of(usage)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(answers.structured) as started:
        yield started


@pytest.fixture
def paid(server: ModelServer) -> Mapping[str, str]:
    """An environment with a key; still without a database."""
    return {**NOWHERE, "ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": server.url}


class TestDraft:
    def test_a_file_needs_neither_a_database_nor_a_key(self, call: Call) -> None:
        done = call("draft", FILE)
        assert done.code == 0
        for shown in ("VPN error 809", "Suggested next steps", '"problem_domain": "vpn"', "repeated_fix", "headings"):
            assert shown in done.out
        assert "fallback, by rules" in done.out

    def test_for_machines(self, call: Call) -> None:
        draft = json.loads(call("draft", FILE, "--json").out)
        assert draft["status"] == "fallback"
        assert draft["markdown"].startswith("## Problem\n\n")
        assert draft["bundle"]["fixes"][0]["status"] == "applied_failed"
        assert {check["standing"] for check in draft["checks"]} == {"kept"}
        assert len(draft["checks"]) > 25
        assert draft["dollars"] == 0

    def test_the_model_is_asked_where_somebody_agreed(
        self, call: Call, server: ModelServer, paid: Mapping[str, str], tmp_path: Path
    ) -> None:
        options = ("--answers", str(tmp_path / "a.jsonl"), "--json")
        refused = call("draft", FILE, *options, environment=paid)
        assert (refused.code, server.calls) == (2, 0)
        assert "costs money" in refused.err
        planned = json.loads(call("draft", FILE, *options, "--dry-run", environment=paid).out)
        assert (planned["sessions"], planned["answered_before"], server.calls) == (1, 0, 0)
        assert 0 < planned["likely_dollars"] < planned["most_dollars"] < 0.2
        draft = json.loads(call("draft", FILE, *options, "--yes", environment=paid).out)
        assert (draft["status"], draft["model"], draft["calls"], server.calls) == ("ready", "claude-sonnet-5-5", 1, 1)
        assert draft["usage"]["output_tokens"] > 0
        read = Usage.model_validate(draft["check"]["usage"])
        written = drafting_usage(Usage.model_validate(draft["usage"]), read)
        assert draft["check"]["model"] == "claude-haiku-5-5"
        in_all = sum(dollars(model, used) for model, used in ((draft["model"], written), ("claude-haiku-5-5", read)))
        assert draft["dollars"] == pytest.approx(in_all)
        again = json.loads(call("draft", FILE, *options, environment=paid).out)
        assert (again["markdown"], server.calls) == (draft["markdown"], 1), "what is paid for asks nobody"
        by_rules = json.loads(call("draft", FILE, *options, "--rules", environment=paid).out)
        assert (by_rules["status"], server.calls) == ("fallback", 1)

    def test_the_model_sees_no_secret_of_a_file(
        self, call: Call, server: ModelServer, paid: Mapping[str, str], tmp_path: Path
    ) -> None:
        """Nor a secret that only a later line reveals."""
        lines = Path(SECRETS).read_text(encoding="utf-8").splitlines()
        first = json.loads(lines[0])["value"]
        note = first | {"id": "early", "stateversion": 0, "type": "session.fact_recorded.v1"}
        early = note | {"data": {"fact_id": "f-early", "text": "On the note: Zephyr-91-Quartz", "source_type": "x"}}
        late = note | {
            "id": "late",
            "stateversion": 900,
            "type": "session.script_generated.v1",
            "data": {
                "generation_id": "g",
                "template": {
                    "name": "t",
                    "parameters_schema": {"parameters": [{"key": "p", "field_type": "password"}]},
                },
                "parameters_used": {"p": "Zephyr-91-Quartz"},
            },
        }
        path = tmp_path / "session.jsonl"
        path.write_text("\n".join([json.dumps(early), *lines, json.dumps(late)]), encoding="utf-8")
        done = call("draft", str(path), "--answers", str(tmp_path / "a.jsonl"), "--yes", "--json", environment=paid)
        assert done.code == 0, done.err
        assert "On the note: [REDACTED:" in done.out
        assert server.calls >= 1
        assert not server.holds("Zephyr-91-Quartz")
        assert "Zephyr" not in done.out + done.err + (tmp_path / "a.jsonl").read_text()

    def test_a_file_of_several_sessions_asks_which(self, call: Call, tmp_path: Path) -> None:
        path = tmp_path / "both.jsonl"
        path.write_text(Path(FILE).read_text() + Path(SECRETS).read_text() + "no json\n", encoding="utf-8")
        done = call("draft", str(path))
        assert done.code == 1
        assert "several sessions" in done.err
        assert "line" in done.err
        assert "not JSON" in done.err
        name = json.loads(Path(FILE).read_text().splitlines()[0])["value"]["subject"]
        assert json.loads(call("draft", str(path), "--session", name, "--json").out)["session"] == name

    @pytest.mark.parametrize("name", ["none.jsonl", "pyproject.toml"])
    def test_what_is_no_file_of_events_is_said(self, call: Call, name: str) -> None:
        done = call("draft", str(ROOT / name))
        assert done.code == 1
        assert "Failed: " in done.err

    def test_a_model_that_is_away_is_said(
        self, call: Call, server: ModelServer, paid: Mapping[str, str], tmp_path: Path
    ) -> None:
        server.always(model_server.error(401))
        done = call("draft", FILE, "--answers", str(tmp_path / "a"), "--yes", environment=paid)
        assert (done.code, server.calls) == (1, 1)
        assert "401" in done.err

    def test_a_stored_session_is_drafted_with_its_last_reason(self, call: Call, database: str) -> None:
        asyncio.run(_store(database))
        here = {**NOWHERE, "DATABASE_URL": database}
        draft = json.loads(call("draft", "s1", "--json", environment=here).out)
        assert draft["bundle"] == {
            "title": "Printer", "reason": "Night shift", "facts": [], "checks_and_scripts": [], "fixes": [],
        }  # fmt: skip
        draft = json.loads(call("draft", "s1", "--reason", "Other", "--json", environment=here).out)
        assert draft["bundle"]["reason"] == "Other"
        assert call("draft", "s2", environment=here).code == 1


async def _store(database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            "INSERT INTO service_keys (name, value) VALUES ('redaction', decode(repeat('00', 32), 'hex'))"
            " ON CONFLICT DO NOTHING"
        )
        await connection.execute(
            "INSERT INTO sessions (tenant_id, session_id, newest_version, event_count) VALUES ('acme', 's1', 1, 1)"
        )
        await connection.execute(
            "INSERT INTO session_events VALUES"
            " ('acme', 's1', 1, 1, 'e', 'session.opened.v1', now(), NULL, '{\"title\": \"Printer\"}')"
        )
        await connection.execute(
            "INSERT INTO requests (tenant_id, session_id, request_id, reason, priority, deadline_seconds, state, force,"
            " from_replay) VALUES ('acme', 's1', 'r', 'Night shift', 3, 120, 'open', false, false)"
        )
    finally:
        await connection.close()


class TestEvaluate:
    @pytest.fixture
    def few(self, tmp_path: Path) -> Path:
        folder = tmp_path / "few"
        folder.mkdir()
        for path in sorted(GOLDEN.glob("pending-*.jsonl")):
            (folder / path.name).write_bytes(path.read_bytes())
        return folder

    def test_rules_draft_all_the_sessions_of_the_project(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(ROOT)
        report = json.loads(call("evaluate", "--json").out)
        assert report["totals"]["sessions"] == len(report["sessions"]) >= 40
        assert report["totals"]["with_a_broken_check"] == 0
        assert report["totals"]["status"] == {"fallback": len(report["sessions"])}

    def test_a_table_with_totals(self, call: Call, few: Path) -> None:
        done = call("evaluate", str(few))
        lines = done.out.splitlines()
        assert lines[0].split()[:2] == ["session", "status"]
        assert sum("pending-" in line for line in lines) == 4
        assert any(line.startswith("4 sessions") and "4 fallback" in line for line in lines)
        assert lines[-1].startswith("Kept by all: ")

    def test_the_model_is_measured(
        self, call: Call, server: ModelServer, paid: Mapping[str, str], few: Path, tmp_path: Path
    ) -> None:
        options = ("evaluate", str(few), "--answers", str(tmp_path / "a.jsonl"), "--json")
        assert call(*options, environment=paid).code == 2
        planned = json.loads(call(*options, "--dry-run", environment=paid).out)
        assert (planned["sessions"], planned["answered_before"], server.calls) == (4, 0, 0)
        server.script(Menu(server).says("{}"))
        report = json.loads(call(*options, "--yes", environment=paid).out)
        assert (report["totals"]["status"], report["totals"]["calls"], server.calls) == ({"ready": 4}, 5, 5)
        assert report["totals"]["checks"]["answer unreadable"] == {"mended": 1, "kept": 3}
        assert report["totals"]["dollars"] == pytest.approx(sum(session["dollars"] for session in report["sessions"]))
        again = json.loads(call(*options, environment=paid).out)
        assert (again["totals"], server.calls) == (report["totals"], 5)

    def test_a_model_that_goes_away_loses_nothing(
        self, call: Call, server: ModelServer, paid: Mapping[str, str], few: Path, tmp_path: Path
    ) -> None:
        server.script(server.answer, server.answer, *[model_server.error(401)] * 2)
        environment = {**paid, "ESCALATION_MODEL_CONCURRENCY": "1"}
        options = ("evaluate", str(few), "--answers", str(tmp_path / "a.jsonl"), "--yes", "--json")
        done = call(*options, environment=environment)
        assert (done.code, json.loads(done.out)["totals"]["sessions"], server.calls) == (1, 2, 3)
        assert "2 of 4 are done" in done.err
        server.always(None)
        done = call(*options, environment=environment)
        assert (done.code, json.loads(done.out)["totals"]["sessions"], server.calls) == (0, 4, 5)

    @pytest.mark.timeout(400)
    def test_ctrl_c_finishes_what_is_under_way_and_the_same_command_goes_on(
        self, server: ModelServer, paid: Mapping[str, str], few: Path, tmp_path: Path
    ) -> None:
        server.always(Menu(server).slow(0.5))
        command = [sys.executable, "-m", "consumer", "evaluate", str(few), "--yes", "--json"]
        command += ["--answers", str(tmp_path / "a.jsonl")]
        environment = {**os.environ, **paid, "ESCALATION_MODEL_CONCURRENCY": "1"}

        def start() -> "subprocess.Popen[str]":
            pipe = subprocess.PIPE
            return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)

        with start() as process:
            while server.calls < 1:
                assert process.poll() is None, process.communicate()
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=200)
        assert process.returncode == 1, err
        stopped: dict[str, Any] = json.loads(out)
        done = stopped["totals"]["sessions"]
        assert 1 <= done == server.calls < 4, "what was under way is kept, and nothing else was begun"
        assert f"{done} of 4 are done" in err
        server.always(None)
        with start() as process:
            out, err = process.communicate(timeout=200)
        assert (process.returncode, server.calls) == (0, 4), err
        assert json.loads(out)["totals"]["sessions"] == 4


class TestLabelled:
    """The checks measured on statements whose truth is known; `held` was kept aside while the rules were made.

    `first` holds first answers to 140 sessions, whole, as somebody wrote them from the prompt alone.
    """

    def kinds(self, call: Call, *paths: str) -> dict[str, Any]:
        return {
            kind["kind"]: kind for kind in json.loads(call("evaluate", "--labelled", *paths, "--json").out)["kinds"]
        }

    def test_code_refuses_at_most_one_honest_statement_in_a_hundred(self, call: Call) -> None:
        honest = self.kinds(call)["honest"]
        assert honest["statements"] >= 200
        assert honest["refused"] * 100 <= honest["statements"], honest["rules"]

    def test_a_reader_lets_the_honest_pass_and_few_untruths(self, call: Call) -> None:
        """As played by readers who had the reader's instructions and nothing else of the project."""
        kinds = self.kinds(call)
        honest = kinds.pop("honest")
        assert honest["flagged"] * 20 <= honest["read"]
        assert len(kinds) == 15
        assert sum(kind["statements"] for kind in kinds.values()) >= 150
        read = sum(kind["read"] for kind in kinds.values())
        assert read >= 150
        assert sum(kind["flagged"] for kind in kinds.values()) >= 0.85 * read

    def test_it_is_told_in_words(self, call: Call) -> None:
        said = call("evaluate", "--labelled", str(ROOT / "tests/golden/labelled")).out
        assert "Honest: " in said
        assert "pending_told_as_held" in said

    def test_a_folder_without_sessions_is_told(self, call: Call, tmp_path: Path) -> None:
        done = call("evaluate", str(tmp_path))
        assert (done.code, done.err.strip()) == (1, f"Failed: {tmp_path}: no file in this folder is called *.jsonl.")

    def test_a_folder_without_a_set_and_a_line_that_is_none_are_told(self, call: Call, tmp_path: Path) -> None:
        empty = call("evaluate", "--labelled", str(tmp_path))
        assert (empty.code, "there is no statements.jsonl" in empty.err) == (1, True)
        (tmp_path / "statements.jsonl").write_text('{"session": "s", "part": "poem", "text": "", "records": []}\n')
        wrong = call("evaluate", "--labelled", str(tmp_path))
        assert wrong.code == 1
        assert "line 1: part:" in wrong.err
        (tmp_path / "statements.jsonl").write_text('{"session": "s", "part": "problem", "text": "", "records": []}\n')
        unknown = call("evaluate", "--labelled", str(tmp_path))
        assert (unknown.code, "no session s" in unknown.err) == (1, True)
