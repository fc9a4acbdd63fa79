"""The loops: intake, drafting, relay, retention and the watch, each with what it works on."""

import time

from consumer.adapters.kafka.client import connection
from consumer.adapters.kafka.consuming.consumer import KafkaSource
from consumer.adapters.kafka.publishing.relay import KafkaBroker
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.drafting.accounts import PostgresAccounts
from consumer.adapters.postgres.drafting.doubts import PostgresDoubts
from consumer.adapters.postgres.drafting.endings import PostgresEndings
from consumer.adapters.postgres.drafting.leases import PostgresWorkQueue
from consumer.adapters.postgres.drafting.ledger import PostgresDraftLedger
from consumer.adapters.postgres.drafting.outages import PostgresOutages
from consumer.adapters.postgres.evictions import PostgresEvictions
from consumer.adapters.postgres.intake.inbox import PostgresInbox
from consumer.adapters.postgres.outbox import PostgresOutbox
from consumer.adapters.postgres.retention import PostgresTrimmer
from consumer.domain.package.sample import draft_sample
from consumer.domain.redaction import Redactor
from consumer.flows.cache import DraftCache
from consumer.flows.drafting import loop as drafting
from consumer.flows.drafting.drafter import Drafter
from consumer.flows.drafting.failures import Failures
from consumer.flows.drafting.lease_keeper import LeaseKeeper
from consumer.flows.drafting.loop import Drafting
from consumer.flows.drafting.ports import DraftingStores
from consumer.flows.drafting.worker import Worker
from consumer.flows.forgetting import Forgetting
from consumer.flows.intake.loop import Intake
from consumer.flows.intake.ports import RecordSource
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meters
from consumer.flows.operation.phases import PhaseClock
from consumer.flows.pacing import Waker
from consumer.flows.relay import ports as relay
from consumer.flows.relay.loop import Relay
from consumer.flows.retention import Retention, RetentionRules
from consumer.settings import Settings
from consumer.wiring.model import PacedModel
from consumer.wiring.tracing import UNTRACED, Traces
from consumer.wiring.values import consumer_group, model_choice, process_name, revision_rules, sender
from schemas.topics import Topics


def record_source(settings: Settings) -> KafkaSource:
    """The input topics, for one member of the consumer group."""
    return KafkaSource(
        connection(settings),
        group=consumer_group(settings),
        topics=Topics(settings.topic_prefix),
        session_timeout_seconds=settings.session_timeout_seconds,
        batch_records=settings.intake_batch_records,
        instance_id=settings.instance_id,
    )


def inbox(settings: Settings, pool: Pool, redactor: Redactor, *, publishes: bool = True) -> PostgresInbox:
    """With `publishes` false nothing is put into the outbox, because what follows from the records is published."""
    return PostgresInbox(
        pool,
        sender=sender(settings),
        redactor=redactor,
        revisions=revision_rules(settings),
        publishes=publishes,
    )


def intake_loop(
    settings: Settings,
    *,
    source: RecordSource,
    pool: Pool,
    redactor: Redactor,
    health: Health,
    meters: Meters,
    traces: Traces = UNTRACED,
) -> Intake:
    return Intake(
        source=source,
        inbox=traces.inbox(inbox(settings, pool, redactor)),
        redactor=redactor,
        topics=Topics(settings.topic_prefix),
        health=health,
        meters=meters,
    )


def drafting_stores(
    settings: Settings, pool: Pool, redactor: Redactor, *, has_model: bool, only_replay: str | None = None
) -> DraftingStores:
    """With `only_replay` the queue gives out the work of that planned replay alone."""
    return DraftingStores(
        queue=PostgresWorkQueue(
            pool,
            lease_seconds=settings.lease_seconds,
            margin_seconds=settings.deadline_margin_seconds,
            probe_seconds=settings.model_probe_seconds,
            model_name=settings.model if has_model else None,
            only_replay=only_replay,
            named=settings.instance_id is not None and only_replay is None,
        ),
        ledger=PostgresDraftLedger(pool, redactor=redactor, lease_seconds=settings.lease_seconds),
        endings=PostgresEndings(pool, rules=revision_rules(settings)),
        outages=PostgresOutages(
            pool, probe_seconds=settings.model_probe_seconds, spread_seconds=settings.upgrade_spread_seconds
        ),
        doubts=PostgresDoubts(pool, probe_seconds=settings.model_probe_seconds),
        accounts=PostgresAccounts(
            pool, provider=settings.model_provider, monthly_budget_usd=settings.monthly_budget_usd
        ),
    )


