"""The sample sessions that ship with the project."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
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
    """Each request, with the name of the situation that it shows; no two have the same name."""
    cancelled: frozenset[RequestKey]
    refused: int
    """How many of the records break the contract on purpose."""

    def count(self, topic: str) -> int:
        return sum(record.topic == topic for record in self.records)


def read_samples() -> Samples:
    """Reads every `*.jsonl` of the folder `samples`. Raises nothing for shipped files: a test reads them all.

    The records in `samples/refused` break the contract; each shows a dead letter.
    """
    records: list[SampleRecord] = []
    titles: dict[RequestKey, str] = {}
    cancelled: set[RequestKey] = set()
    folder = files("consumer.cli") / "samples"
    refused = _files(folder / "refused")
    for entry in [*_files(folder), *refused]:
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
                    titles.setdefault(key, _title(entry.name))
                elif value["type"] == _CANCELLED:
                    cancelled.add(key)
    records.sort(key=lambda record: record.at_seconds)  # a stable sort: records of equal times keep their file's order
    return Samples(
        records=tuple(records),
        titles=_told_apart(titles),
        cancelled=frozenset(cancelled),
        refused=sum(len(entry.read_text(encoding="utf-8").splitlines()) for entry in refused),
    )


def _files(folder: Traversable) -> list[Traversable]:
    return sorted((file for file in folder.iterdir() if file.name.endswith(".jsonl")), key=lambda file: file.name)


def _told_apart(titles: Mapping[RequestKey, str]) -> dict[RequestKey, str]:
    """The same titles; where several requests have one, with the customer or with the request's number."""
    unique: dict[RequestKey, str] = {}
    for key, title in titles.items():
        namesakes = [other for other, same in titles.items() if same == title]
        tenants = {other.tenant_id for other in namesakes}
        if len(namesakes) == 1:
            unique[key] = title
        elif len(tenants) == len(namesakes):
            unique[key] = f"{title} · {key.tenant_id}"
        else:
            unique[key] = f"{title} · request {namesakes.index(key) + 1}"
    return unique


def _title(file_name: str) -> str:
    return file_name.removesuffix(".jsonl").split("-", 1)[1].replace("-", " ")
