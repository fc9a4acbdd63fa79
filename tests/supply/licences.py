"""Holds the licence of every locked package against deploy/supply/licences.toml. Needs no network.

usage: python -m tests.supply.licences
"""

import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Self

from packaging.markers import default_environment

from tests.supply import locks
from tests.support.compose import ROOT

POLICY = ROOT / "deploy" / "supply" / "licences.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class LicencePolicy:
    """What is allowed, how licences are called in words, and the exceptions with their licence."""

    allowed: frozenset[str]
    names: dict[str, str]
    exceptions: dict[str, str]

    @classmethod
    def read(cls) -> Self:
        table = tomllib.loads(POLICY.read_text(encoding="utf-8"))
        exceptions = table["exceptions"]
        assert all(entry["reason"] for entry in exceptions.values())
        return cls(
            allowed=frozenset(table["allowed"]),
            names=table["names"],
            exceptions={name: entry["licence"] for name, entry in exceptions.items()},
        )

    def allows(self, package: str, expression: str) -> bool:
        """Whether the package may have this licence. Of an `OR` one side is enough; of an `AND` none may be missing."""
        if self.exceptions.get(package) == expression:
            return True
        sides = expression.split(" OR ")
        return any(all(licence in self.allowed for licence in side.split(" AND ")) for side in sides)

    def expression(self, package: str) -> str:
        """The licence of an installed package as an SPDX expression where the package or ``names`` knows one."""
        about = metadata.metadata(package)
        for stated in about.get_all("License-Expression") or ():
            return str(stated)
        words = [
            line.rpartition(" :: ")[2]
            for line in about.get_all("Classifier") or ()
            if line.startswith("License :: OSI Approved :: ")
        ] or [line.partition("\n")[0] for line in about.get_all("License") or ["none is stated"]]
        return " AND ".join(self.names.get(word, word) for word in words)


def breaches(lock: str, policy: LicencePolicy) -> Iterator[str]:
    """A line for each package of the lock whose licence is not allowed, or not known."""
    environment = {key: str(value) for key, value in default_environment().items()}
    for package in locks.packages(lock):
        if not package.is_for(environment):
            continue
        try:
            licence = policy.expression(package.name)
        except metadata.PackageNotFoundError:
            yield f"{lock}: {package.name} is not installed, so its licence is unknown: make setup"
            continue
        if not policy.allows(package.name, licence):
            yield f"{lock}: {package.name} {package.version}: {licence}"


def main() -> None:
    policy = LicencePolicy.read()
    lines = [line for lock in locks.LOCKS for line in breaches(lock, policy)]
    if lines:
        sys.exit(
            "\n".join([*lines, f"Not allowed by {POLICY.relative_to(ROOT)}; an exception needs its reason there."])
        )
    sys.stdout.write(f"licences: all packages of {', '.join(locks.LOCKS)} are allowed\n")


if __name__ == "__main__":
    main()
