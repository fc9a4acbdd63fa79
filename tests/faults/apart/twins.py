"""Two tenants of one store that share every id: sessions, tickets, requests, events, facts, fixes, scripts, feedback.

Each writes a word of its own into whatever it says.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
import redis.asyncio as redis
from aiokafka import AIOKafkaProducer

from consumer.__main__ import main
from consumer.adapters.kafka.admin import prepare_topics
from consumer.adapters.postgres.evictions import PostgresEvictions
from consumer.adapters.redis.cache import RedisCache
from consumer.flows.relay.ports import MARKER_TOPIC
from schemas.topics import Topics
from tests.faults.machines.drafters import Drafters
from tests.faults.machines.machine import EventLoop
from tests.support.console import Surfer
from tests.support.model_server import ModelServer
from tests.support.wire import TOPICS, cancellation, change, event, request

ACTING, OTHER = "%cme", "#cme"
"""As a pattern the first matches the second; and where both are found, the second comes first."""
WORDS = {ACTING: "Zephyr", OTHER: "Basalt"}
SESSION, OLD_SESSION = "same/1", "same/2"
SECRET = "brightmeadowlane"
"""Nothing of its looks tells that it is one: each tenant has to say so for itself."""
OTHERS_REQUEST = "r30"
SAME_SHA256 = "0" * 64
"""Of a bundle that both have a draft of, the other one for both sessions. It says the secret."""

_OF_A_TENANT = """
SELECT c.table_name,
       EXISTS (SELECT FROM information_schema.columns AS k WHERE k.table_schema = c.table_schema
               AND k.table_name = c.table_name AND k.column_name = 'tenant_id') AS has_tenant
