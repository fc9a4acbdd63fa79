"""Every command with every kind of bad value, while the servers are away and with a database that answers."""

import io
from pathlib import Path

import pytest

from tests.support.walker import Walker


@pytest.mark.long
@pytest.mark.parametrize("away", [True, False])
def test_no_command_ends_in_a_traceback(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    database: str,
    away: bool,
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe not JSON")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none" if away else database)
    walker = Walker(tmp_path, capsys)
    walker.walk_all(most=9)
    assert not walker.faults, "\n".join(walker.faults)
    assert walker.calls > 400
