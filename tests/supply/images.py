"""The images that the project names, and which of them are pinned by digest.

Each stands in one place, as ``name:tag@sha256:…``; a test refuses one without a digest. The digest is that of the list
of all platforms, so that it holds on every machine.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.compose import ROOT

OURS = "escalation-consumer"
"""Built from the Dockerfile here; whoever runs it pins the digest that their registry gave it."""
_NAMED = re.compile(
    r"^\s*(?:-\s+)?(?:image:|FROM(?:\s+--platform=\S+)?)\s+[\"']?(?P<image>[^\s\"'#]+)", flags=re.MULTILINE
)
_STAGE = re.compile(r"^FROM\s.+\sAS\s+(\S+)$", flags=re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedImage:
    """An image at its place: with its tag, and its digest or nothing."""

    file: Path
    tagged: str
    digest: str


def named() -> list[NamedImage]:
    """Every image of another party that a file names, once for each place."""
    return [image for file in _files() for image in in_text(file, file.read_text(encoding="utf-8"))]


def in_text(file: Path, text: str) -> Iterator[NamedImage]:
    stages = set(_STAGE.findall(text))
    for match in _NAMED.finditer(text):
        tagged, _, digest = match["image"].partition("@")
        if tagged not in stages and tagged.partition(":")[0].rpartition("/")[2] != OURS:
            yield NamedImage(file=file, tagged=tagged, digest=digest)


def unpinned() -> set[str]:
    return {image.tagged for image in named() if not image.digest}


def write(digests: dict[str, str]) -> list[str]:
    """Writes each digest behind its image. Returns the images that changed."""
    changed: list[str] = []
    for file in _files():
        text = file.read_text(encoding="utf-8")
        for image in set(in_text(file, text)):
            digest = digests.get(image.tagged)
            if digest and digest != image.digest:
                before = f"{image.tagged}@{image.digest}" if image.digest else image.tagged
                text = re.sub(rf"(?<=[\s\"']){re.escape(before)}(?=[\s\"']|$)", f"{image.tagged}@{digest}", text)
                changed.append(image.tagged)
        file.write_text(text, encoding="utf-8")
    return sorted(changed)


def _files() -> list[Path]:
    manifests = sorted((ROOT / "deploy").rglob("*.yaml"))
    return [ROOT / "Dockerfile", ROOT / "docker-compose.yml", *manifests]
