"""Asks the advisory data about every locked package: `make audit`. Needs the network.

It fails when a package has an advisory, and also when a package could not be asked for: silence is no acquittal.

usage: python -m tests.supply.audit [LOCK…]
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.supply import locks
from tests.support.compose import ROOT

PROGRAM = ROOT / ".venv-audit" / "bin" / "pip-audit"
_SECONDS = 900
_ADVICE = """\
The advisory data could not be read, so nothing is known about {lock}.
What helps: a connection to the package index's JSON interface (HTTPS_PROXY, REQUESTS_CA_BUNDLE), or another source:
  make audit AUDIT_SERVICE=osv
The licences (python -m tests.supply.licences) and `make sbom` need no network.
"""


def command(lock: str, service: str) -> list[str]:
    """pip-audit for one lock, as it stands: nothing is resolved or installed."""
    options = ["--disable-pip", "--require-hashes", "--format=json", "--progress-spinner=off", "--timeout=20"]
    return [str(PROGRAM), *options, f"--vulnerability-service={service}", "--requirement", lock]


def findings(report: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The advisories, and the packages that could not be asked for, a line each."""
    advisories, unknown = [], []
    for package in report["dependencies"]:
        if "skip_reason" in package:
            unknown.append(f"{package['name']}: {package['skip_reason']}")
        advisories += [
            f"{package['name']} {package['version']}: {entry['id']}, mended in {entry['fix_versions'] or 'no release'}"
            for entry in package.get("vulns", ())
        ]
    return advisories, unknown


def audit(lock: str, service: str) -> list[str]:
    """What is wrong with a lock, a line each; empty when every package was asked for and none has an advisory."""
    done = subprocess.run(
        command(lock, service), capture_output=True, text=True, check=False, cwd=ROOT, timeout=_SECONDS
    )
    try:
        advisories, unknown = findings(json.loads(done.stdout))
    except json.JSONDecodeError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return [last[:400], _ADVICE.format(lock=lock).rstrip()]
    if unknown:
        unknown.append(_ADVICE.format(lock=lock).rstrip())
    return advisories + unknown


def main(arguments: list[str]) -> int:
    service = next((word.partition("=")[2] for word in arguments if word.startswith("--service=")), "pypi")
    chosen = [word for word in arguments if not word.startswith("--")] or [*locks.LOCKS, locks.AUDIT]
    if not PROGRAM.exists():
        sys.stderr.write("There is no .venv-audit: make audit makes it.\n")
        return 2
    failed = False
    for lock in chosen:
        lines = audit(lock, service)
        failed |= bool(lines)
        verdict = "not passed" if lines else "no advisory"
        sys.stdout.write("\n".join([f"{Path(lock).name}: {verdict}", *lines]) + "\n")
        sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
