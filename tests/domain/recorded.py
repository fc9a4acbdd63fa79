"""Sessions from JSON lines, as they come on the topics: the demo's samples and the golden ones."""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from consumer.domain.bundle import bundle as bundles
from consumer.domain.bundle.bundle import Bundle
from consumer.domain.events import Origin, SessionEvent, SessionKey
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from consumer.domain.session.session import fold
from schemas.envelope import DEFAULT_TENANT
from schemas.sessions import SESSION_TYPES

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / "consumer" / "cli" / "samples", ROOT / "tests" / "golden" / "sessions")


def sessions(*prefixes: str, language: Language = ENGLISH) -> Iterator[tuple[str, Bundle]]:
    """Each session of the files whose names begin with a prefix (no prefix: all files). Redacts nothing."""
    for path in sorted(file for folder in FOLDERS for file in folder.glob("*.jsonl")):
        if not prefixes or path.name.startswith(prefixes):
            yield from ((f"{path.stem} {key.session_id}", bundle) for key, bundle in _bundles(path, language))


def _bundles(path: Path, language: Language) -> Iterator[tuple[SessionKey, Bundle]]:
    events: defaultdict[SessionKey, list[SessionEvent]] = defaultdict(list)
    reasons: dict[SessionKey, str | None] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        value: dict[str, Any] = json.loads(line)["value"]
        key = SessionKey(value.get("tenantid", DEFAULT_TENANT), value["subject"])
        if value["type"] == "escalation.requested.v1":
            reasons[key] = value["data"].get("reason")
        elif value["type"] in SESSION_TYPES:
            events[key].append(_event(key, value))
    for key, history in events.items():
        yield key, bundles.build(fold(key, history), reason=reasons.get(key), language=language)


def _event(key: SessionKey, value: dict[str, Any]) -> SessionEvent:
    return SessionEvent(
        origin=Origin("session-state-changed", 0, 0),
        key=key,
        version=value["stateversion"],
        event_id=value["id"],
        type=value["type"],
        occurred_at=datetime.fromisoformat(value["time"]),
        actor=None,
        data=SESSION_TYPES[value["type"]].model_validate(value.get("data") or {}),
    )
