"""docker-compose.yml as data, so that tests run the same containers as people."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


def document() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return parsed


def services() -> dict[str, dict[str, Any]]:
    by_name: dict[str, dict[str, Any]] = document()["services"]
    return by_name


def image(service: str) -> str:
    return str(services()[service]["image"])
