"""A case for what the service does of itself with what is stored of one tenant.

The other tenant has the same under the same ids, down to a draft of the same bundle: a key that forgets the tenant
finds the wrong one, or both.
"""

from dataclasses import replace
from datetime import UTC, datetime

from consumer.adapters.postgres.rebuild import PostgresOutcomes
from consumer.adapters.postgres.replay.replays import PostgresReplays
from consumer.domain.events import Origin, Record, Request, RequestKey
from consumer.domain.package.published import PublishedOutcome, read_outcome
from consumer.domain.request.schedule import RevisionRules
from consumer.domain.writing.ledger import DraftKey
from consumer.flows.drafting.ports import Claim, Doubted
from tests.faults.apart.cases import Case
from tests.faults.apart.twins import ACTING, OLD_SESSION, OTHER, OTHERS_REQUEST, SAME_SHA256, SESSION, Twins, who
from tests.support.replicas import MODEL
from tests.support.store_filler import SENDER
from tests.support.wire import arrive, request

RULES = RevisionRules(after_seconds=0, window_seconds=1, limit=1)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def drafts_of_one_bundle(twins: Twins) -> None:
    """What one tenant has paid for, or was refused, is nothing to the other, were it for the same words."""
    ledger = twins.system.stores.ledger
    mine = DraftKey(ACTING, OLD_SESSION, SAME_SHA256, "1", "m")
    assert twins.loop.run(ledger.find_draft(mine)) is None
    assert twins.loop.run(ledger.find_any_draft(mine)) is None
    claim = twins.loop.run(ledger.claim_draft(mine, drafted_for="r1/1", force=False))
    assert isinstance(claim, Claim)
    twins.loop.run(ledger.renew([claim]))
    assert twins.loop.run(ledger.model_away(claim)) is False
    twins.loop.run(ledger.decline_draft(claim, (), drafted_for="r1/1"))


def doubts_of_one_bundle(twins: Twins) -> None:
    mine, its = (DraftKey(tenant, SESSION, "1" * 64, "1", MODEL) for tenant in (ACTING, OTHER))
    columns = "tenant_id, session_id, bundle_sha256, prompt_version, model, refusal, drafted_for"
    twins.execute(f"INSERT INTO model_doubts ({columns}) VALUES ($1, $2, $3, $4, $5, '', 'r1/1')", *its)
    ledger = twins.system.stores.ledger
    claim = twins.loop.run(ledger.claim_draft(mine, drafted_for="r1/1", force=False))
    assert isinstance(claim, Claim), "the other's doubt is no reason"
    twins.loop.run(ledger.release_draft(claim))
    twins.execute("UPDATE model_doubts SET tenant_id = $1 WHERE tenant_id = $2", ACTING, OTHER)
    assert isinstance(twins.loop.run(ledger.claim_draft(mine, drafted_for="r1/1", force=False)), Doubted)
    twins.execute("DELETE FROM model_doubts")


def waits_for_its_own_state(twins: Twins) -> None:
    """The other's session of this id has the version long since."""
    twins.take_in(request("r20", attributes=who(ACTING, OLD_SESSION), state_version=40))
    asked = (ACTING, OLD_SESSION, "r20")
    newest = "SELECT newest_version FROM sessions WHERE (tenant_id, session_id) = ($1, $2)"
    assert twins.value(newest, ACTING, OLD_SESSION) < 40 < twins.value(newest, OTHER, OLD_SESSION)
    twins.execute("UPDATE requests SET due_at = now() WHERE (tenant_id, session_id, request_id) = ($1, $2, $3)", *asked)
    work = twins.loop.run(twins.system.take())
    assert work is not None
    assert tuple(work.key) == asked
    twins.loop.run(twins.system.stores.queue.wait_for_state(work))
    due = "SELECT due_at > now() FROM requests WHERE (tenant_id, session_id, request_id) = ($1, $2, $3)"
    assert twins.value(due, *asked)
    twins.execute("DELETE FROM requests WHERE (tenant_id, session_id, request_id) = ($1, $2, $3)", *asked)


def outcomes_read_back(twins: Twins) -> None:
    """A store that is made whole from the topics takes one tenant's records and outcomes in."""
    outcomes = _published(twins, ACTING)
    assert {type(outcome.said).__name__ for outcome in outcomes} >= {"PackageReady", "PackageWithdrawn"}
    store = PostgresOutcomes(twins.system.pool, sender=SENDER, models=(MODEL,), rules=RULES)
    asked = arrive(request("r1", attributes=who(ACTING))).arrival
    assert isinstance(asked, Request)
    twins.loop.run(store.date_requests([(asked, LONG_AGO)], {}))
    assert twins.value("SELECT tenant_id FROM requests WHERE stored_at = $1", LONG_AGO) == ACTING
    unheard = replace(outcomes[0], key=RequestKey(ACTING, SESSION, OTHERS_REQUEST))
    assert twins.loop.run(store.unknown([unheard])) == 1, "that the other has asked so is no reason"
    twins.execute("DELETE FROM packages WHERE (tenant_id, session_id) = ($1, $2)", ACTING, OLD_SESSION)
    twins.loop.run(store.put_outcomes(outcomes, {}))
    assert twins.value("SELECT count(*) FROM packages WHERE (tenant_id, session_id) = ($1, $2)", ACTING, OLD_SESSION)


def a_plan_of_its_own(twins: Twins) -> None:
    """What the other has spent, or turned off, holds no plan up."""
    policy = "UPDATE tenant_policies SET model = $2 WHERE tenant_id = $1"
    plan = twins.kept[f"plan of {ACTING}"]
    twins.execute("UPDATE replay_items SET state = 'unchanged' WHERE replay_id = $1", plan)
    twins.execute(policy, OTHER, "off")
    replays = PostgresReplays(twins.system.pool, rules=RULES)
    assert twins.loop.run(replays.forbidden(plan, monthly_budget_usd=None)) == []
    assert not twins.loop.run(replays.hindrance(plan)).worked_on
    twins.execute(policy, OTHER, "on")
    twins.execute(policy, ACTING, "off")
    (stands,) = twins.loop.run(replays.forbidden(plan, monthly_budget_usd=None))
    assert ACTING in stands
    twins.execute(policy, ACTING, "on")


def _published(twins: Twins, tenant: str) -> list[PublishedOutcome]:
    rows = twins.rows("SELECT topic, value FROM outbox WHERE tenant_id = $1 ORDER BY id", tenant)
    records = [Record(origin=Origin(row["topic"], 0, 0), key=None, value=row["value"], headers=()) for row in rows]
    return [outcome for outcome in map(read_outcome, records) if outcome is not None]


ACTS: tuple[Case, ...] = (
    drafts_of_one_bundle,
    doubts_of_one_bundle,
    waits_for_its_own_state,
    outcomes_read_back,
    a_plan_of_its_own,
)
