"""Writes `schemas/generated/`: JSON Schema per type and one AsyncAPI document, made from the models.

usage: python -m schemas.generate [--check]

--check writes nothing and exits with 1 when a file is missing, out of date or no longer made.
"""

import sys
from pathlib import Path

from schemas import asyncapi, json_schema

FOLDER = Path(__file__).parent / "generated"


def generated_files() -> dict[str, str]:
    """Every generated file's text, by its name; the same for the same models."""
    return json_schema.documents() | {"asyncapi.yaml": asyncapi.document()}


def stale() -> list[str]:
    """Names of files that differ from what the models say, missing and superfluous ones included."""
    wanted = generated_files()
    present = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*") if path.is_file()}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        if names := stale():
            sys.stderr.write(f"out of date in schemas/generated: {', '.join(names)}; run `make generate`\n")
        return 1 if names else 0
    if arguments:
        sys.stderr.write(__doc__ or "")
        return 2
    FOLDER.mkdir(exist_ok=True)
    wanted = generated_files()
    for name in stale():
        if name in wanted:
            (FOLDER / name).write_text(wanted[name], encoding="utf-8")
        else:
            (FOLDER / name).unlink()
    sys.stdout.write(f"{len(wanted)} files in schemas/generated\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
