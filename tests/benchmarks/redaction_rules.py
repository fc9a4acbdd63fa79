"""Known rule sets beside ours, over the labelled texts: `make bench-redaction-rules [GITLEAKS_CONFIG=PATH] [MISSED=1]`.

For each half of the labelled set it prints what each rule set finds, misses, and finds in harmless texts. It asks what
others find and ours do not: that is a kind to be added. It is no contest. The set is of texts of tickets, and ours were
written beside one half of it; the others are made for source code, and pass over values that say "test" or "fake".

A secret counts as found when what is reported covers it wherever it stands in its text, to the last character:

- ours: what the door replaces;
- detect-secrets: the values that its default plugins report, in a file per text;
- Kingfisher: the values that its rules report at their lowest level of confidence, in a file per text;
- gitleaks: the same for gitleaks' rules, read by Kingfisher; its filters of entropy may differ from gitleaks' own.

A reported value counts everywhere in its text. Seconds are of the clock, with the start of the program and, where
Kingfisher meets rules for the first time, with their compilation. Nobody is asked whether a value is valid, and
nothing goes over the network.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from rich.console import Console
from rich.table import Table

from consumer.domain.redaction import Redactor
from consumer.domain.redaction.placeholders import PLACEHOLDER
from tests.support.compose import ROOT

LABELLED = ROOT / "tests" / "golden" / "secrets"
HALVES = ("dev", "held_out")
OURS = "ours"
AUDIT = ROOT / ".venv-audit" / "bin"
SHOWN = 96
"""Characters of a text in a list of what is missed."""
_SECONDS = 600
_FOUND_OR_NOT = frozenset({0, 200})
"""Kingfisher's exit codes without an error: nothing was found, something was."""
_DETECT_SECRETS = """\
import json, sys
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings
with default_settings():
    for path in sys.argv[1:]:
        print(json.dumps(sorted({secret.secret_value for secret in scan_file(path)})))
"""
"""Its default settings ask nobody whether a value is valid. Scanning a string instead of a file would report each word
of it: then its limits of entropy do not count."""
_NO_GITLEAKS = """\
gitleaks' rules are left out: they are a file of gitleaks (MIT), which is not kept here and is in no Python package.
To have them beside the others, take config/gitleaks.toml from gitleaks' repository or Go module, and:
  make bench-redaction-rules GITLEAKS_CONFIG=PATH
"""

Span: TypeAlias = tuple[int, int]
Scan: TypeAlias = Callable[[Sequence[str]], list[list[Span]]]
"""What a rule set finds in each of the texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledText:
    family: str
    text: str
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one rule set made of one half. The numbers are places in the half: of a text, and of a secret in it."""

    half: str
    rules: str
    covered: frozenset[tuple[int, int]]
    missed: frozenset[tuple[int, int]]
    harmless: int
    false: frozenset[int]
    seconds: float


def labelled(half: str) -> list[LabelledText]:
    rows = map(json.loads, (LABELLED / f"{half}.jsonl").read_text(encoding="utf-8").splitlines())
    return [LabelledText(family=row["family"], text=row["text"], secrets=tuple(row["secrets"])) for row in rows]


def ours(texts: Sequence[str]) -> list[list[Span]]:
    redactor = Redactor(b"benchmark" * 4)
    return [replaced(text, redactor.scope("tenant", "session").text(text)) for text in texts]


def replaced(text: str, redacted: str) -> list[Span]:
    """Where placeholders stand in for the text: between the pieces of it that were kept."""
    kept = PLACEHOLDER.split(redacted)[:: PLACEHOLDER.groups + 1]
    match = re.fullmatch("(.+?)".join(map(re.escape, kept)), text, re.DOTALL)
    assert match is not None, "redaction changed more than it replaced"
    return [match.span(group) for group in range(1, len(kept))]


def detect_secrets(texts: Sequence[str]) -> list[list[Span]]:
    """Raises ``CalledProcessError`` if it fails."""
    with files(texts) as paths:
        command = [str(AUDIT / "python"), "-c", _DETECT_SECRETS, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS)
    values = map(json.loads, done.stdout.splitlines())
    return [list(places(text, reported)) for text, reported in zip(texts, values, strict=True)]


