"""Redis as the cache of drafts: one hash per session, so that one deletion removes all drafts of a session.

Law: a cache only. Whatever happens to Redis (unreachable, frozen, flushed, filled with foreign values) costs speed,
never an error and never a wrong package: every entry is validated, and counts only for the draft key that it holds.
"""

import json
from collections.abc import Callable
from time import monotonic
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from consumer.domain.events import SessionKey
from consumer.domain.writing.ledger import DraftKey, LedgerEntry
from consumer.flows.operation.health import Health

SOCKET_SECONDS = 0.1  # no retries: even with this limit the client's default ones make a frozen Redis cost 3.5 to 5.5 s
FAILURES_TO_OPEN = 3
OPEN_SECONDS = 5.0  # how long a failed Redis is not called, because 0.1 s per draft would add up
LARGEST_ENTRY_BYTES = 262_144


class _Copy(BaseModel):
    """A ledger entry with the draft key that it was made for."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: DraftKey
    entry: LedgerEntry


class RedisCache:
    """Implements the port of the cache of drafts. No method raises.

    Each takes 0.2 s at most; `get` and `put` do nothing while the breaker is open.
    """

    def __init__(
        self, url: str, *, prefix: str, keep_seconds: int, health: Health, clock: Callable[[], float] = monotonic
    ) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=SOCKET_SECONDS,
            socket_connect_timeout=SOCKET_SECONDS,
            retry=Retry(NoBackoff(), 0),
            max_connections=64,
        )
        self._prefix = prefix
        self._keep_seconds = keep_seconds
        self._health = health
        self._clock = clock
        self._failures = 0
        self._rests_until = 0.0

    async def get(self, key: DraftKey, version: int) -> LedgerEntry | None:
        """Returns the entry stored for the version, else for the bundle's digest; skips one made for another key."""
        if self._is_open():
            return None
        try:
            values = await self._redis.hmget(self._name(key.session), [_by_version(key, version), _by_digest(key)])
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            return None
        self._worked()
        return next((entry for raw in values if (entry := _valid(raw, key)) is not None), None)

    async def put(self, key: DraftKey, version: int, entry: LedgerEntry) -> None:
        """Stores the entry under its version and its digest; drops one of more than LARGEST_ENTRY_BYTES."""
        if self._is_open():
            return
        value = _Copy(key=key, entry=entry).model_dump_json().encode()
        if len(value) > LARGEST_ENTRY_BYTES:
            return
        name = self._name(key.session)
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(name, mapping={_by_version(key, version): value, _by_digest(key): value})
                pipeline.expire(name, self._keep_seconds)
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
        else:
            self._worked()

    async def forget(self, *sessions: SessionKey) -> None:
        """Deletes all entries of these sessions, also while the breaker is open."""
        if not sessions:
            return
        try:
            await self._redis.delete(*(self._name(session) for session in sessions))
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)

    async def close(self) -> None:
        try:
            await self._redis.aclose()
        except (RedisError, OSError, TimeoutError):
            return

    def _name(self, session: SessionKey) -> str:
        return (
            f"{self._prefix}escalation:drafts:{quote(session.tenant_id, safe='')}:{quote(session.session_id, safe='')}"
        )

    def _is_open(self) -> bool:
        return self._clock() < self._rests_until

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        self._health.failing("cache", f"Redis: {type(error).__name__}")
        if self._failures >= FAILURES_TO_OPEN:
            self._rests_until = self._clock() + OPEN_SECONDS

    def _worked(self) -> None:
        self._failures = 0
        self._health.ok("cache")


def _by_digest(key: DraftKey) -> str:
    return json.dumps(["digest", key.bundle_sha256, key.prompt_version, key.model])


def _by_version(key: DraftKey, version: int) -> str:
    return json.dumps(["version", version, key.prompt_version, key.model])


def _valid(raw: object, key: DraftKey) -> LedgerEntry | None:
    if not isinstance(raw, bytes | str):
        return None
    try:
        copy = _Copy.model_validate_json(raw)
    except ValidationError:
        return None
    return copy.entry if copy.key == key else None
