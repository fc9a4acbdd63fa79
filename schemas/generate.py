"""Writes `schemas/generated/`: JSON Schema per type and one AsyncAPI document, made from the models.

usage: python -m schemas.generate [--check | --release]

--check writes nothing and exits with 1 when a file is missing, out of date or no longer made, or when a schema would
break those who read or write events by the released one. --release makes the present JSON Schemas the released ones.
"""

import json
import sys
from pathlib import Path

from schemas import asyncapi, compatibility, json_schema

FOLDER = Path(__file__).parent / "generated"
RELEASED = Path(__file__).parent / "released"
"""The JSON Schemas that other teams have generated their types from."""


def generated_files() -> dict[str, str]:
    """Every generated file's text, by its name; the same for the same models."""
    return json_schema.documents() | {"asyncapi.yaml": asyncapi.document()}


def stale() -> list[str]:
    """Names of files that differ from what the models say, missing and superfluous ones included."""
    wanted = generated_files()
    present = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*") if path.is_file()}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


def breaking() -> list[str]:
    """What the present schemas would break for those who know the released ones, a line for each."""
    found = []
    present = json_schema.documents()
    for path in sorted(RELEASED.glob("*.json")):
        if path.name not in present:
            found.append(f"{path.name}: is gone")
            continue
        released, new = json.loads(path.read_text(encoding="utf-8")), json.loads(present[path.name])
        kind = path.name.removesuffix(".json").removesuffix(".data")
        compare = compatibility.breaks_producers if kind in json_schema.RECEIVED else compatibility.breaks_readers
        found += [f"{path.name}: {line}" for line in compare(released, new)]
    return found


def _check() -> int:
    if names := stale():
        sys.stderr.write(f"out of date in schemas/generated: {', '.join(names)}; run `make generate`\n")
    broken = breaking()
    for line in broken:
        sys.stderr.write(f"{line} (schemas are additive: give what is new a name or a type of its own)\n")
    return 1 if names or broken else 0


def _write(folder: Path, wanted: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        return _check()
    if arguments == ["--release"]:
        _write(RELEASED, json_schema.documents())
        return 0
    if arguments:
        sys.stderr.write(__doc__ or "")
        return 2
    wanted = generated_files()
    _write(FOLDER, wanted)
    sys.stdout.write(f"{len(wanted)} files in schemas/generated\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