FROM information_schema.tables AS c WHERE c.table_schema = current_schema() AND c.table_type = 'BASE TABLE'
"""
SHARED_TABLES = {
    "catching_up": "positions of the whole store",
    "dead_letter_jobs": "who asked for what; a choice names its tenant",
    "intake_positions": "positions of the whole store",
    "schema_migrations": "the schema's",
    "model_outage": "of the model that all call",
    "moved_clock": "the clock of these tests",
    "rebuild": "positions of the whole store",
    "refusing_topics": "of the topics that all are published on",
    "relay": "positions of the whole outbox",
    "replays": "plans; their items name the tenants",
    "service_keys": "the store's own",
}


class Twins:
    """The store, and the ways to it: records, drafting, commands, pages."""

    def __init__(
        self,
        *,
        loop: EventLoop,
        system: Drafters,
        model: ModelServer,
        surfer: Surfer,
        environment: dict[str, str],
        capsys: Any,
    ) -> None:
        self.loop = loop
        self.system = system
        self.model = model
        self.surfer = surfer
        self.environment = environment
        self.looks_at_the_other: Callable[[], None] = lambda: None
        """To be called by a case that compares what the other tenant is told, before and after."""
        self.after_intake: Callable[[], None] = lambda: None
        """Is called before anybody takes up what records have made due: work that changes nothing leaves no trace."""
        self.kept: dict[str, str] = {}
        """Ids that a case has learnt, for later ones."""
        self._capsys = capsys
        self._settings = system.settings

    # ways in

    def take_in(self, *events: dict[str, Any], topic: str | None = None) -> None:
        self.loop.run(self.system.take_in(*events, topic=topic))
        self.after_intake()

    def turn(self) -> None:
        """Drafting does what is due."""
        self.loop.run(self.system.turn(0))

    def command(self, *arguments: str, code: int = 0) -> str:
        """Runs a command in this process; returns what it printed."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            patch.setattr("sys.argv", ["escalation-consumer", *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
        captured = self._capsys.readouterr()
        assert ended.value.code == code, f"{arguments}: {ended.value.code}: {captured.err[-600:]}{captured.out[-600:]}"
        return str(captured.out) + str(captured.err)

    def page(self, path: str) -> str:
        answer = self.loop.run(self.surfer.get(path))
        assert answer.status in (200, 303), f"{path}: {answer.status}: {answer.said[:300]}"
        return str(answer.text + answer.headers.get("Location", ""))

    def act(self, page: str, action: str, **fields: str) -> str:
        """Fills in the form of a page, and follows where it leads."""
        answer = self.loop.run(self.surfer.submit(page, action, **fields))
        assert answer.status in (200, 303), f"{action}: {answer.status}: {answer.said[:300]}"
        return str(answer.headers.get("Location", "") + answer.text)

    def execute(self, sql: str, *arguments: object) -> None:
        self.loop.run(self.system.pool.execute(sql, *arguments))

    def value(self, sql: str, *arguments: object) -> Any:
        return self.loop.run(self.system.pool.fetchval(sql, *arguments))

    def rows(self, sql: str, *arguments: object) -> list[Any]:
        return self.loop.run(self.system.pool.fetch(sql, *arguments))

    def package_id(self, tenant: str, *, revision: int = 1, session: str = SESSION) -> str:
        wanted = "(tenant_id, session_id, request_id, revision) = ($1, $2, 'r1', $3)"
        return str(self.value(f"SELECT package_id FROM packages WHERE {wanted}", tenant, session, revision))

    # how both begin

    def fill(self) -> None:
        """Both tenants have the same history; nothing of either is due then."""
        prefix, servers = self._settings.topic_prefix, self.environment["KAFKA_BOOTSTRAP_SERVERS"]
        self.loop.run(
            prepare_topics({"bootstrap_servers": servers}, Topics(prefix), prefix + MARKER_TOPIC, partitions=1)
        )
        for tenant in (OTHER, ACTING):
            self._begin(tenant)
        self.turn()
        self.take_in(fact(OTHER, 60, "It is far ahead.", OLD_SESSION))
        self.take_in(request(OTHERS_REQUEST, attributes=who(OTHER), state_version=99, deadline_seconds=3600))
        for tenant in (OTHER, ACTING):
            self.take_in(fact(tenant, 7, "It still fails."))
        self.turn()
        for tenant in (OTHER, ACTING):
            of_old = self.package_id(tenant, session=OLD_SESSION)
            self.take_in(
                feedback(tenant, "f1", self.package_id(tenant)),
                feedback(tenant, "f5", of_old, "accepted") | who(tenant, OLD_SESSION),
                topic=TOPICS.feedback,
            )
            self.loop.run(self._refuse(tenant))
            self.kept[f"plan of {tenant}"] = plan = json.loads(
                self.command("replay", "plan", "--tenant", tenant, "--json")
            )["replay_id"]
            assert plan
        self.loop.run(self._forget())
        self.execute("UPDATE packages SET created_at = created_at - interval '2 hours'")  # somebody should have said
        for tenant, session in ((OTHER, SESSION), (OTHER, OLD_SESSION), (ACTING, SESSION)):
            answer = f'{{"said": "{WORDS[tenant]} {SECRET}"}}'
            draft = "($1, $2, $3, '1', 'm', 'drafted', $4, now())"
            columns = "tenant_id, session_id, bundle_sha256, prompt_version, model, state, answer, drafted_at"
            self.execute(f"INSERT INTO drafts ({columns}) VALUES {draft}", tenant, session, SAME_SHA256, answer)

    def _begin(self, tenant: str) -> None:
        policy = {"note_footer": f"Rate it, says {WORDS[tenant]}: {{package_id}}", "monthly_budget_usd": 5.0}
        self.take_in(event("tenant.policy_set.v1", policy, id="p1", subject=tenant), topic=TOPICS.policies)
        for session in (SESSION, OLD_SESSION):
            self.take_in(*history(tenant, session))
            self.take_in(request("r1", attributes=who(tenant, session), reason=f"{WORDS[tenant]} waits."))
        self.take_in(
            request("r2", attributes=who(tenant)),
            cancellation("r2", **who(tenant), id="c2"),
            request("r3", attributes=who(tenant), state_version=99, deadline_seconds=3600),
            cancellation("r4", **who(tenant), id="c4"),
        )
        rival = change(data={"fact_id": "f", "text": WORDS[tenant], "source_type": "x"}, version=1, id="rival")
        self.take_in(rival | who(tenant))

    async def _refuse(self, tenant: str) -> None:
        """A record that an earlier release refused, and that is sound now."""
        topic = Topics(self._settings.topic_prefix).sessions
        raw = json.dumps(change(data=_fact(tenant, "f8", "Redriven."), version=8, **who(tenant))).encode()
        async with AIOKafkaProducer(bootstrap_servers=self.environment["KAFKA_BOOTSTRAP_SERVERS"]) as producer:
            sent = await producer.send_and_wait(topic, raw, key=SESSION.encode(), partition=0)
        await self.system.pool.execute(
            'INSERT INTO dead_letters (topic, partition, "offset", record_ms, tenant_id, session_id, reason, error,'
            " excerpt) VALUES ($1, 0, $2, $3, $4, $5, 'internal', 'an error', $6)",
            *(topic, sent.offset, sent.timestamp, tenant, SESSION, WORDS[tenant]),
        )

    async def _forget(self) -> None:
        store = PostgresEvictions(self.system.pool)
        await store.acknowledged(list(await store.waiting(100)))

    def goes_on(self, tenant: str) -> None:
        """It has more of everything that is counted or listed: sessions, packages, costs, opinions, refusals."""
        self.take_in(*history(tenant, "same/3"), request("r1", attributes=who(tenant, "same/3")))
        self.take_in(request("r40", attributes=who(tenant), state_version=97, deadline_seconds=3600))
        self.take_in(fact(tenant, 21, "It fails more often."))
        self.turn()
        self.take_in(feedback(tenant, "f21", self.package_id(tenant), "edited"), topic=TOPICS.feedback)
        policy = {"language": "de", "monthly_budget_usd": 7.0}
        self.take_in(
            event("tenant.policy_set.v1", policy, id="p21", subject=tenant, time="2026-05-01T09:00:00Z"),
            topic=TOPICS.policies,
        )
        self.loop.run(self._refuse(tenant))
        self.command("replay", "plan", "--tenant", tenant, "--json")
        self.execute("UPDATE packages SET created_at = created_at - interval '2 hours' WHERE tenant_id = $1", tenant)
        self.execute("UPDATE model_calls SET ended_at = NULL, held_usd = 0.5 WHERE tenant_id = $1", tenant)

    # what must stay

    def standing(self, tenant: str) -> dict[str, list[str]]:
        """All rows of a tenant by table, and what Redis holds of it."""
        return self.loop.run(self._standing(tenant))

    async def _standing(self, tenant: str) -> dict[str, list[str]]:
        tables = await self.system.pool.fetch(_OF_A_TENANT)
        assert {row["table_name"] for row in tables if not row["has_tenant"]} == set(SHARED_TABLES)
        rows = {
            row["table_name"]: [
                str(text)
                for (text,) in await self.system.pool.fetch(
                    f'SELECT t::text FROM "{row["table_name"]}" AS t WHERE tenant_id = $1 ORDER BY 1', tenant
                )
            ]
            for row in tables
            if row["has_tenant"]
        }
        assert isinstance(self.system.cache, RedisCache)
        client: redis.Redis = self.system.cache._redis
        keys = sorted(await client.keys(f"{self._settings.topic_prefix}*:{quote(tenant, safe='')}:*"))
        rows["redis"] = [f"{key!r}: {sorted((await client.hgetall(key)).items())}" for key in keys]
        return rows


