"""A case for each kind of record: what becomes of it concerns one tenant."""

from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from consumer.adapters.postgres.retention import PostgresTrimmer
from consumer.flows.retention import DAY_SECONDS, RetentionRules, trim_all
from tests.faults.apart.cases import Case
from tests.faults.apart.twins import ACTING, OLD_SESSION, OTHER, SECRET, SESSION, WORDS, Twins, fact, feedback, who
from tests.support.model_server import error
from tests.support.wire import TOPICS, cancellation, change, event, request


def late_event(twins: Twins) -> None:
    twins.take_in(change(data={"fact_id": "f0", "text": "Late.", "source_type": "x"}, version=0, **who(ACTING)))
    twins.turn()


def repeated_and_rival(twins: Twins) -> None:
    twins.take_in(fact(ACTING, 7, "It still fails."))
    twins.take_in(fact(ACTING, 7, "Another.") | {"id": "rival"})


def first_request(twins: Twins) -> None:
    asked = {"requester": "x"}
    twins.take_in(request("r9", attributes=who(ACTING), **asked))
    twins.turn()


def replayed_request(twins: Twins) -> None:
    twins.take_in(fact(ACTING, 11, "A replay has news."))
    twins.take_in(request("r1", attributes={**who(ACTING), "replayid": "again"}), topic=TOPICS.replay[1])
    twins.turn()


def model_away(twins: Twins) -> None:
    twins.model.always(error(500))
    twins.take_in(fact(ACTING, 12, "The model is away."))
    twins.turn()
    twins.model.always(None)
    twins.loop.run(twins.system.move(1))
    for _ in range(3):
        twins.turn()
        twins.loop.run(twins.system.move(1))


def refused_prompt(twins: Twins) -> None:
    twins.model.script(error(400))
    twins.take_in(fact(ACTING, 13, "This prompt is refused."))
    twins.turn()
    twins.take_in(fact(ACTING, 14, "This one is not."))
    twins.turn()


def known_secret(twins: Twins) -> None:
    """From now on the value is a secret of this tenant's session. The other one has said it, too, and keeps it."""
    said = feedback(ACTING, "f4", twins.package_id(ACTING), "edited")
    said["data"]["comment"] = f"It says {SECRET}."
    twins.take_in(said, topic=TOPICS.feedback)
    twins.take_in(request("r12", attributes=who(ACTING), state_version=97, reason=f"{SECRET} fails."))
    schema = {"parameters": [{"key": "pass", "field_type": "password"}]}
    script = {"generation_id": "g2", "template": {"name": "Log in", "parameters_schema": schema}}
    twins.take_in(
        change("session.script_generated.v1", script | {"parameters_used": {"pass": SECRET}}, version=15, **who(ACTING))
    )
    drafts = "SELECT count(*) FROM drafts WHERE tenant_id = $1 AND strpos(answer, $2) > 0"
    assert (twins.value(drafts, ACTING, SECRET), twins.value(drafts, OTHER, SECRET)) == (0, 2)
    stored = "SELECT count(*) FROM session_events WHERE tenant_id = $1 AND session_id = $2 AND strpos(data, $3) > 0"
    assert twins.value(stored, ACTING, SESSION, SECRET) == 0
    assert twins.value(stored, OTHER, SESSION, SECRET) > 0
    twins.turn()


def feedback_on_the_others_package(twins: Twins) -> None:
    """Ids of packages can be reckoned. Whoever names one of another tenant says nothing of it."""
    twins.looks_at_the_other()
    before = [twins.command("feedback", word, "--tenant", OTHER) for word in ("summary", "list")]
    twins.take_in(
        feedback(ACTING, "f2", twins.package_id(OTHER), "accepted"),
        feedback(ACTING, "f3", twins.package_id(OTHER), "edited"),
        topic=TOPICS.feedback,
    )
    assert [twins.command("feedback", word, "--tenant", OTHER) for word in ("summary", "list")] == before
    story = f"/request?{urlencode({'tenant': OTHER, 'session': SESSION, 'request': 'r1'})}"
    assert WORDS[ACTING] not in twins.page(story)


