"""What may stand in the log of a replica, whatever happens to its servers."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from consumer.log_events import LIBRARY, LOG_EVENTS

ERRORS = frozenset({"consumer_stuck", "relay_refused"})
"""Lines of the level `error` that a fault of a server explains."""
ASYNCPG = re.compile(
    r"^(Future exception was never retrieved\s+future: <Future finished exception=ConnectionDoesNotExist"
    r"|Resetting connection with an active transaction )"
)
"""What asyncpg leaves behind of a statement or a transaction that is given up as its connection ends."""
LIBRARIES = re.compile(
    r"^(Unable connect to |Unable to update metadata|Unable to request metadata|Error sending \w+Request to node"
    r"|Heartbeat (send request failed|session expired|failed)|Failed fetch messages|Group Coordinator Request failed"
    r"|Got error produce response|OffsetCommit failed|Failed to get offsets|Topic \S+ not found in cluster metadata"
    r"|Error sending|LeaveGroup request failed|Request timed out"
    r"|Unexpected error in sender routine"  # a batch expired as it was taken up; the relay takes a new producer
    r"|Exception in callback MessageAccumulator\._pop_batch)"  # one was put back, and discarded as its producer ended
)
"""What the client of Kafka says on that level about a broker that is away."""


def complaints(logs: list[Path], counts: Counter[str]) -> Iterator[str]:
    """Every line that is none of the service's own, and every error that no fault explains. Adds to the counts."""
    for log in logs:
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else ():
            yield from _of_line(log.name, line, counts)


def _of_line(name: str, line: str, counts: Counter[str]) -> Iterator[str]:
    if not line.strip("\0 "):
        return  # a kill in the middle of a write
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict) or entry.get("event") not in LOG_EVENTS:
        yield f"{name}: a line that nobody expected: {line[:400]}"
        return
    event, level = str(entry["event"]), str(entry.get("level"))
    counts[f"{level} {event}"] += 1
    said = str(entry.get("message"))
    explained = event in ERRORS or (event == LIBRARY and (LIBRARIES.match(said) or ASYNCPG.match(said)))
    if level in {"error", "critical"} and not explained:
        yield f"{name}: {line[:3000]}"
