"""The published events of the demo's requests, as a reader of the topics sees them."""

import json
from collections.abc import Iterable
from typing import Any

from consumer.domain.events import Record, RequestKey
from consumer.domain.package.package import FAILED_TYPE, READY_TYPE, WITHDRAWN_TYPE


class Outcomes:
    """Published events by request, in order."""

    def __init__(self) -> None:
        self.events: dict[RequestKey, list[dict[str, Any]]] = {}

    def take(self, records: Iterable[Record]) -> None:
        """Adds the events that these records hold."""
        for record in records:
            event = json.loads(record.value or b"{}")
            data = event["data"]
            key = RequestKey(data["tenant_id"], data["session_id"], data["request_id"])
            self.events.setdefault(key, []).append(event)

    def missing(self, wanted: Iterable[RequestKey], cancelled: Iterable[RequestKey]) -> set[RequestKey]:
        """Returns the requests without a first outcome, and the cancelled ones that are not withdrawn yet."""
        awaited = {key for key in wanted if key not in self.events}
        return awaited | {key for key in cancelled if not self._of_type(key, WITHDRAWN_TYPE)}

    def packages(self, key: RequestKey) -> list[dict[str, Any]]:
        """Returns the data of the request's packages, in the order of their revisions."""
        return [event["data"] for event in self._of_type(key, READY_TYPE)]

    def count(self, event_type: str) -> int:
        return sum(event["type"] == event_type for events in self.events.values() for event in events)

    def verdict(self, key: RequestKey) -> str:
        """Returns how the request ended, in a few words; `no outcome` before that."""
        packages = self.packages(key)
        if failed := self._of_type(key, FAILED_TYPE):
            return f"failed: {failed[-1]['data']['reason']}"
        if self._of_type(key, WITHDRAWN_TYPE):
            return f"withdrawn after revision {packages[-1]['revision']}" if packages else "withdrawn before a package"
        if not packages:
            return "no outcome"
        last = packages[-1]
        drafted = "by the model" if last["status"] == "ready" else "by rules"
        return f"revision {last['revision']}, drafted {drafted}"

    def _of_type(self, key: RequestKey, event_type: str) -> list[dict[str, Any]]:
        return [event for event in self.events.get(key, []) if event["type"] == event_type]
