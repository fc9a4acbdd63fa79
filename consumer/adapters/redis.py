"""Redis as the cache of drafts: one hash per session, so that one deletion removes all drafts of a session.

The hash also names who may still write: a deletion ends that, too, in the same step, and whatever was sent before it.

Law: a cache only. Whatever happens to Redis (unreachable, frozen, flushed, filled with foreign values, replaced by
something else) costs speed, never an error and never a wrong package: every entry is validated, and counts only for
the draft key that it holds.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar, cast
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from consumer.domain.events import SessionKey
from consumer.domain.writing.ledger import DraftKey, LedgerEntry
from consumer.flows.operation.health import Health
from consumer.flows.pacing import is_asked_to_end

SOCKET_SECONDS = 0.1  # no retries: even with this limit the client's default ones make a frozen Redis cost 3.5 to 5.5 s
FAILURES_TO_OPEN = 3
OPEN_SECONDS = 5.0  # how long a failed Redis is not called, because 0.1 s per draft would add up
LARGEST_ENTRY_BYTES = 262_144

_PUT = """
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4], ARGV[3], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""
"""Checks the admission and writes in one step, so that no deletion can come in between."""

T = TypeVar("T")


class _Copy(BaseModel):
    """A ledger entry with the draft key that it was made for."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: DraftKey
    entry: LedgerEntry


class RedisCache:
    """Implements the port of the cache of drafts. No method raises.

    Each takes 0.2 s at most; all but `forget` do nothing while the breaker is open.
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

    async def admit(self, session: SessionKey, writer: int) -> None:
        if self._is_open():
            return
        name = self._name(session)

        async def note() -> None:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(name, _by_writer(writer), "")
                pipeline.expire(name, self._keep_seconds)
                await pipeline.execute()

        await self._ask(note)

    async def get(self, key: DraftKey, version: int) -> LedgerEntry | None:
        """Returns the entry stored for the version, else for the bundle's digest; skips one made for another key."""
        if self._is_open():
            return None

        async def look() -> LedgerEntry | None:
            fields = [_by_version(key, version), _by_digest(key)]
            values = await cast("Awaitable[list[object]]", self._redis.hmget(self._name(key.session), fields))
            return next((entry for raw in values if (entry := _valid(raw, key)) is not None), None)

        return await self._ask(look)

    async def put(self, key: DraftKey, version: int, entry: LedgerEntry, *, writer: int) -> None:
        """Stores the entry under its version and its digest; drops one of more than LARGEST_ENTRY_BYTES."""
        if self._is_open():
            return
        value = _Copy(key=key, entry=entry).model_dump_json()
        if len(value.encode()) > LARGEST_ENTRY_BYTES:
            return
        fields = _by_writer(writer), _by_version(key, version), _by_digest(key)

        async def store() -> None:
            name = self._name(key.session)
            await cast("Awaitable[object]", self._redis.eval(_PUT, 1, name, *fields, value, str(self._keep_seconds)))

        await self._ask(store)

    async def forget(self, *sessions: SessionKey) -> bool:
        """Deletes all entries and admissions of these sessions, also while the breaker is open.

        Returns whether Redis has answered that they are gone.
        """
        if not sessions:
            return True

        async def delete() -> bool:
            deleted: object = await self._redis.delete(*(self._name(session) for session in sessions))
            if not isinstance(deleted, int):
                raise TypeError("what answers is no Redis")
            return True

        return await self._ask(delete) is True

    async def close(self) -> None:
        await self._ask(self._redis.aclose)

    async def _ask(self, asking: Callable[[], Awaitable[T]]) -> T | None:
        """What Redis answers; None when it does not, in time and in its protocol.

        The one broad `except`: the client raises what it met (no RedisError for a reply that it cannot take apart), and
        none of it may cost a draft. A server that sends byte after byte escapes the client's own time limit.
        """
        try:
            async with asyncio.timeout(2 * SOCKET_SECONDS):
                answer = await asking()
        except (Exception, asyncio.CancelledError) as error:
            if is_asked_to_end(error):
                raise
            self._failed(error)
            return None
        self._worked()
        return answer

    def _name(self, session: SessionKey) -> str:
        return (
            f"{self._prefix}escalation:drafts:{quote(session.tenant_id, safe='')}:{quote(session.session_id, safe='')}"
        )

    def _is_open(self) -> bool:
        return self._clock() < self._rests_until

    def _failed(self, error: BaseException) -> None:
        self._failures += 1
        self._health.failing("cache", f"Redis: {type(error).__name__}")
        if self._failures >= FAILURES_TO_OPEN:
            self._rests_until = self._clock() + OPEN_SECONDS

    def _worked(self) -> None:
        self._failures = 0
        self._health.ok("cache")


def _by_writer(writer: int) -> str:
    return json.dumps(["writer", writer])


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
