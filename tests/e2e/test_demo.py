"""`escalation-consumer demo`, as a user starts and stops it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from consumer.cli.demo.samples import read_samples

PLANTED = re.compile(r"[A-Za-z]+-[\w-]+!demo|demo-token-\w+")
_SECONDS = 150


@contextmanager
def demo(folder: Path, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The demo in a process group of its own, as a shell starts it. What it says stands in `out` and `err`."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        (folder / "tmp").mkdir()
        started = subprocess.Popen(
            [sys.executable, "-m", "consumer", "demo", *options],
            stdout=out,
            stderr=err,
            env={**os.environ, "TMPDIR": str(folder / "tmp")},
            start_new_session=True,
        )
        try:
            yield started
        finally:
            if started.poll() is None:
                os.killpg(started.pid, signal.SIGKILL)
                started.wait()


def wait_for(text: str, said: Path, process: "subprocess.Popen[bytes]") -> str:
    until = time.monotonic() + _SECONDS
    while text not in said.read_text():
        assert process.poll() is None, said.read_text()[-3000:]
        assert time.monotonic() < until, said.read_text()[-3000:]
        time.sleep(0.1)
    return said.read_text()


def assert_nothing_is_left(folder: Path, within_seconds: float = 0.0) -> None:
    until = time.monotonic() + within_seconds
    while (left := _left(folder)) and time.monotonic() < until:
        time.sleep(0.2)
    assert left == []


def _left(folder: Path) -> list[str]:
    lines = (" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
    return [line for line in lines if str(folder) in line] + [path.name for path in (folder / "tmp").iterdir()]


@pytest.mark.timeout(_SECONDS + 60)
def test_the_demo_answers_every_request_shows_no_secret_and_leaves_nothing_running(tmp_path: Path) -> None:
    samples = read_samples()
    sent = "".join(json.dumps(record.value) for record in samples.records)
    assert len(set(PLANTED.findall(sent))) > 3

    with demo(tmp_path, "--json", "--timeout", "100", "--keep") as process:
        said = wait_for("stop  Ctrl-C", tmp_path / "err", process)
        mine = said.partition("see its package:\n\n")[2].partition("\n\n")[0]
        mine = mine.replace("\nEND\n", "\nEND\nsleep 4\n")
        tried = subprocess.run(["bash", "-euc", mine], capture_output=True, text=True, timeout=60, check=False)
        log = Path(re.search(r"tail -f (\S+)", said)[1]).read_text()  # type: ignore[index]
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=40) == 0

    out, err = (tmp_path / "out").read_text(), (tmp_path / "err").read_text()
    _every_request_is_answered(json.loads(out))
    assert not PLANTED.search(out + err + log)
    assert tried.returncode == 0, tried.stderr
    assert re.search(r"my-session +r1 +1 +fallback", tried.stdout), tried.stdout
    assert "Scanner does not send mail" in tried.stdout
    assert "Nothing is left running." in err
    assert_nothing_is_left(tmp_path)


def _every_request_is_answered(result: dict[str, Any]) -> None:
    samples, events = read_samples(), result["events"]
    answered = {(event["tenantid"], event["subject"], event["data"]["request_id"]) for event in events}
    assert answered == set(samples.titles)
    packages = [event["data"] for event in events if event["type"] == "escalation.package_ready.v1"]
    assert {package["status"] for package in packages} == {"fallback"}
    assert {(package["tenant_id"], package["language"]) for package in packages} >= {
        ("noordvliet-logistics", "de"), ("quillmoor-legal", "en"),
    }  # fmt: skip
    off = [package for package in packages if package["tenant_id"] == "quillmoor-legal"]
    assert all("model_disabled" in package["warnings"] for package in off)
    assert sum(row["posted"] for row in result["feedback"]) == len({package["note_key"] for package in packages})
    assert "state_changed" in {package["cause"] for package in packages}
    assert "session_not_found" in {event["data"].get("reason") for event in events}
    assert [(row["reason"], row["error"]) for row in result["dead_letters"]] == [
        ("invalid", "stateversion: Field required")
    ]
    assert result["secrets"]["values"] > 5
    assert result["secrets"]["places"]["a refused record"] == 1


@pytest.mark.timeout(_SECONDS + 60)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_whoever_stops_it_while_the_servers_start_leaves_nothing(how: signal.Signals, tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        wait_for("Starting servers", tmp_path / "out", process)
        time.sleep(1)
        if how is signal.SIGINT:
            os.killpg(process.pid, how)
        else:
            process.kill()
        code = process.wait(timeout=40)
    if how is signal.SIGINT:
        assert code == 1
        assert "Nothing is left running." in (tmp_path / "err").read_text()
    assert_nothing_is_left(tmp_path, within_seconds=20)
