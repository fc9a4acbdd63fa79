"""Opens the database: pools, the reader that commands use, hints, and the redaction key."""

import contextlib
import secrets
from collections.abc import AsyncIterator

from consumer.adapters.postgres.core import hints
from consumer.adapters.postgres.core.faults import NotPrepared
from consumer.adapters.postgres.core.pool import Pool, Trust, closing_pool
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.domain.redaction import Redactor
from consumer.settings import Settings


def no_trust_yet() -> Trust:
    """Any database is used until one was looked at."""
    return Trust()


def database(
    settings: Settings, *, name: str, max_size: int, trust: Trust | None = None
) -> contextlib.AbstractAsyncContextManager[Pool]:
    """A pool that connects when it is first used. PostgreSQL shows its connections under `name`.

    With `trust` it connects to the trusted incarnation of the database alone.
    """
    return closing_pool(
        settings.renewed("database_url"),
        name=name,
        max_size=max_size,
        pooled=settings.behind_pooler,
        trust=trust,
    )


def read_database(settings: Settings, *, name: str, max_size: int) -> contextlib.AbstractAsyncContextManager[Pool]:
    """A pool for those who only look, by the URL of the reader's role where there is one."""
    if settings.database_read_url is None:
        return database(settings, name=name, max_size=max_size)
    url = settings.renewed("database_read_url")
    return closing_pool(url, name=name, max_size=max_size, pooled=settings.behind_pooler)


@contextlib.asynccontextmanager
async def prepared_database(
    settings: Settings, *, name: str, max_size: int = 1, only_looks: bool = False
) -> AsyncIterator[Pool]:
    """A pool as `database` makes it. Raises Transient while the database is away or not prepared for this release."""
    opened = read_database if only_looks else database
    async with opened(settings, name=name, max_size=max_size) as pool:
        await StoreReader(pool).probe()
        yield pool


def database_hints(settings: Settings) -> hints.Hints:
    """A connection that listens for hints that there may be work."""
    return hints.Hints(settings.renewed("database_url"), pooled=settings.behind_pooler)


async def open_redactor(settings: Settings, reader: StoreReader) -> Redactor:
    """A redactor with the key of the settings, else with the stored one, which is recognised in any case.

    Raises Transient without either, and while the database is away.
    """
    given = settings.redaction_key
    if given is None:
        return Redactor(await reader.redaction_key(), _other_keys(settings))
    stored = []
    with contextlib.suppress(NotPrepared):
        stored.append(await reader.redaction_key())
    return Redactor(given.get_secret_value().encode(), (*_other_keys(settings), *stored))


def _other_keys(settings: Settings) -> tuple[bytes, ...]:
    """An empty line is none."""
    given = settings.redaction_other_keys
    lines = () if given is None else given.get_secret_value().splitlines()
    return tuple(line.encode() for line in lines if line.strip())


def unstored_redactor(settings: Settings) -> Redactor:
    """A redactor for texts that are not stored: with the key of the settings, else with a key for this run alone."""
    given = settings.redaction_key
    return Redactor(given.get_secret_value().encode() if given is not None else secrets.token_bytes(32))


@contextlib.asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[StoreReader]:
    """A reader of the tables, for commands. Raises Transient as `prepared_database` does."""
    async with prepared_database(settings, name="look", only_looks=True) as pool:
        yield StoreReader(pool)
