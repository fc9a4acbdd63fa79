"""Installs the locked packages into the Python that runs this, and shows one line of progress. Needs nothing but pip.

`python -m tests.support.installing` is what `make setup` runs. On a terminal the line counts up; elsewhere, as in
continuous integration, there is one line at the beginning and one at the end. When pip fails, its whole log is shown.
"""

import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
LOG = ROOT / ".venv" / "install.log"
HELP = """\
{count} locked packages could not be installed. Above is pip's whole log; it stays in {log}.
What helps most often:
  - No connection: check the network, HTTPS_PROXY, and pip's own settings (`pip config list`).
  - A package cannot be built, or there is none for this Python: make clean, then make PYTHON=/path/to/python3.13 setup
  - A checksum differs: a proxy or a mirror changes the files; pip's index has to serve them unchanged.
Then run the same command again: what is fetched already is kept.
"""
_FETCHED_SHARE = 70  # per cent of the time that fetching takes; unpacking takes the rest
_LOOK_SECONDS = 0.5

Show = Callable[[str], None]


def wanted(lock: str) -> int:
    """How many packages the lock names; a package for other systems counts too, until pip leaves it out."""
    return len(re.findall(r"^[A-Za-z0-9][\w.-]*==", lock, re.MULTILINE))


def percent(log: str, count: int, unpacked: int) -> int:
    """How far pip is, from its log so far and the number of packages that stand in the environment."""
    left_out = log.count("\nIgnoring ") + log.startswith("Ignoring ")
    count = max(1, count - left_out)
    begun = len(re.findall(r"^(?:Collecting|Requirement already satisfied:) ", log, re.MULTILINE))
    share = min(1.0, begun / count) * _FETCHED_SHARE
    if "Installing collected packages" in log:
        share = _FETCHED_SHARE + min(1.0, unpacked / count) * (100 - _FETCHED_SHARE)
    return min(99, int(share))


def install(commands: Iterable[list[str]], count: int, log: Path, show: Show) -> int:
    """Runs the commands one after the other; returns the exit code of the first that fails, else 0."""
    with log.open("w+", encoding="utf-8", errors="replace") as file:
        for command in commands:
            process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
            try:
                while process.poll() is None:
                    show(f"Installing {count} locked packages … {_percent_now(log, count):2d} %")
                    time.sleep(_LOOK_SECONDS)
            finally:
                if process.poll() is None:  # Ctrl-C
                    process.terminate()
                    process.wait()
            if process.returncode:
                return process.returncode
    return 0


def _percent_now(log: Path, count: int) -> int:
    unpacked = len(list(Path(sysconfig.get_path("purelib")).glob("*.dist-info")))
    return percent(log.read_text(encoding="utf-8", errors="replace"), count, unpacked)


def _commands() -> list[list[str]]:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar", "off"]
    return [
        [*pip, "--require-hashes", "--requirement", str(LOCK)],
        [*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    ]


def _main() -> int:
    count = wanted(LOCK.read_text(encoding="utf-8"))
    began = time.monotonic()
    if sys.stdout.isatty():
        code = install(_commands(), count, LOG, lambda line: _write(f"\r{line}"))
        _write("\r\x1b[K")
    else:
        _write(f"Installing {count} locked packages (a minute or two the first time)\n")
        code = install(_commands(), count, LOG, lambda _: None)
    if code:
        _write(f"{LOG.read_text(encoding='utf-8', errors='replace')}\n{HELP.format(count=count, log=LOG)}")
        return 1
    _write(f"Installed {count} locked packages in {time.monotonic() - began:.0f} s\n")
    return 0


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(_main())
    except KeyboardInterrupt:
        sys.exit("\nStopped. The same command goes on where it was.")
