"""`escalation-consumer demo`, as a user starts it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from consumer.cli.demo.samples import read_samples

PLANTED = re.compile(r"[A-Za-z]+-[\w-]+!demo|demo-token-\w+")
_SECONDS = 150


@pytest.mark.timeout(_SECONDS + 30)
def test_the_demo_answers_every_request_shows_no_secret_and_leaves_nothing_running(tmp_path: Path) -> None:
    samples = read_samples()
    sent = "".join(json.dumps(record.value) for record in samples.records)
    assert len(set(PLANTED.findall(sent))) > 3

    done = subprocess.run(
        [sys.executable, "-m", "consumer", "demo", "--json", "--timeout", "100"],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)
    events = result["events"]
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
    assert not PLANTED.search(done.stdout + done.stderr)
    left = [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(tmp_path) in " ".join(process.info["cmdline"] or ())
    ]
    assert left == []
