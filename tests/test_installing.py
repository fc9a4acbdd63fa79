"""`make setup` shows one line of progress, and the whole log when something fails."""

import sys
from pathlib import Path

import pytest

from tests.support import installing

LOG = """\
Ignoring colorama: markers 'sys_platform == "win32"' don't match your environment
Collecting aiohttp==3.13.2
  Downloading aiohttp-3.13.2.whl (1.7 MB)
Requirement already satisfied: attrs==25.4.0 in ./.venv/lib
"""


def test_every_locked_package_is_counted() -> None:
    lock = installing.LOCK.read_text(encoding="utf-8")
    assert installing.wanted(lock) == lock.count("==") - _markers(lock) > 100


def _markers(lock: str) -> int:
    """How many `==` belong to a marker, such as `sys_platform == 'win32'`."""
    return lock.count(" == ")


def test_the_share_grows_with_what_pip_has_begun_and_unpacked_and_ends_below_a_hundred() -> None:
    unpacking = LOG + "Installing collected packages: aiohttp, attrs\n"
    assert installing.percent("", 5, 1) == 0
    assert installing.percent(LOG, 5, 1) == 35
    assert installing.percent(unpacking, 5, 2) == 85
    assert installing.percent(unpacking, 5, 9) == 99


@pytest.mark.parametrize("code", [0, 3])
def test_the_log_keeps_all_that_pip_said_and_the_exit_code_is_told(code: int, tmp_path: Path) -> None:
    log, lines = tmp_path / "install.log", list[str]()
    said = [sys.executable, "-c", f"import sys; print('no such checksum'); sys.exit({code})"]
    never = [sys.executable, "-c", f"open({str(tmp_path / 'second')!r}, 'w')"]
    assert installing.install([said, never], 7, log, lines.append) == code
    assert "no such checksum" in log.read_text()
    assert lines[0] == "Installing 7 locked packages …  0 %"
    assert (tmp_path / "second").exists() == (code == 0), "what comes after a failure is not run"


def test_a_failure_shows_the_log_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(installing, "LOG", tmp_path / "install.log")
    monkeypatch.setattr(
        installing, "_commands", lambda: [[sys.executable, "-c", "raise SystemExit('hashes do not match')"]]
    )
    assert installing._main() == 1
    shown = capsys.readouterr().out
    assert "hashes do not match" in shown
    assert "What helps most often" in shown
    assert str(tmp_path / "install.log") in shown
