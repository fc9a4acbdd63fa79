"""The mutants: which text guards which promise or failure, and which test notices that it is gone."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_FILES = sorted(Path(__file__).parent.glob("*.toml"))
_OF_KINDS = {"promises": "P", "failures": "F"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardMutant:
    """A guarding text switched off."""

    name: str
    of: tuple[str, ...]
    """The promises (`P1`) and failures (`F1`) that the text guards."""
    file: str
    """From the root of the checkout."""
    guard: str
    """Stands exactly once in the file."""
    instead: str
    test: str
    """As pytest names it, from the root. The cheapest that notices."""
    why: str
    """What the test sees."""
    red_by: str = ""
    """The error that the test ends by, where that is no assertion but the service's own or the server's."""

    def in_place(self, text: str) -> str:
        """The file's text with the mutant in it."""
        return text.replace(self.guard, self.instead)


def mutants() -> Mapping[str, GuardMutant]:
    """All, by name. A name that stands twice, an unknown field and a missing one are errors."""
    made: dict[str, GuardMutant] = {}
    for path in _FILES:
        for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if name in made:
                raise ValueError(f"two mutants are called {name}")
            made[name] = _made(name, entry)
    return made


def _made(name: str, entry: Mapping[str, Any]) -> GuardMutant:
    of = tuple(f"{kind}{number}" for field, kind in _OF_KINDS.items() for number in entry.get(field, ()))
    rest = {field: value for field, value in entry.items() if field not in _OF_KINDS}
    return GuardMutant(name=name, of=of, **rest)


def chosen(words: Collection[str]) -> list[GuardMutant]:
    """Those whose name, file, promise or failure is or contains one of the words; without words all."""
    return [
        mutant
        for mutant in mutants().values()
        if not words or any(word in mutant.of or word in mutant.name or word in mutant.file for word in words)
    ]