def nobody_heard_of(twins: Twins) -> None:
    """A session without an event, and one that waits for a version: both until half of the deadline."""
    unknown = {"subject": "nobody/1", "tenantid": ACTING}
    twins.take_in(request("r1", attributes=unknown), request("r11", attributes=who(ACTING), state_version=98))
    twins.loop.run(twins.system.move(61))
    twins.turn()
    assert twins.value("SELECT state FROM requests WHERE session_id = 'nobody/1'") == "failed"
    work = None
    twins.take_in(fact(ACTING, 10, "Somebody takes it, and gives it back."))
    while (work := twins.loop.run(twins.system.take())) is not None:
        queue = twins.system.stores.queue
        assert work.key.tenant_id == ACTING
        twins.loop.run(queue.renew([work]))
        twins.loop.run(queue.left_seconds(work))
        twins.loop.run(queue.release(work, in_seconds=0.5, counted=False))
        twins.loop.run(queue.release(work, in_seconds=0.5, counted=False))
        twins.loop.run(queue.hasten_upgrade(work.key))
    twins.loop.run(twins.system.move(1))
    twins.turn()


def packages_taken_back(twins: Twins) -> None:
    """An export of this tenant, loaded again."""
    with TemporaryDirectory() as folder:
        file = str(Path(folder) / "export.jsonl")
        twins.command("export", "--tenant", ACTING, "--output", file)
        assert WORDS[OTHER] not in Path(file).read_text(encoding="utf-8")
        for table in ("packages", "requests"):
            twins.execute(f"DELETE FROM {table} WHERE (tenant_id, session_id) = ($1, $2)", ACTING, OLD_SESSION)
        twins.command("load", file, "--packages")
    back = "SELECT count(*) FROM packages WHERE (tenant_id, session_id) = ($1, $2)"
    assert twins.value(back, ACTING, OLD_SESSION) > 0


def refused_records(twins: Twins) -> None:
    twins.take_in(event("tenant.policy_set.v1", {"language": "tlh"}, id="p9", subject=ACTING), topic=TOPICS.policies)
    twins.take_in(request("", attributes=who(ACTING)))


def newer_policy(twins: Twins) -> None:
    off = {"model": "off", "monthly_budget_usd": 0}
    twins.take_in(
        event("tenant.policy_set.v1", off, id="p2", subject=ACTING, time="2026-05-02T09:00:00Z"), topic=TOPICS.policies
    )
    twins.take_in(fact(ACTING, 16, "Rules draft it."))
    twins.turn()


def cancelled(twins: Twins) -> None:
    twins.take_in(cancellation("r3", **who(ACTING), id="c3"), cancellation("r1", **who(ACTING), id="c1"))


def trimmed(twins: Twins) -> None:
    """A session of long ago, as old as the other's would have to be."""
    long_ago, old = "interval '400 days'", (ACTING, OLD_SESSION)
    for table, columns in (("sessions", ("changed_at",)), ("requests", ("stored_at", "ended_at", "first_done_at"))):
        changes = ", ".join(f"{column} = {column} - {long_ago}" for column in columns)
        twins.execute(f"UPDATE {table} SET {changes} WHERE (tenant_id, session_id) = ($1, $2)", *old)
    twins.execute("DELETE FROM outbox WHERE (tenant_id, session_id) = ($1, $2)", *old)
    twins.command("trim", "--days", "300")
    left = "SELECT count(*) FROM session_events WHERE (tenant_id, session_id) = ($1, $2)"
    assert (twins.value(left, *old), twins.value(left, OTHER, OLD_SESSION)) == (0, 6)
    twins.execute(
        f"UPDATE sessions SET trimmed_at = trimmed_at - {long_ago} WHERE (tenant_id, session_id) = ($1, $2)", *old
    )
    rules = RetentionRules(
        content_seconds=300 * DAY_SECONDS, keys_seconds=300 * DAY_SECONDS, window_seconds=DAY_SECONDS
    )
    twins.loop.run(trim_all(PostgresTrimmer(twins.system.pool), rules, dry_run=False))
    kept = "SELECT count(*) FROM sessions WHERE (tenant_id, session_id) = ($1, $2)"
    assert (twins.value(kept, *old), twins.value(kept, OTHER, OLD_SESSION)) == (0, 1)


def erased(twins: Twins) -> None:
    twins.take_in(change("session.erased.v1", {}, version=99, **who(ACTING)))
    twins.take_in(fact(ACTING, 20, "Too late."), request("r10", attributes=who(ACTING)))
    assert (
        twins.value("SELECT count(*) FROM session_events WHERE tenant_id = $1 AND session_id = $2", ACTING, SESSION)
        == 0
    )


RECORDS: tuple[Case, ...] = (
    late_event,
    repeated_and_rival,
    first_request,
    replayed_request,
    nobody_heard_of,
    packages_taken_back,
    model_away,
    refused_prompt,
    known_secret,
    feedback_on_the_others_package,
    refused_records,
    newer_policy,
    cancelled,
    trimmed,
    erased,
)
"""In this order: what erases comes last."""
