"""The sample sessions that ship with the project."""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from consumer.domain.events import RequestKey
from schemas.envelope import DEFAULT_TENANT
from schemas.topics import REQUESTS

_REQUESTED = "escalation.requested.v1"
_CANCELLED = "escalation.cancelled.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRecord:
    """One record to send, and the time to send it."""

    topic: str
    key: str
    value: dict[str, Any]
    at_seconds: float
    """Seconds after the beginning of the demo."""
    after_package: frozenset[RequestKey] = frozenset()
    """Sent only after all of these have a package, however late: the record changes or cancels what was published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """All records in sending order, and the requests that must have an outcome."""

    records: tuple[SampleRecord, ...]
    titles: dict[RequestKey, str]
    """Each request, with the name of the situation that it shows."""
    cancelled: frozenset[RequestKey]


def read_samples() -> Samples:
    """Reads every `*.jsonl` of the folder `samples`. Raises nothing for shipped files: a test reads them all."""
    records: list[SampleRecord] = []
    titles: dict[RequestKey, str] = {}
    cancelled: set[RequestKey] = set()
    folder = files("consumer.cli") / "samples"
    for entry in sorted(folder.iterdir(), key=lambda file: file.name):
        if not entry.name.endswith(".jsonl"):
            continue
        for line in entry.read_text(encoding="utf-8").splitlines():
            raw = json.loads(line)
            value = raw["value"]
            at_seconds = float(raw.get("at_seconds", 0.0))
            session = (value.get("tenantid") or DEFAULT_TENANT, value["subject"])
            after = [key for key in titles if key.session == session] if raw.get("after_package") else []
            records.append(
                SampleRecord(
                    topic=raw["topic"],
                    key=raw["key"],
                    value=value,
                    at_seconds=at_seconds,
                    after_package=frozenset(after),
                )
            )
            if raw["topic"] == REQUESTS:
                key = RequestKey(*session, value["data"]["request_id"])
                if value["type"] == _REQUESTED:
                    titles[key] = _title(entry.name)
                elif value["type"] == _CANCELLED:
                    cancelled.add(key)
    records.sort(key=lambda record: record.at_seconds)  # a stable sort: records of equal times keep their file's order
    return Samples(records=tuple(records), titles=titles, cancelled=frozenset(cancelled))


def _title(file_name: str) -> str:
    return file_name.removesuffix(".jsonl").split("-", 1)[1].replace("-", " ")
