"""Drafters' store operations, with dull defaults."""

from datetime import UTC, datetime, timedelta

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.package import package
from consumer.domain.package.package import Package
from consumer.domain.redaction import KnownSecret, Redactor
from consumer.domain.rendering.markdown import Rendered
from consumer.domain.request.schedule import RevisionRules
from consumer.domain.request.work import TenantPolicy, Work
from consumer.domain.session.history import Basis
from consumer.domain.writing.ledger import DraftKey, LedgerEntry
from consumer.flows.drafting.ports import DraftingStores, FinishResult, Lane
from consumer.settings import Settings
from consumer.wiring.loops import drafting_stores
from schemas.packages import (
    Cause,
    PackageStatus,
    Provenance,
    Section,
    SectionKey,
    Usage,
)
from schemas.topics import Topics
from tests.support import build
from tests.support.tables import KEY, Tables

SENDER = package.Sender(topics=Topics(), source="/escalation-consumer")
AT = datetime(2026, 3, 4, tzinfo=UTC)
RULES = RevisionRules(after_seconds=60, window_seconds=86_400, limit=5)
DRAFT_KEY = DraftKey("default", "session-1", "a" * 64, "p1", "m1")
BASIS = Basis(arrivals=2, secrets=0)
REDACTOR = Redactor(b"a key for tests only")


def make_stores(
    pool: Pool, *, lease_seconds: float = 20.0, margin_seconds: float = 3.0, rules: RevisionRules = RULES
) -> DraftingStores:
    settings = Settings().model_copy(
        update={
            "lease_seconds": lease_seconds,
            "deadline_margin_seconds": margin_seconds,
            "revise_after_seconds": rules.after_seconds,
            "revise_window_seconds": rules.window_seconds,
            "revise_limit": rules.limit,
        }
    )
    return drafting_stores(settings, pool, REDACTOR, has_model=True)


def packed(
    work: Work, *, status: PackageStatus = PackageStatus.READY, cause: Cause = Cause.REQUEST, digest: str = "a" * 64
) -> Package:
    note = package.Note(key=work.key, requested_state_version=None, ticket=None)
    return package.ready(
        SENDER,
        note,
        package.Revision(
            number=work.next_revision,
            cause=cause,
            replay_id=None,
            supersedes=None,
            previous_ticket=None,
            state_version=2,
        ),
        Rendered(
            language="en",
            title="t",
            markdown="m\n",
            plain_text="m\n",
            html="<p>m</p>",
            sections=tuple(Section(key=key, heading=key, markdown="m") for key in SectionKey),
            lines=dict.fromkeys(SectionKey, ()),
            truncated=False,
        ),
        references={},
        status=status,
        from_cache=False,
        provenance=Provenance(
            bundle_sha256=digest,
            event_count=2,
            prompt_version="p1",
            model=None,
            drafted_at=AT,
            attempts=0,
            usage=Usage(),
        ),
        redactions=0,
        warnings=(),
        policy=TenantPolicy(),
        at=AT,
    )


def entry(drafted_for: str = "request-1/1") -> LedgerEntry:
    return LedgerEntry(
        draft="{}",
        model="m1",
        warnings=(),
        attempts=1,
        usage=Usage(input_tokens=3),
        drafted_at=AT,
        drafted_for=drafted_for,
    )


async def take(stores: DraftingStores, lane: Lane = Lane.MODEL) -> Work:
    (work,) = await stores.queue.claim(lane, 10)
    return work


async def publish(
    stores: DraftingStores,
    work: Work,
    basis: Basis = BASIS,
    *,
    status: PackageStatus = PackageStatus.READY,
    cause: Cause = Cause.REQUEST,
    upgrade_in_seconds: float | None = None,
) -> FinishResult:
    return await stores.endings.finish_ready(
        work, packed(work, status=status, cause=cause), basis, draft_model="m1", upgrade_in_seconds=upgrade_in_seconds
    )


async def a_session(tables: Tables, key: SessionKey = KEY.session) -> None:
    await tables.add_events(build.in_order(build.opened(), build.fact()), key)


async def is_due(tables: Tables, seconds: float, *, since: datetime, key: RequestKey = KEY) -> None:
    """Asserts that the request is due `seconds` after a moment between `since` and now."""
    later, row = timedelta(seconds=seconds), await tables.request(key)
    assert since + later <= row["due_at"] <= await tables.now() + later


async def a_secret(tables: Tables, value: str = "Somewhere-else!42") -> None:
    scope = REDACTOR.scope(KEY.tenant_id, KEY.session_id)
    scope.parameters({"parameters": [{"key": "p", "field_type": "password"}]}, {"p": value})
    rows = await tables.database.fetch("SELECT kind, identity, forms FROM session_secrets")
    known = {row["identity"]: KnownSecret.unpacked(row["kind"], row["identity"], row["forms"]) for row in rows}
    for secret in scope.learn(known, {match.identity: match for match in scope.found_secrets()}).fresh:
        row = (*KEY.session, secret.identity, secret.kind.value, secret.packed_forms())
        await tables.execute(Queries("secrets").remember, *columns([row], 5))
