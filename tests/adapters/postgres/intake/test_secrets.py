"""Once known, a secret is removed from stored rows and never comes in again."""

import asyncio

from consumer.adapters.postgres.core.pool import Pool
from tests.adapters.postgres.intake.steps import (
    SECRET,
    Store,
    everything,
    fact,
    finish,
    outbox,
    row_of,
    rows,
    script,
)
from tests.support.wire import arrive, change, request


class TestSecrets:
    async def test_a_secret_leaves_what_was_stored_before(self, pool: Pool, store: Store) -> None:
        await store(fact(f"logged in with {SECRET} twice", version=1), request(reason=f"needs {SECRET}"))
        assert SECRET in await everything(pool)
        await store(script(version=2))
        assert SECRET not in await everything(pool)
        text = (await row_of(pool, "SELECT data FROM session_events WHERE version = 1"))["data"]
        assert "logged in with [REDACTED:secret:" in text

    async def test_caches_forget_only_where_there_were_drafts(self, pool: Pool, store: Store) -> None:
        await store(fact("nothing to hide", version=1))
        await store(script(version=2))
        assert await rows(pool, "cache_evictions") == []

    async def test_a_secret_never_comes_in_afterwards(self, pool: Pool, store: Store) -> None:
        await store(script(version=1))
        await store(
            fact(f"logged in with {SECRET}", version=2, actor=f"by {SECRET}"), request(reason=f"needs {SECRET}")
        )
        await store(fact(f"rival {SECRET}", version=2, id="rival"))
        await store(change(data={"text": f"broken {SECRET}"}, version=3))
        assert SECRET not in await everything(pool)

    async def test_within_one_batch_whatever_the_order(self, pool: Pool, store: Store) -> None:
        await store(fact(f"before {SECRET}", version=1), script(version=2), fact(f"after {SECRET}", version=3))
        assert SECRET not in await everything(pool)

    async def test_it_leaves_drafts_packages_and_what_waits_to_be_published(self, pool: Pool, store: Store) -> None:
        await store(fact(f"with {SECRET}", version=1), request())
        await finish(pool, text=f"They used {SECRET}.")
        await pool.execute(
            "INSERT INTO drafts (tenant_id, session_id, bundle_sha256, prompt_version, model, state, answer)"
            " VALUES ('default', 's1', 'b', 'p', 'm', 'drafted', $1)",
            f"They used {SECRET}.",
        )
        await store(script(version=2))
        assert await rows(pool, "cache_evictions", "tenant_id", "session_id") == [("default", "s1")]
        assert SECRET not in await everything(pool)
        assert await rows(pool, "drafts") == []
        [ready] = await outbox(pool, "ready")
        assert ready["data"]["content_sha256"] != "0"

    async def test_what_was_known_before_is_found_in_other_spellings(self, pool: Pool, store: Store) -> None:
        await store(script(version=1, secret='quo"te\\pass9'))
        await store(fact('json says quo"te\\pass9 and "quo\\"te\\\\pass9"', version=2))
        text = (await row_of(pool, "SELECT data FROM session_events WHERE version = 2"))["data"]
        assert "pass9" not in text

    async def test_other_sessions_keep_the_word(self, pool: Pool, store: Store) -> None:
        await store(script(version=1), fact(f"with {SECRET}", version=1, subject="s2"))
        assert SECRET in (await row_of(pool, "SELECT data FROM session_events WHERE session_id = 's2'"))["data"]

    async def test_a_secret_and_its_text_at_the_same_time(self, pool: Pool, store: Store) -> None:
        for version in range(1, 30, 2):
            secret = f"Hunter-{version}-blue!"
            text = fact(f"logged in with {secret}", version=version)
            await asyncio.gather(store(text), store(script(version=version + 1, secret=secret)))
            assert secret not in await everything(pool)

    async def test_it_leaves_every_text_of_dead_letters_and_those_whose_tenant_is_unknown(
        self, pool: Pool, store: Store
    ) -> None:
        """An unreadable record counts as its key's, for every tenant that has a session of that id."""
        other = "Grumble-88-green!"
        await store(request(SECRET, deadline_seconds=0), arrive(f"{{ {SECRET} and {other}".encode()))
        await pool.execute("UPDATE dead_letters SET redrive_error = $1, error = error || $1", f"again {SECRET}")
        assert (
            SECRET
            in (await row_of(pool, "SELECT request_id FROM dead_letters WHERE tenant_id IS NOT NULL"))["request_id"]
        )
        theirs = script(version=1, secret=other, tenantid="other")
        await store(script(version=1), theirs)
        text = await everything(pool)
        assert [word for word in (SECRET, other) if word in text] == []
        assert len(await rows(pool, "dead_letters")) == 2

    async def test_an_unreadable_record_does_not_bring_a_known_secret_in(self, pool: Pool, store: Store) -> None:
        await store(script(version=1))
        await store(arrive(f"{{ logged in with {SECRET}".encode()))
        await store(arrive(change(version="x", source="/" + "a" * 195 + SECRET)))
        assert "logged in with [REDACTED:secret:" in await everything(pool)
        assert SECRET[:4] not in await everything(pool), "a source is cut after its secrets are removed"
        assert SECRET not in await everything(pool)