def drafting_worker(
    settings: Settings,
    *,
    stores: DraftingStores,
    redactor: Redactor,
    cache: DraftCache,
    drafter: Drafter | None,
    meters: Meters,
    traces: Traces = UNTRACED,
) -> Worker:
    return Worker(
        stores=traces.drafting_stores(stores),
        cache=cache,
        drafter=drafter,
        sender=sender(settings),
        model_name=settings.model,
        late_answer_seconds=settings.model_attempt_seconds,
        scan=lambda session: redactor.scope(*session).text,
        meters=meters,
        tracing=traces.drafting,
        clock=time.monotonic,
    )


def drafting_loop(
    settings: Settings,
    *,
    stores: DraftingStores,
    redactor: Redactor,
    cache: DraftCache,
    model: PacedModel | None,
    hint: Waker,
    health: Health,
    meters: Meters,
    replay_places: int,
    traces: Traces = UNTRACED,
) -> Drafting:
    """Without a model rules draft every package. Replays hold at most `replay_places` of the places at the model."""
    drafter = None
    if model is not None:
        drafter = Drafter(
            model=traces.model(model.model),
            pace=model.pace,
            accounts=stores.accounts,
            choice=model_choice(settings),
            ledger=stores.ledger,
            outages=stores.outages,
            doubts=stores.doubts,
            provider=settings.model_provider,
            probe_seconds=settings.model_probe_seconds,
            health=health,
            meters=meters,
            clock=time.monotonic,
        )
    worker = drafting_worker(
        settings, stores=stores, redactor=redactor, cache=cache, drafter=drafter, meters=meters, traces=traces
    )
    keeper = LeaseKeeper(queue=stores.queue, ledger=stores.ledger, lease_seconds=settings.lease_seconds)
    failures = Failures(
        worker=worker,
        keeper=keeper,
        draft_sample=lambda: draft_sample(sender(settings)),
        health=health,
        clock=time.monotonic,
    )
    return Drafting(
        stores=stores,
        worker=worker,
        drafter=drafter,
        failures=failures,
        keeper=keeper,
        model_places=settings.model_concurrency,
        replay_places=replay_places,
        longest_work_seconds=max(drafting.LONGEST_WORK_SECONDS, 5 * settings.model_attempt_seconds),
        drain_seconds=settings.drain_seconds,
        hint=hint,
        health=health,
        tracing=traces.drafting,
        phases=PhaseClock(meters=meters, loop=drafting.LOOP, clock=time.monotonic),
        clock=time.monotonic,
    )


def relay_loop(
    settings: Settings, *, pool: Pool, hint: Waker, health: Health, meters: Meters, traces: Traces = UNTRACED
) -> Relay:
    prefix = settings.topic_prefix
    return Relay(
        name=process_name(settings),
        outbox=PostgresOutbox(pool, name=prefix + relay.NAME, lease_seconds=settings.lease_seconds),
        broker=traces.broker(
            KafkaBroker(
                connection(settings),
                transactional_id=prefix + relay.NAME,
                group=prefix + relay.NAME,
                marker_topic=prefix + relay.MARKER_TOPIC,
                transaction_seconds=settings.relay_transaction_seconds,
            )
        ),
        hint=hint,
        health=health,
        meters=meters,
        clock=time.monotonic,
        topics=Topics(prefix).written,
        batch_rows=settings.relay_batch_rows,
    )


def forgetting_loop(*, pool: Pool, cache: DraftCache, hint: Waker, health: Health) -> Forgetting:
    return Forgetting(evictions=PostgresEvictions(pool), cache=cache, hint=hint, health=health)


def retention_loop(rules: RetentionRules, *, pool: Pool, health: Health) -> Retention:
    return Retention(trimmer=PostgresTrimmer(pool), rules=rules, health=health)
