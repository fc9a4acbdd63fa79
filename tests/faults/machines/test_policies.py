"""What tenants allow: at every moment a call begins exactly where policy and budgets of that tenant let it."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumer.domain.events import SessionKey
from consumer.flows.drafting.calls.accounting import Payer, Purpose
from consumer.flows.drafting.model import CallForbidden
from schemas.packages import Usage
from tests.faults.machines.drafters import Drafters, driving
from tests.faults.machines.machine import EventLoop, explore
from tests.faults.machines.policy_model import ModelPolicy, Month, PurseModel
from tests.support.model_server import ModelServer
from tests.support.replicas import MODEL
from tests.support.wire import TOPICS, change, event, request

TENANTS = st.sampled_from(("acme", "acme%", "umbrella"))
"""One is a pattern that another one matches."""
DOLLARS = st.sampled_from((0.005, 0.02, 0.08))
BUDGET_OF_ALL = 0.25
USAGE = Usage(input_tokens=10, output_tokens=10)
_sessions = itertools.count()

_PAID = """
SELECT tenant_id, sum(usd)::float8 AS usd FROM model_days
WHERE day >= date_trunc('month', now() AT TIME ZONE 'UTC') GROUP BY tenant_id
"""
_STANDING = "SELECT tenant_id, model, language, monthly_budget_usd FROM tenant_policies"


class PolicyMachine(RuleBasedStateMachine):
    """Three tenants. Calls are made by drafting, and, to hold them open for long, by hand."""

    loop: EventLoop
    system: Drafters
    answers: ModelServer

    @initialize()
    def begins(self) -> None:
        self.loop.run(self.system.begin())
        self.answers.forget()
        self.expected = PurseModel(BUDGET_OF_ALL)

    @property
    def month(self) -> Month:
        now = self.loop.run(self.system.pool.fetchval("SELECT now() AT TIME ZONE 'UTC'"))
        return now.year, now.month

    @rule(
        tenant=TENANTS,
        minute=st.integers(0, 9),
        event_id=st.sampled_from("ab"),
        uses_model=st.sampled_from((True, True, False)),
        language=st.sampled_from(("en", "de")),
        budget=st.none() | DOLLARS,
    )
    def a_policy_arrives(
        self, tenant: str, minute: int, event_id: str, uses_model: bool, language: str, budget: float | None
    ) -> None:
        """In any order of its times."""
        said = {"model": "on" if uses_model else "off", "language": language, "monthly_budget_usd": budget}
        at = f"2026-03-02T09:0{minute}:00Z"
        made = event("tenant.policy_set.v1", said, id=event_id, subject=tenant, time=at)
        self.loop.run(self.system.take_in(made, topic=TOPICS.policies))
        if (minute, event_id) != (self.expected.policy(tenant).set_at, self.expected.policy(tenant).event_id):
            self.expected.says(tenant, ModelPolicy(minute, event_id, uses_model, language, budget))

    @rule(tenant=TENANTS, usd=DOLLARS)
    def a_call_begins(self, tenant: str, usd: float) -> None:
        payer = Payer(SessionKey(tenant, "s"), "r/1")
        why = self.expected.forbids(self.month, tenant)
        opening = self.system.stores.accounts.open(payer, Purpose.DRAFT, MODEL, held_usd=usd)
        if why is None:
            self.expected.begins(self.loop.run(opening), self.month, tenant, usd)
            return
        with pytest.raises(CallForbidden) as forbidden:
            self.loop.run(opening)
        assert forbidden.value.caution == why

    @precondition(lambda self: self.expected.held)
    @rule(data=st.data(), usd=DOLLARS, twice=st.booleans())
    def a_call_is_settled(self, data: st.DataObject, usd: float, twice: bool) -> None:
        call = data.draw(st.sampled_from(sorted(self.expected.held)))
        for _ in range(1 + twice):
            self.loop.run(self.system.stores.accounts.settle(call, MODEL, USAGE, usd=usd))
        self.expected.settles(call, self.month, usd)

    @precondition(lambda self: self.expected.held)
    @rule(data=st.data())
    def a_call_gets_no_answer(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(sorted(self.expected.held)))
        self.loop.run(self.system.stores.accounts.drop(call))
        del self.expected.held[call]

    @rule(days=st.sampled_from((1, 31)))
    def time_passes(self, days: int) -> None:
        self.loop.run(self.system.move(days * 86400.0))

    @rule(tenant=TENANTS)
    def a_session_is_drafted(self, tenant: str) -> None:
        """By the service's own drafting, from the request to the outbox."""
        session, why = f"p{next(_sessions)}", self.expected.forbids(self.month, tenant)
        policy, before = self.expected.policy(tenant), self.answers.calls
        who: dict[str, Any] = {"subject": session, "tenantid": tenant}
        fact = {"fact_id": "f", "text": f"Host-{session} answers.", "source_type": "user_report"}
        self.loop.run(self.system.take_in(change(data=fact, **who), request(attributes=who)))
        self.loop.run(self.system.turn(0))
        (package,) = [each for each in self.loop.run(self.system.published()) if each["session_id"] == session]
        assert package["language"] == policy.language
        assert [word for word in package["warnings"] if word in ("model_disabled", "budget_exhausted")] == [
            *([why] if why else [])
        ]
        assert package["status"] == ("fallback" if why else "ready")
        assert self.answers.calls - before == (0 if why else 1), "a call that is forbidden is not made"
        usd = self.loop.run(
            self.system.pool.fetchval("SELECT coalesce(sum(usd), 0) FROM model_calls WHERE session_id = $1", session)
        )
        self.expected.pays(self.month, tenant, usd)

    @invariant()
    def the_store_says_what_the_model_says(self) -> None:
        if not hasattr(self, "expected"):
            return
        month = self.month
        paid = {row["tenant_id"]: row["usd"] for row in self.loop.run(self.system.pool.fetch(_PAID))}
        for tenant in ("", *self.expected.policies):
            assert paid.get(tenant, 0.0) == pytest.approx(self.expected.paid[month, tenant])
        standing = {row["tenant_id"]: tuple(row)[1:] for row in self.loop.run(self.system.pool.fetch(_STANDING))}
        assert standing == {
            tenant: ("on" if policy.uses_model else "off", policy.language, policy.budget)
            for tenant, policy in self.expected.policies.items()
        }


@pytest.fixture
def tenants(database: str, redis_url: str, topic_prefix: str) -> Iterator[type[PolicyMachine]]:
    with driving(database, redis_url, topic_prefix, monthly_budget_usd=BUDGET_OF_ALL) as system:
        yield type("Policies", (PolicyMachine,), system)


def test_a_tenant_gets_what_it_allows_and_pays_for(tenants: type[PolicyMachine]) -> None:
    explore(tenants, examples=4, steps=15, by_chance=False)


@pytest.mark.long
def test_a_tenant_gets_what_it_allows_and_pays_for_whatever_happens(tenants: type[PolicyMachine]) -> None:
    explore(tenants, examples=300, steps=40, by_chance=True)