def kingfisher(texts: Sequence[str], *, cache: Path, options: Sequence[str] = ()) -> list[list[Span]]:
    """Raises ``RuntimeError`` with Kingfisher's words if it fails."""
    values: list[set[str]] = [set() for _ in texts]
    with files(texts) as paths:
        command = [str(AUDIT / "kingfisher"), "scan", str(paths[0].parent), "--no-validate", "--no-update-check"]
        command += ["--quiet", "--confidence", "low", "--git-history", "none", "--format", "jsonl", "--no-dedup"]
        command += ["--rule-cache-dir", str(cache), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    if done.returncode not in _FOUND_OR_NOT:
        raise RuntimeError(f"Kingfisher failed ({done.returncode}): {done.stderr.strip()[-400:]}")
    for report in map(json.loads, done.stdout.splitlines()):
        if "finding" in report:
            values[int(Path(report["finding"]["path"]).stem)].add(report["finding"]["snippet"])
    return [list(places(text, reported)) for text, reported in zip(texts, values, strict=True)]


@contextmanager
def files(texts: Sequence[str]) -> Iterator[list[Path]]:
    """A file for each text, named by its number."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number}.txt") for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, encoding="utf-8")
        yield paths


def places(text: str, values: Iterable[str]) -> Iterator[Span]:
    """Everywhere that a value stands in a text. One that was decoded first stands nowhere: the whole text is meant."""
    for value in filter(None, values):
        if value not in text:
            yield 0, len(text)
        yield from ((at, at + len(value)) for at in occurrences(text, value))


def occurrences(text: str, value: str) -> Iterator[int]:
    at = text.find(value)
    while at >= 0:
        yield at
        at = text.find(value, at + 1)


def covers(spans: Iterable[Span], text: str, secret: str) -> bool:
    """Whether no character of the secret is left, wherever it stands in the text."""
    covered = {place for start, stop in spans for place in range(start, stop)}
    return all(covered.issuperset(range(at, at + len(secret))) for at in occurrences(text, secret))


def score(half: str, rules: str, scan: Scan) -> Score:
    texts = labelled(half)
    started = time.perf_counter()
    reports = scan([each.text for each in texts])
    seconds = time.perf_counter() - started
    secrets = {
        (number, place): covers(spans, each.text, secret)
        for number, (each, spans) in enumerate(zip(texts, reports, strict=True))
        for place, secret in enumerate(each.secrets)
    }
    return Score(
        half=half,
        rules=rules,
        covered=frozenset(secret for secret, is_covered in secrets.items() if is_covered),
        missed=frozenset(secret for secret, is_covered in secrets.items() if not is_covered),
        harmless=sum(not each.secrets for each in texts),
        false=frozenset(number for number, each in enumerate(texts) if reports[number] and not each.secrets),
        seconds=seconds,
    )


def rule_sets(gitleaks_config: Path | None, cache: Path) -> Mapping[str, Scan]:
    sets: dict[str, Scan] = {
        OURS: ours,
        "detect-secrets": detect_secrets,
        "Kingfisher": partial(kingfisher, cache=cache),
    }
    if gitleaks_config:
        alone = ("--load-builtins", "false", "--rules-path", str(gitleaks_config))
        sets["gitleaks' rules"] = partial(kingfisher, cache=cache, options=alone)
    return sets


def only_others(scores: Sequence[Score]) -> Iterator[tuple[str, str, str, list[str]]]:
    """The secrets that others find and ours do not: half, family, the text's beginning, who finds it."""
    for half in HALVES:
        texts = labelled(half)
        of_half = [each for each in scores if each.half == half]
        (mine,) = (each for each in of_half if each.rules == OURS)
        for number, place in sorted(mine.missed):
            if finders := [each.rules for each in of_half if (number, place) in each.covered]:
                yield half, texts[number].family, shortened(texts[number].text), finders


def shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def as_json(scores: Sequence[Score]) -> str:
    rows = [
        {
            "half": each.half,
            "rules": each.rules,
            "secrets_found": len(each.covered),
            "secrets_missed": len(each.missed),
            "harmless_texts": each.harmless,
            "false": len(each.false),
            "seconds": round(each.seconds, 2),
        }
        for each in scores
    ]
    listed = [dict(zip(("half", "family", "text", "found_by"), row, strict=True)) for row in only_others(scores)]
    return json.dumps({"scores": rows, "only_others_find": listed}, ensure_ascii=False, indent=2)


def print_tables(scores: Sequence[Score], console: Console) -> None:
    for half in HALVES:
        of_half = [each for each in scores if each.half == half]
        secrets = len(of_half[0].covered | of_half[0].missed)
        title = f"{half}: {secrets} secrets, {of_half[0].harmless} harmless texts"
        table = Table("Rule set", "secrets found", "missed", "false", "seconds", title=title)
        for each in of_half:
            counts = (len(each.covered), len(each.missed), len(each.false))
            table.add_row(each.rules, *map(str, counts), f"{each.seconds:.2f}")
        console.print(table)
    console.print(f"Secrets that another rule set finds and ours do not: {len(list(only_others(scores)))}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gitleaks-config", type=Path, metavar="PATH", help="gitleaks.toml, which is not kept here")
    parser.add_argument("--missed", action="store_true", help="list what others find and ours do not")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.gitleaks_config:
        sys.stderr.write(_NO_GITLEAKS)
    with TemporaryDirectory() as cache:
        sets = rule_sets(options.gitleaks_config, Path(cache))
        scores = [score(half, rules, scan) for half in HALVES for rules, scan in sets.items()]
    if options.json:
        sys.stdout.write(as_json(scores) + "\n")
        return 0
    console = Console()
    print_tables(scores, console)
    if options.missed:
        for half, family, text, finders in sorted(only_others(scores)):
            console.print(f"{half} {family}: {text}  [{', '.join(finders)}]", markup=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
