"""The lock files as data: which packages they name, and which of them the image holds."""

import re
from dataclasses import dataclass
from importlib import metadata

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.compose import ROOT

RUN = "requirements-run.lock"
LOCKS = ("requirements.lock", RUN, "requirements-clouds.lock")
AUDIT = "requirements-audit.lock"
PROJECT = "escalation-consumer"
EXTRAS = {PROJECT: "traces"}
"""What the image holds beside the project's own needs, as `make lock` says."""
_ENTRY = re.compile(
    r"^(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^\s;\\]+)(?: ; (?P<marker>[^\\\n]+?))? \\\n"
    r"(?:    --hash=\S+(?: \\)?\n)+",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPackage:
    """One package of a lock, with its own lines."""

    name: str
    version: str
    marker: str
    lines: str

    def is_for(self, environment: dict[str, str]) -> bool:
        return not self.marker or Marker(self.marker).evaluate(environment)


def packages(lock: str) -> list[LockedPackage]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return [
        LockedPackage(name=match["name"], version=match["version"], marker=match["marker"] or "", lines=match[0])
        for match in _ENTRY.finditer(text)
    ]


def image_environment() -> dict[str, str]:
    """What markers see in the image: Linux, and the Python of the Dockerfile."""
    version = re.search(r"^FROM python:(3\.\d+)", dockerfile(), flags=re.MULTILINE)
    assert version is not None
    return {
        "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "implementation_name": "cpython",
        "platform_python_implementation": "CPython", "python_version": version[1],
        "python_full_version": f"{version[1]}.0",
    }  # fmt: skip


def image_packages() -> list[LockedPackage]:
    """What is left of the lock in the image: without what is for other systems, and what the build takes out again."""
    environment = image_environment()
    return [package for package in packages(RUN) if package.is_for(environment) and package.name not in taken_out()]


def taken_out() -> set[str]:
    """What the Dockerfile uninstalls when the project itself is built."""
    line = re.search(r"pip uninstall --yes ([a-z0-9 -]+)$", dockerfile(), flags=re.MULTILINE)
    assert line is not None
    return set(line[1].split())


def needs(name: str, environment: dict[str, str]) -> set[str]:
    """The packages that a package needs there, by its installed metadata."""
    requirements = map(Requirement, metadata.requires(name) or ())
    return {
        canonicalize_name(requirement.name)
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({**environment, "extra": EXTRAS.get(name, "")})
    }


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")
