"""Redriving and purging on a real Kafka and PostgreSQL: what is sound is taken, once; what is not stays, once."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from structlog.testing import capture_logs

from consumer.adapters.postgres.core.sql import Queries
from consumer.cli.dead_letters import following
from consumer.domain.events import Origin, SessionKey, TopicPartition
from consumer.errors import Transient
from consumer.flows.redrive import redriving
from consumer.flows.redrive.ports import (
    ChosenLetters,
    LetterAction,
    LetterFate,
    LetterJobState,
    LostJob,
    RedrivenPiece,
)
from schemas.dead_letters import RefusalReason
from schemas.topics import REQUESTS, SESSIONS
from tests.support.letters import BROKEN, EVENTS, Scene
from tests.support.replicas import Changed
from tests.support.waiting import until
from tests.support.wire import change, event, request


class TestRedrive:
    async def test_what_is_sound_now_is_taken_and_leaves_the_list(self, scene: Scene) -> None:
        origins = await scene.send(change(version=1), change(version=2), request())
        await scene.refused(*origins)
        job = await scene.done()
        assert (job.state, job.matched, job.taken) == (LetterJobState.DONE, 3, 3)
        assert await scene.listed() == {}
        assert await scene.rows(EVENTS) == [("s1", 1, "e1"), ("s1", 2, "e2")]
        assert await scene.rows("SELECT request_id, state FROM requests") == [("r1", "open")]
        settled = await scene.rows("SELECT became, job_id FROM settled_dead_letters")
        assert settled == [("taken", job.job_id)] * 3

    async def test_what_was_taken_already_is_taken_once(self, scene: Scene) -> None:
        """As after a kill between storing a record and noting it, and beside a rewind."""
        origins = await scene.send(change(version=1), request(), event("escalation.cancelled.v1", {"request_id": "r1"}))
        await scene.refused(*origins)
        await scene.take_in(*origins)
        before = [
            await scene.rows(EVENTS),
            await scene.rows("SELECT * FROM requests"),
            await scene.rows("TABLE outbox"),
        ]
        job = await scene.done()
        assert (job.taken, await scene.listed()) == (3, {})
        after = [await scene.rows(EVENTS), await scene.rows("SELECT * FROM requests"), await scene.rows("TABLE outbox")]
        assert after == before

    async def test_what_is_refused_again_stays_the_same_dead_letter(self, scene: Scene) -> None:
        invalid = change(version=1, data={"fact_id": "f1"})
        origins = await scene.send(BROKEN, invalid)
        await scene.take_in(*origins)
        before = await scene.rows('SELECT topic, "offset", record_ms, reason, error, excerpt FROM dead_letters')
        assert (len(before), await scene.dead_letters_to_publish()) == (2, 2)
        for _ in range(2):
            job = await scene.done()
            assert (job.refused, job.taken) == (2, 0)
        assert await scene.rows('SELECT topic, "offset", record_ms, reason, error, excerpt FROM dead_letters') == before
        assert await scene.dead_letters_to_publish() == 2
        assert "text" in str((await scene.listed())[SESSIONS, 1]), "it names the field"

    async def test_a_version_conflict_stays_and_is_not_doubled(self, scene: Scene) -> None:
        origins = await scene.send(change(version=1), change(version=1, id="a rival"))
        await scene.take_in(*origins)
        job = await scene.done()
        assert (job.refused, job.taken) == (1, 0)
        assert list(await scene.listed()) == [(SESSIONS, 1)]
        assert await scene.dead_letters_to_publish() == 1
        assert await scene.rows(EVENTS) == [("s1", 1, "e1")]

    async def test_records_of_an_erased_session_are_dropped_and_counted(self, scene: Scene) -> None:
        late, erased = await scene.send(change(version=1), change("session.erased.v1", {}, version=2))
        await scene.take_in(erased)
        await scene.refused(late)
        job = await scene.done()
        assert (job.dropped, job.taken, await scene.listed()) == (1, 0, {})
        assert await scene.rows(EVENTS) == []

    async def test_the_topics_are_read_so_that_requests_find_their_sessions(self, scene: Scene) -> None:
        origins = await scene.send(request(), change(version=1))
        await scene.refused(*origins)
        foretold = (await scene.jobs.preview(LetterAction.REDRIVE, ChosenLetters())).first
        assert [each.letter.origin.topic.rsplit(".")[-1] for each in foretold] == [SESSIONS, REQUESTS]

    async def test_a_request_waits_for_events_that_were_not_read_and_then_its_clock_starts(self, scene: Scene) -> None:
        """Intake, which has stored no request, may not look for it."""
        (unread, asked) = await scene.send(change(version=1), request())
        await scene.refused(asked)
        job = await scene.jobs.submit(LetterAction.REDRIVE, ChosenLetters(), asked_by="a test")
        stop = asyncio.Event()
        running = asyncio.create_task(scene.loop().run(stop))

        async def waits(expected: bool) -> bool:
            return await scene.rows("SELECT backlog IS NOT NULL FROM requests") == [(expected,)]

        try:
            await until(lambda: waits(True))
            await scene.pool.execute(
                "INSERT INTO intake_positions (topic, partition, next_offset) VALUES ($1, 0, 1), ($2, 0, 0)",
                unread.topic,
                scene.topics.replay[0],
            )
            await until(lambda: waits(False))
        finally:
            stop.set()
            await running
        assert (await scene.jobs.job(job.job_id)).taken == 1


class TestOriginals:
    async def test_a_topic_that_was_made_anew_has_another_record_there(self, scene: Scene) -> None:
        (origin,) = await scene.send(change(version=1))
        await scene.refused(origin._replace(timestamp_ms=origin.timestamp_ms - 1))
        job = await scene.done()
        assert (job.gone, job.taken) == (1, 0)
        assert "made anew" in str((await scene.listed())[SESSIONS, 0])
        assert await scene.rows(EVENTS) == []

    async def test_a_dead_letter_without_a_time_is_of_what_was_written_before(self, scene: Scene) -> None:
        """As an earlier release noted it."""
        first, second = await scene.send(change(version=1), change(version=2))
        long_ago = datetime.now(UTC) - timedelta(days=1)
        await scene.refused(first._replace(timestamp_ms=-1))
        await scene.refused(second._replace(timestamp_ms=-1), at=long_ago)
        job = await scene.done()
        assert (job.taken, job.gone) == (1, 1)
        assert list(await scene.listed()) == [(SESSIONS, 1)]

    async def test_what_retention_took_or_was_cut_off_or_compacted_is_told_and_stays(self, scene: Scene) -> None:
        old, kept = await scene.send(change(version=1), change(version=2))
        producer = AIOKafkaProducer(
            bootstrap_servers=scene.settings.kafka_bootstrap_servers, transactional_id=f"{scene.topics.prefix}writer"
        )
        await producer.start()
        async with producer.transaction():
            await producer.send_and_wait(scene.topics.feedback, b"{}", partition=0)
        await producer.stop()
        partition = TopicPartition(scene.topics.feedback, 0)
        await until(lambda: scene.ends_at(partition, 2))  # the mark is written a moment later
        await scene.producer.send_and_wait(partition.topic, b"{}", partition=0)
        admin = AIOKafkaAdminClient(bootstrap_servers=scene.settings.kafka_bootstrap_servers)
        await admin.start()
        await admin.delete_records({KafkaPartition(old.topic, 0): RecordsToDelete(before_offset=1)})
        await admin.close()
        nobody_at = Origin(scene.topics.feedback, 0, 1, old.timestamp_ms)  # a mark's place, as after compaction
        beyond = kept._replace(offset=7)
        no_topic = kept._replace(topic=scene.topics.requests, partition=9)
        other = kept._replace(topic="another-prefix." + SESSIONS)
        await scene.refused(old, kept, nobody_at, beyond, no_topic, other)
        job = await scene.done()
        assert (job.taken, job.gone) == (1, 5)
        stay = {key: str(why) for key, why in (await scene.listed()).items()}
        assert "retention" in stay[SESSIONS, 0]
        assert "the log ends at 2" in stay[SESSIONS, 7]
        assert "compacted" in stay["escalation-package-feedback", 1]
        assert "no such topic or partition" in stay[REQUESTS, 1]
        assert "topic prefix" in stay["another-prefix." + SESSIONS, 1]

    async def test_many_in_a_row_are_read_at_once_and_each_is_its_own(self, scene: Scene) -> None:
        origins = await scene.send(*(change(version=version) for version in range(1, 131)))
        some = origins[::2] + origins[-1:]
        standing = await scene.originals.read(some)
        assert {origin: record.origin for origin, record in standing.items()} == {origin: origin for origin in some}  # type: ignore[union-attr]
        await scene.refused(*origins)
        assert (await scene.done()).taken == 130


class TestPurge:
    async def test_purged_dead_letters_leave_the_store_with_their_excerpts(self, scene: Scene) -> None:
        origins = await scene.send(BROKEN, change(version=1))
        await scene.refused(*origins)
        job = await scene.done(LetterAction.PURGE)
        assert (job.state, job.purged, await scene.listed()) == (LetterJobState.DONE, 2, {})
        assert await scene.rows(EVENTS) == [], "a purge takes nothing in"
        (row,) = await scene.rows("SELECT string_agg(s::text, '') FROM settled_dead_letters AS s")
        assert "excerpt" not in str(row)

    async def test_a_purged_record_that_is_read_again_is_not_refused_anew(self, scene: Scene) -> None:
        origins = await scene.send(BROKEN)
        await scene.take_in(*origins)
        assert await scene.dead_letters_to_publish() == 1
        await scene.done(LetterAction.PURGE)
        await scene.take_in(*origins)
        assert (await scene.listed(), await scene.dead_letters_to_publish()) == ({}, 1)

    async def test_a_record_that_is_read_again_while_it_is_purged_is_not_refused_anew(self, scene: Scene) -> None:
        """Storing waits for the purge, and sees what it has done."""
        origins = await scene.send(BROKEN)
        await scene.take_in(*origins)
        async with scene.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                'INSERT INTO settled_dead_letters SELECT topic, partition, "offset", record_ms,'
                " tenant_id, session_id, reason, failed_at, 'purged', 'a job' FROM dead_letters"
            )
            await connection.execute("DELETE FROM dead_letters")
            again = asyncio.create_task(scene.take_in(*origins))
            await until(
                lambda: scene.pool.fetchval(
                    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                    " AND datname = current_database())"
                )
            )
        await again
        assert (await scene.listed(), await scene.dead_letters_to_publish()) == ({}, 1)


async def test_what_an_open_transaction_hides_counts_as_a_backlog(scene: Scene) -> None:
    """As intake counts it: a look by this loop must not start the clocks of others too early."""
    await scene.send(change(version=1))
    options = {"bootstrap_servers": scene.settings.kafka_bootstrap_servers}
    async with AIOKafkaProducer(**options, transactional_id=f"{scene.topics.prefix}stranger") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(scene.topics.sessions, b"{}", partition=0)
        assert (await scene.originals.session_ends())[TopicPartition(scene.topics.sessions, 0)] == 2
        await producer.abort_transaction()


class TestJobs:
    async def test_a_preview_counts_and_foretells_and_changes_nothing(self, scene: Scene) -> None:
        taken, rival, broken = await scene.send(change(version=1), change(version=1, id="a rival"), BROKEN)
        await scene.take_in(taken)
        sound, other = await scene.send(change(version=2), change(version=3))
        await scene.refused(rival, reason="version_conflict")
        await scene.refused(broken, reason="undecodable")
        await scene.refused(sound, other._replace(offset=99))
        before = await scene.rows("TABLE dead_letters")
        preview = await scene.jobs.preview(LetterAction.REDRIVE, ChosenLetters())
        assert preview.matched == 4
        assert [(group.reason, group.letters) for group in preview.groups] == [
            ("internal", 2),
            ("undecodable", 1),
            ("version_conflict", 1),
        ]
        fates = [each.fate for each in preview.first]
        assert fates == [LetterFate.REFUSED, LetterFate.REFUSED, LetterFate.TAKEN, LetterFate.GONE]
        assert await scene.rows("TABLE dead_letters") == before
        assert await scene.rows("TABLE dead_letter_jobs") == []
        assert await scene.rows(EVENTS) == [("s1", 1, "e1")]
        job = await scene.done()
        assert (job.taken, job.refused, job.gone) == (1, 2, 1), "it foretold what came"

    async def test_each_filter_chooses_and_the_rest_stays(self, scene: Scene) -> None:
        origins = await scene.send(*(change(version=version) for version in range(1, 7)))
        noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
        await scene.refused(origins[0], reason="too_large", at=noon)
        await scene.refused(origins[1], session="s2", at=noon)
        await scene.refused(origins[2], at=noon - timedelta(hours=1))
        await scene.refused(origins[3], at=noon + timedelta(hours=1))
        await scene.refused(origins[4], at=noon)
        await scene.pool.execute("UPDATE dead_letters SET tenant_id = 'other' WHERE \"offset\" = 4")
        await scene.refused(origins[5], reason="undecodable", session="s9", at=noon + timedelta(hours=2))
        await scene.pool.execute('UPDATE dead_letters SET tenant_id = NULL WHERE "offset" = 5')
        topic = scene.topics.sessions
        for chosen, offsets in (
            (ChosenLetters(reason=RefusalReason.TOO_LARGE), [0]),
            (ChosenLetters(session="s2"), [1]),
            (ChosenLetters(until=noon), [2]),
            (ChosenLetters(since=noon + timedelta(minutes=1)), [3, 5]),
            (ChosenLetters(since=noon, until=noon + timedelta(hours=1)), [0, 1, 4]),
            (ChosenLetters(tenant="other"), [4]),
            (ChosenLetters(sessions=(SessionKey("default", "s2"), SessionKey("default", "s9"))), [1, 5]),
            (ChosenLetters(session="s9", tenant="default"), [5]),
            (ChosenLetters(tenant="default", reason=RefusalReason.UNDECODABLE), []),
            (ChosenLetters(sessions=()), []),
            (ChosenLetters(topic=topic, partition=0, offset=3), [3]),
            (ChosenLetters(topic=scene.topics.requests), []),
            (ChosenLetters(topic=topic, partition=1), []),
        ):
            preview = await scene.jobs.preview(LetterAction.PURGE, chosen)
            assert [each.letter.origin.offset for each in preview.first] == offsets, chosen
            assert preview.matched == len(offsets)
        job = await scene.done(session="s2")
        assert (job.matched, job.looked_at) == (1, 1)
        assert [offset for _, offset in await scene.listed()] == [0, 2, 3, 4, 5]

    async def test_what_is_refused_after_the_job_was_submitted_is_not_the_jobs(self, scene: Scene) -> None:
        first, second = await scene.send(change(version=1), change(version=2))
        await scene.refused(first)
        job = await scene.jobs.submit(LetterAction.PURGE, ChosenLetters(), asked_by="a test")
        await scene.refused(second)
        assert (await scene.worked(job.job_id)).purged == 1
        assert list(await scene.listed()) == [(SESSIONS, 1)]

    async def test_the_same_choice_goes_on_with_the_job_that_was_begun(self, scene: Scene) -> None:
        chosen = ChosenLetters(session="s1", since=datetime(2026, 1, 1, tzinfo=UTC))
        job = await scene.jobs.submit(LetterAction.REDRIVE, chosen, asked_by="somebody")
        again = await scene.jobs.submit(LetterAction.REDRIVE, chosen, asked_by="a test")
        assert again == job
        assert (await scene.jobs.submit(LetterAction.PURGE, chosen, asked_by="a test")).job_id != job.job_id
        await scene.worked(job.job_id)
        assert (await scene.jobs.submit(LetterAction.REDRIVE, chosen, asked_by="a test")).job_id != job.job_id

    async def test_who_asked_when_and_for_how_many_is_kept(self, scene: Scene) -> None:
        await scene.refused(*await scene.send(BROKEN, BROKEN))
        job = await scene.done(LetterAction.PURGE, session="s1")
        (kept,) = await scene.jobs.jobs()
        assert kept == job
        assert (kept.asked_by, kept.chosen, kept.matched, kept.purged) == ("a test", ChosenLetters(session="s1"), 2, 2)
        assert kept.ended_at is not None

    async def test_a_stopped_job_ends_and_what_it_had_stored_is_noted(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(redriving, "PIECE", 1)
        await scene.refused(*await scene.send(*(change(version=version) for version in range(1, 4))))
        job = await scene.jobs.submit(LetterAction.REDRIVE, ChosenLetters(), asked_by="a test")
        held = await scene.store.claim(runner="a test")
        assert held is not None
        piece = await scene.store.piece(held, 1)
        stopped = await scene.jobs.stop(job.job_id, stopped_by="somebody")
        assert (stopped.state, stopped.stopped_by) == (LetterJobState.STOPPED, "somebody")
        await scene.store.settle(held, piece, RedrivenPiece(taken=[piece[0].origin]))
        with pytest.raises(LostJob):
            await scene.store.piece(held, 1)
        with pytest.raises(LostJob):
            await scene.store.finish(held)
        assert (await scene.jobs.job(job.job_id)).taken == 1
        assert await scene.store.claim(runner="another") is None, "nobody goes on with it"
        assert len(await scene.listed()) == 2

    async def test_a_process_that_lost_its_lease_notes_nothing(self, scene: Scene) -> None:
        """It may have stood still for long; whoever has the job now counts."""
        await scene.refused(*await scene.send(change(version=1)))
        await scene.jobs.submit(LetterAction.PURGE, ChosenLetters(), asked_by="a test")
        first = await scene.store.claim(runner="first")
        assert first is not None
        piece = await scene.store.piece(first, 10)
        assert await scene.store.claim(runner="second") is None, "the lease holds"
        await scene.pool.execute("UPDATE dead_letter_jobs SET leased_until = now() - interval '1 second'")
        second = await scene.store.claim(runner="second")
        assert second is not None
        for attempt in (
            scene.store.purge(first, piece),
            scene.store.settle(first, piece, RedrivenPiece(taken=[piece[0].origin])),
            scene.store.finish(first),
            scene.store.renew(first),
        ):
            with pytest.raises(LostJob):
                await attempt
        await scene.store.hand_back(first)
        assert await scene.store.claim(runner="third") is None
        assert len(await scene.listed()) == 1
        await scene.store.purge(second, await scene.store.piece(second, 10))
        assert (await scene.store.finish(second)).purged == 1

    async def test_a_job_that_waits_for_a_server_says_so_and_lets_others_go_first(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(redriving, "AGAIN_SECONDS", 60.0)
        await scene.refused(*await scene.send(change(version=1), BROKEN))
        waiting = await scene.jobs.submit(LetterAction.REDRIVE, ChosenLetters(offset=0), asked_by="a test")
        purging = await scene.jobs.submit(LetterAction.PURGE, ChosenLetters(offset=1), asked_by="a test")
        away = scene.settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:9"})
        scene.settings, settings = away, scene.settings
        assert (await scene.worked(purging.job_id)).purged == 1
        job = await scene.jobs.job(waiting.job_id)
        assert "Kafka" in str(job.waits)
        assert job.runner is None or job.state is LetterJobState.RUNNING
        scene.settings = settings
        await scene.pool.execute("UPDATE dead_letter_jobs SET leased_until = now()")
        assert (await scene.worked(waiting.job_id)).taken == 1

    async def test_a_command_leaves_a_job_that_only_waits_and_says_what_for(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(following, "PATIENCE_SECONDS", 0.5)
        await scene.refused(*await scene.send(change(version=1)))
        job = await scene.jobs.submit(LetterAction.REDRIVE, ChosenLetters(), asked_by="a test")
        for _ in range(2):  # the second try does not look like progress
            held = await scene.store.claim(runner="a test")
            assert held is not None
            await scene.store.hand_back(held, waits="Kafka: nobody answers")
        held = await scene.store.claim(runner="a test")
        async with asyncio.timeout(20):
            with pytest.raises(Transient, match="nobody answers"):
                await following.watched(scene.jobs, job, stop=asyncio.Event(), tell=lambda _: None)

    async def test_many_dead_letters_are_walked_through_by_an_index(self, scene: Scene) -> None:
        await scene.pool.execute(
            'INSERT INTO dead_letters (topic, partition, "offset", record_ms, reason, error, excerpt)'
            " SELECT 't' || n % 4, n % 6, n, 0, 'invalid', 'e', 'x' FROM generate_series(1, 50000) AS n"
        )
        await scene.pool.execute("ANALYZE dead_letters")
        arguments = ("t2", 3, 20_000, 0, datetime.now(UTC), 50)
        async with scene.pool.acquire() as connection:
            rows = await connection.fetch(
                f"EXPLAIN (ANALYZE, COSTS OFF) {Queries('redrive').piece}", *(None,) * 10, *arguments
            )
            plan = "\n".join(row[0] for row in rows)
            assert "dead_letters_pkey" in plan
            assert "Sort" not in plan, plan

    async def test_an_unknown_job_is_told(self, scene: Scene) -> None:
        with pytest.raises(Exception, match="dead-letters jobs"):
            await scene.jobs.job("nobody's")


class TestCommand:
    async def test_it_shows_first_and_then_does_it_where_no_service_runs(self, scene: Scene) -> None:
        sound, broken = await scene.send(change(version=1), BROKEN)
        await scene.refused(sound, broken)
        unasked = await scene.command("redrive")
        assert (unasked.code, "--yes" in unasked.errors) == (2, True)
        looked = await scene.command("redrive", "--dry-run")
        assert (looked.code, "refused again" in looked.output, looked.output.count("  taken")) == (0, True, 1)
        assert (len(await scene.listed()), await scene.jobs.jobs()) == (2, [])
        done = await scene.command("redrive", "--yes", "--json")
        assert done.code == 0, done.errors
        job = json.loads(done.output)
        assert [job[name] for name in ("state", "matched", "taken", "refused")] == ["done", 2, 1, 1]
        assert job["asked_by"]
        assert list(await scene.listed()) == [(SESSIONS, 1)]
        purged = await scene.command("purge", "--yes")
        assert (purged.code, "topics' retention" in purged.output) == (0, True)
        assert await scene.listed() == {}

    async def test_it_takes_those_of_a_ticket(self, scene: Scene) -> None:
        opened, mine, unreadable, other = await scene.send(
            change("session.opened.v1", {"psa_ticket": {"system": "halopsa", "ticket_id": "777"}}, version=1),
            change(version=2),
            BROKEN,
            change(version=3),
        )
        await scene.take_in(opened)
        await scene.refused(mine, unreadable)
        await scene.pool.execute('UPDATE dead_letters SET tenant_id = NULL WHERE "offset" = 2')
        await scene.refused(other, session="s2")
        assert "No dead letter matches" in (await scene.command("purge", "--ticket", "778", "--yes")).output
        done = await scene.command("redrive", "--ticket", "#777", "--yes", "--json")
        job = json.loads(done.output)
        assert [job[name] for name in ("chosen", "matched", "taken", "refused")] == [{"ticket": "#777"}, 2, 1, 1]
        assert (await scene.command("purge", "--ticket", "777", "--yes")).code == 0
        assert list(await scene.listed()) == [(SESSIONS, 3)]


class TestLines:
    """No loop logs its retries: what is away is told by the hop, once."""

    @staticmethod
    async def events(loop: redriving.Redriving, looked: Callable[[], bool]) -> list[str]:
        stop = asyncio.Event()
        with capture_logs() as lines:
            running = asyncio.create_task(loop.run(stop))

            async def often_enough() -> bool:
                return looked()

            await until(often_enough)
            stop.set()
            await running
        return [line["event_name"] for line in lines]

    async def test_a_database_that_is_away_is_no_job_that_waits(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(redriving, "LOOK_SECONDS", 0.01)
        looks = 0

        async def claim(**_: object) -> None:
            nonlocal looks
            looks += 1
            raise Transient("PostgreSQL: nobody answers")

        loop = scene.loop()
        monkeypatch.setattr(loop, "_store", Changed(scene.store, claim=claim))
        assert await self.events(loop, lambda: looks > 5) == []

    async def test_a_job_that_waits_says_so_once(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(redriving, "LOOK_SECONDS", 0.01)
        monkeypatch.setattr(redriving, "AGAIN_SECONDS", 0.01)
        await scene.refused(*await scene.send(change(version=1)))
        await scene.jobs.submit(LetterAction.REDRIVE, ChosenLetters(), asked_by="a test")
        tries = 0

        async def piece(*_: object) -> None:
            nonlocal tries
            tries += 1
            raise Transient("Kafka: nobody answers")

        loop = scene.loop()
        monkeypatch.setattr(loop, "_store", Changed(scene.store, piece=piece))
        assert await self.events(loop, lambda: tries > 5) == ["redrive_begun", "redrive_waits"]
