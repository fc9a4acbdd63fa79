"""Redis as the cache of drafts: one hash per session, so that one deletion removes all drafts of a session.

The hash also names who may still write: a deletion ends that, too, in the same step, and whatever was sent before it.

Law: a cache only. Whatever happens to Redis (unreachable, frozen, flushed, filled with foreign values, replaced by
something else) costs speed, never an error and never a wrong package: every entry is validated, and counts only for
the draft key that it holds.
"""

import json
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import cast
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from consumer.adapters.redis.connection import RedisConnection
from consumer.adapters.redis.login import RedisAddress
from consumer.domain.events import SessionKey
from consumer.domain.writing.ledger import DraftKey, LedgerEntry
from consumer.flows.operation.health import Health

FAILURES_TO_OPEN = 3
LARGEST_ENTRY_BYTES = 262_144

_ADMIT = """
redis.call('HSET', KEYS[1], ARGV[1], '')
return redis.call('EXPIRE', KEYS[1], ARGV[2])
"""
"""In one step, so that no admission stays for ever; in one command, which costs half of a transaction's CPU here."""
_PUT = """
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4], ARGV[3], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""
"""Checks the admission and writes in one step, so that no deletion can come in between."""


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
        self,
        url: RedisAddress,
        *,
        prefix: str,
        keep_seconds: int,
        health: Health,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._connection = RedisConnection(
            url, failures_to_open=FAILURES_TO_OPEN, clock=clock, report=self._report, max_connections=64
        )
        self._redis = self._connection.client
        self._prefix = prefix
        self._keep_seconds = keep_seconds
        self._health = health

    async def admit(self, session: SessionKey, writer: int) -> None:
        if self._connection.is_resting:
            return
        given = self._name(session), _by_writer(writer), str(self._keep_seconds)

        async def note() -> None:
            await cast("Awaitable[object]", self._redis.eval(_ADMIT, 1, *given))

        await self._connection.ask(note)

    async def get(self, key: DraftKey, version: int) -> LedgerEntry | None:
        """Returns the entry stored for the version, else for the bundle's digest; skips one made for another key."""
        if self._connection.is_resting:
            return None

        async def look() -> LedgerEntry | None:
            fields = [_by_version(key, version), _by_digest(key)]
            values = await cast("Awaitable[list[object]]", self._redis.hmget(self._name(key.session), fields))
            return next((entry for raw in values if (entry := _valid(raw, key)) is not None), None)

        return await self._connection.ask(look)

    async def put(self, key: DraftKey, version: int, entry: LedgerEntry, *, writer: int) -> None:
        """Stores the entry under its version and its digest; drops one of more than LARGEST_ENTRY_BYTES."""
        if self._connection.is_resting:
            return
        value = _Copy(key=key, entry=entry).model_dump_json()
        if len(value.encode()) > LARGEST_ENTRY_BYTES:
            return
        fields = _by_writer(writer), _by_version(key, version), _by_digest(key)

        async def store() -> None:
            name = self._name(key.session)
            await cast("Awaitable[object]", self._redis.eval(_PUT, 1, name, *fields, value, str(self._keep_seconds)))

        await self._connection.ask(store)

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

        return await self._connection.ask(delete) is True

    async def close(self) -> None:
        await self._connection.close()

    def _name(self, session: SessionKey) -> str:
        return (
            f"{self._prefix}escalation:drafts:{quote(session.tenant_id, safe='')}:{quote(session.session_id, safe='')}"
        )

    def _report(self, error: BaseException | None) -> None:
        if error is None:
            self._health.ok("cache")
        else:
            self._health.failing("cache", f"Redis: {type(error).__name__}")


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