def who(tenant: str, session: str = SESSION) -> dict[str, Any]:
    return {"subject": session, "tenantid": tenant}


def _fact(tenant: str, fact_id: str, text: str) -> dict[str, Any]:
    return {"fact_id": fact_id, "text": f"{WORDS[tenant]}: {text} ({SECRET})", "source_type": "user_report"}


def fact(tenant: str, version: int, text: str, session: str = SESSION) -> dict[str, Any]:
    return change(data=_fact(tenant, f"f{version}", text), version=version, **who(tenant, session))


def feedback(tenant: str, event_id: str, package_id: str, outcome: str = "rejected") -> dict[str, Any]:
    said = {"package_id": package_id, "outcome": outcome, "comment": f"{WORDS[tenant]} says so."}
    now = datetime.now(UTC).isoformat()  # pages show what is of late
    return event("escalation.package_feedback.v1", said, id=event_id, time=now, **who(tenant))


def history(tenant: str, session: str) -> Iterator[dict[str, Any]]:
    word = WORDS[tenant]
    ticket = {"system": "connectwise", "ticket_id": "4711", "connection_id": word}
    opened = {"title": f"{word} mail", "problem_summary": f"{word} gets none.", "psa_ticket": ticket}
    yield change("session.opened.v1", opened, version=1, actor=f"{word}-technician", **who(tenant, session))
    yield fact(tenant, 2, "The server answers.", session)
    fix = {"fix_id": "x1", "title": f"Restart {word}", "description": "Once.", "confidence_pct": 85}
    yield change("session.fix_suggested.v1", fix, version=3, **who(tenant, session))
    failed = {"fix_id": "x1", "status": "applied_failed", "failure_reason": f"{word} hangs."}
    yield change("session.fix_outcome_recorded.v1", failed, version=4, **who(tenant, session))
    schema = {"parameters": [{"key": "pass", "field_type": "password"}]}
    script = {
        "generation_id": "g1",
        "template": {"name": f"Reset {word}", "parameters_schema": schema},
        "parameters_used": {"note": word, "pass": f"quiet{word.lower()}lantern"},
    }
    yield change("session.script_generated.v1", script, version=5, **who(tenant, session))
