"""Writes the bill of materials of the image, CycloneDX as JSON: `make sbom`. Needs no network.

cyclonedx-py makes it of the lock's lines; licences and what needs what are added from the installed metadata. The
result is validated against the public schema before it is written.

usage: python -m tests.supply.bill [FILE]
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from tests.supply import locks
from tests.supply.licences import LicencePolicy
from tests.support.compose import ROOT

BIN = ROOT / ".venv-audit" / "bin"
DEFAULT = ROOT / "dist" / "escalation-consumer.cdx.json"
SPECIFICATION = "1.6"
_VALIDATE = (
    "import sys; from cyclonedx.schema import SchemaVersion; from cyclonedx.validation.json import JsonStrictValidator;"
    f"sys.exit(str(e) if (e := JsonStrictValidator(SchemaVersion.V{SPECIFICATION.replace('.', '_')})"
    ".validate_str(sys.stdin.read())) else 0)"
)


def command() -> list[str]:
    """Reads lines of a lock and writes a bill of materials; the same lines give the same bill."""
    options = [
        f"--spec-version={SPECIFICATION}",
        "--output-format=JSON",
        "--output-reproducible",
        "--mc-type=application",
    ]
    return [str(BIN / "cyclonedx-py"), "requirements", "--pyproject=pyproject.toml", *options, "-"]


def completed(bill: dict[str, Any]) -> dict[str, Any]:
    """The bill with the licence of each component, and with what needs what."""
    policy, environment = LicencePolicy.read(), locks.image_environment()
    references: dict[str, str] = {
        canonicalize_name(component["name"]): component["bom-ref"] for component in bill["components"]
    }
    root = bill["metadata"]["component"]
    needed = {root["name"]: root["bom-ref"], **references}
    for component in bill["components"]:
        component["licenses"] = [licence(policy.expression(component["name"]))]
        for words in ("description", "externalReferences"):  # the lock's line, and where a mirror of packages stands
            component.pop(words, None)
    return {
        **bill,
        "dependencies": [
            {
                "ref": reference,
                "dependsOn": sorted(references[other] for other in locks.needs(name, environment) & set(references)),
            }
            for name, reference in sorted(needed.items())
        ],
    }


def licence(expression: str) -> dict[str, Any]:
    """How CycloneDX writes a licence: an expression, or one by its id."""
    return {"expression": expression} if " " in expression else {"license": {"id": expression}}


def make() -> str:
    lines = "".join(package.lines for package in locks.image_packages())
    made = subprocess.run(command(), input=lines, capture_output=True, text=True, check=True, cwd=ROOT)
    text = json.dumps(completed(json.loads(made.stdout)), indent=2) + "\n"
    checked = subprocess.run(
        [str(BIN / "python"), "-c", _VALIDATE], input=text, capture_output=True, text=True, check=False
    )
    if checked.returncode:
        sys.exit(f"The bill of materials does not fit CycloneDX {SPECIFICATION}: {checked.stderr.strip()[:2000]}")
    return text


def main(file: Path) -> None:
    text = make()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(json.loads(text)['components'])} packages in {file}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT)
