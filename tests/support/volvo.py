"""Real incident history as topic records. The data is no part of the project and may be absent."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SHARED = "ESCALATION_SHARED_DIR"
SECRET_STEM = "Vinst-"
"""The start of every planted secret; no other text holds it."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Records in the order in which they are to be sent."""

    lines: str
    """As the loader takes them: one JSON object a line."""

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines.splitlines()]

    @property
    def requests(self) -> int:
        """Distinct requests."""
        requests = (record["value"] for record in self.records() if record["topic"] == "escalation-requested")
        return len({(value["subject"], value["data"]["request_id"]) for value in requests})

    def half(self, which: int) -> str:
        """The first (0) or the second (1) half of the lines."""
        lines = self.lines.splitlines(keepends=True)
        middle = len(lines) // 2
        return "".join(lines[middle:] if which else lines[:middle])


def shared_folder() -> Path:
    """Where the real data would be."""
    return Path(os.environ.get(SHARED) or Path(__file__).resolve().parents[3] / "shared")


def stream(*options: str) -> Stream:
    """Skips the test where the data is absent."""
    tool = shared_folder() / "tools" / "volvo_events.py"
    if not tool.exists():
        pytest.skip(f"the real data is not here: {tool} is absent ({SHARED} names another folder)")
    done = subprocess.run(
        [sys.executable, str(tool), *options], capture_output=True, text=True, check=True, timeout=200
    )
    return Stream(done.stdout)
