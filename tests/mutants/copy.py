"""A copy of the checkout, in which one file at a time is a mutant's."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutant import ROOT, GuardMutant

_LEFT_OUT = (".git", ".venv", "*_cache", ".cache", ".hypothesis", "docs")


@dataclass(frozen=True, slots=True)
class CheckoutCopy:
    """The working tree as it is, with changes that are not committed."""

    root: Path

    @classmethod
    def into(cls, folder: Path) -> "CheckoutCopy":
        root = folder / "checkout"
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        return cls(root)

    @contextmanager
    def holding(self, mutant: GuardMutant | None) -> Iterator[None]:
        """While the block runs, the mutant stands in its file; None changes nothing."""
        if mutant is None:
            yield
            return
        path = self.root / mutant.file
        before = path.read_text(encoding="utf-8")
        _write(path, mutant.in_place(before))
        try:
            yield
        finally:
            _write(path, before)


def _write(path: Path, text: str) -> None:
    """Hazard: compiled code counts as current by size and whole seconds, so it is deleted with every change."""
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
        compiled.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
