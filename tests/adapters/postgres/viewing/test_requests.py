"""What an operator sees of requests, on a real PostgreSQL that a service has filled."""

from typing import Any

import pytest

from consumer.adapters.postgres.core.pool import Pool
from consumer.domain.events import Decoded, RequestKey
from consumer.domain.request.lifecycle import RequestState
from consumer.errors import Permanent
from consumer.flows.viewing.filters import DeadLetterFilter, RequestFilter, RequestOrder, SessionFilter
from consumer.flows.viewing.ports import Viewing
from consumer.flows.viewing.requests import RequestView
from consumer.flows.viewing.story import StoryKind
from consumer.flows.viewing.tickets import ticket_name
from schemas.packages import Cause, PackageStatus
from schemas.topics import REQUESTS
from tests.support.store_filler import StoreFiller
from tests.support.tables import Tables
from tests.support.wire import FACT, arrive, cancellation, change, event, request

NOW_777 = {"system": "ConnectWise", "ticket_id": "777"}
FEEDBACK = "escalation-package-feedback"


def opened(session: str = "s1", ticket: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    data = {"title": "Mail"} | ({} if ticket is None else {"psa_ticket": ticket})
    return change("session.opened.v1", data, version=1, subject=session, **attributes)


def asked(request_id: str = "r1", session: str = "s1", *, tenant: str = "default", **data: Any) -> Decoded:
    value = request(request_id, attributes={"subject": session, "tenantid": tenant}, **data)
    return arrive(value, topic=REQUESTS, partition=3, offset=400)


async def listed(views: Viewing, **wanted: Any) -> list[str]:
    page = await views.requests(RequestFilter(**wanted))
    return [view.key.request_id for view in page.rows]


async def the_one(views: Viewing, request_id: str = "r1") -> RequestView:
    (view,) = (await views.requests(RequestFilter(id_text=request_id))).rows
    return view


async def test_a_request_says_which_version_it_waits_for(views: Viewing, filler: StoreFiller) -> None:
    await filler.store(opened(), *(change(data=FACT, version=number) for number in (2, 14)))
    await filler.store(asked(state_version=99))
    view = await the_one(views)
    assert view.waits_for is not None
    assert view.waits_for.startswith(
        "It waits for version 99 of the session, of which 14 is the newest; drafts without"
    )
    story = await views.request_story(view.key)
    assert story is not None
    assert story.entries[0].kind is StoryKind.RECORD
    assert "escalation-requested/3/400" in story.entries[0].text
    assert story.entries[-1].text == view.waits_for
    assert story.entries[-1].attention


async def test_a_request_is_found_by_a_ticket_that_its_session_has_has_left_or_never_packed(
    views: Viewing, filler: StoreFiller
) -> None:
    await filler.store(opened("packed", NOW_777), change(data=FACT, version=2, subject="packed"), asked("a", "packed"))
    await filler.draft()
    await filler.store(opened("moved", NOW_777))
    moved = {"psa_ticket": {"system": "halopsa", "ticket_id": 778}}
    await filler.store(change("session.described.v1", moved, version=2, subject="moved"), asked("b", "moved"))
    await filler.store(
        opened("waiting", {"system": "halopsa", "ticket_id": " #777"}), asked("c", "waiting", state_version=9)
    )
    await filler.store(opened("erased", NOW_777), change("session.erased.v1", {}, version=3, subject="erased"))
    await filler.store(asked("d", "erased"), asked("e", "nobody", state_version=1))
    assert sorted(await listed(views, ticket=ticket_name("777"))) == ["a", "b", "c", "d"]
    assert sorted(await listed(views, ticket=ticket_name(" #777 "))) == ["a", "b", "c", "d"]
    assert sorted(await listed(views, ticket=ticket_name("CW #777"))) == ["a", "b", "d"]
    assert await listed(views, ticket=ticket_name("halopsa #777")) == ["c"]
    assert await listed(views, ticket=ticket_name("778")) == ["b"]
    assert await listed(views, ticket=ticket_name("77")) == []
    tickets = {view.key.request_id: view.ticket for view in (await views.requests(RequestFilter())).rows}
    assert tickets == {"a": "CW #777", "b": "halopsa #778", "c": "halopsa #777", "d": "CW #777", "e": None}
    sessions = await views.sessions(SessionFilter(ticket=ticket_name("CW #777")))
    assert {view.key.session_id for view in sessions.rows} == {"packed", "moved", "erased"}


async def test_equal_session_ids_of_two_tenants_do_not_share_a_ticket(views: Viewing, filler: StoreFiller) -> None:
    await filler.store(opened(ticket=NOW_777, tenantid="a"), opened(tenantid="b"))
    await filler.store(asked("of-a", tenant="a"), asked("of-b", tenant="b"))
    assert await listed(views, ticket=ticket_name("777")) == ["of-a"]


async def test_filters_restrict_and_an_empty_page_tells_none_from_none_that_match(
    views: Viewing, filler: StoreFiller, pool: Pool
) -> None:
    assert (await views.requests(RequestFilter(tenant="a"))).store_is_empty
    await filler.store(opened(), change(data=FACT, version=2), asked("done"))
    await filler.draft()
    await filler.store(asked("open", state_version=9), asked("lost", "nobody", tenant="b"))
    await filler.store(arrive(cancellation("open"), topic=REQUESTS))
    assert await listed(views, state=RequestState.DONE) == ["done"]
    assert await listed(views, state=RequestState.CANCELLED) == ["open"]
    assert await listed(views, tenant="b") == ["lost"]
    assert await listed(views, session="nobody") == ["lost"]
    assert await listed(views, status=PackageStatus.FALLBACK, cause=Cause.REQUEST) == ["done"]
    assert await listed(views, status=PackageStatus.READY) == []
    assert await listed(views, id_text="do") == ["done"]
    assert await listed(views, id_text="nob") == ["lost"]
    assert await listed(views, until=await pool.fetchval("SELECT min(stored_at) FROM requests")) == []
    assert not (await views.requests(RequestFilter(tenant="nobody"))).store_is_empty
    with pytest.raises(Permanent, match="cannot be looked for"):
        await listed(views, tenant="a\x00")


@pytest.mark.parametrize("order", list(RequestOrder))
async def test_pages_show_each_request_once_and_in_order(views: Viewing, tables: Tables, order: RequestOrder) -> None:
    for number in range(7):
        at = float(number // 2)  # pairs of equal times
        await tables.add_request(RequestKey(f"t{number % 3}", "s", f"r{number}"), stored_at=at, deadline_at=-at)
    await tables.execute(
        "UPDATE requests SET stored_at = date_trunc('second', stored_at),"
        " deadline_at = date_trunc('second', deadline_at)"
    )
    whole = [view.key for view in (await views.requests(RequestFilter(), order=order)).rows]
    seen: list[RequestKey] = []
    after = None
    while True:
        page = await views.requests(RequestFilter(), order=order, after=after, limit=2)
        seen += [view.key for view in page.rows]
        if (after := page.next_key) is None:
            break
    assert seen == whole
    assert len(set(whole)) == 7
    with pytest.raises(Permanent, match="none that this service has given"):
        await views.requests(RequestFilter(), after="rubbish")


@pytest.mark.parametrize("order", [RequestOrder.NEWEST, RequestOrder.OLDEST])
async def test_pages_by_status_go_by_the_time_of_the_last_package(
    views: Viewing, filler: StoreFiller, order: RequestOrder
) -> None:
    for number in range(3):
        session = f"s{number}"
        await filler.store(opened(session), change(data=FACT, version=2, subject=session), asked(f"r{number}", session))
        await filler.draft()
    wanted = RequestFilter(status=PackageStatus.FALLBACK)
    seen: list[str] = []
    after = None
    while len(seen) < 9:
        page = await views.requests(wanted, order=order, after=after, limit=1)
        seen += [view.key.request_id for view in page.rows]
        if (after := page.next_key) is None:
            break
    assert seen == (["r2", "r1", "r0"] if order is RequestOrder.NEWEST else ["r0", "r1", "r2"])


async def test_a_request_is_named_by_the_beginning_of_its_id(views: Viewing, tables: Tables) -> None:
    for name in ("ab", "abc", "abd", "b%"):
        await tables.add_request(RequestKey("t", "s", name))
    assert [key.request_id for key in await views.request_keys("abc")] == ["abc"]
    assert [key.request_id for key in await views.request_keys("ab")] == ["ab"], "the whole id goes first"
    assert [key.request_id for key in await views.request_keys("a")] == ["ab", "abc", "abd"]
    assert [key.request_id for key in await views.request_keys("b%")] == ["b%"]
    assert await views.request_keys("b%%") == ()
    assert await views.request_keys("abc", tenant="other") == ()


async def test_a_request_refused_at_the_door_is_answered_by_its_id_and_its_session(
    views: Viewing, filler: StoreFiller
) -> None:
    await filler.store(asked("r9", deadline_seconds=0))
    refused = await views.refused_request("r9")
    assert refused is not None
    (letter,) = refused.dead_letters
    assert letter.sentence.startswith("Refused: invalid at escalation-requested/3/400: data.deadline_seconds")
    assert (letter.tenant_id, letter.session_id, letter.request_id) == ("default", "s1", "r9")
    (of_session,) = (await views.dead_letters(DeadLetterFilter(session="s1"))).rows
    assert of_session == letter
    assert await views.dead_letter(letter.origin) == letter
    assert await views.refused_request("r9", tenant="other") is None
    assert await views.refused_request("r") is None


async def test_an_erasure_takes_the_named_request_from_dead_letters(views: Viewing, filler: StoreFiller) -> None:
    await filler.store(opened(), asked("r9", deadline_seconds=0))
    await filler.store(change("session.erased.v1", {}, version=3))
    await filler.store(arrive(request("r9", deadline_seconds=0), topic=REQUESTS, partition=3, offset=401))
    letters = (await views.dead_letters(DeadLetterFilter())).rows
    assert [(letter.request_id, letter.excerpt) for letter in letters] == [(None, ""), (None, "")]


async def test_a_story_tells_calls_checks_revisions_and_feedback(
    views: Viewing, filler: StoreFiller, pool: Pool
) -> None:
    await filler.store(opened(ticket=NOW_777), change(data=FACT, version=2), asked("r1"), asked("r1/2", "other"))
    (package,) = await filler.draft()
    await pool.execute(
        "INSERT INTO model_calls (tenant_id, session_id, drafted_for, purpose, provider, model, began_at, ended_at,"
        " usd, input_tokens, output_tokens)"
        " SELECT 'default', 's1', name, 'draft', 'anthropic', 'm', now(), now(), 0.01, 1200, 300"
        " FROM unnest(ARRAY['r1/1', 'r1/2/1', 'r11/1']) AS name"
    )
    said = {"package_id": str(package), "outcome": "rejected", "reason": "Wrong host"}
    await filler.store(arrive(event("escalation.package_feedback.v1", said), topic=FEEDBACK, partition=1, offset=5))
    story = await views.request_story(RequestKey("default", "s1", "r1"))
    assert story is not None
    assert [call.drafted_for for call in story.calls] == ["r1/1"]
    assert story.usd == pytest.approx(0.01)
    texts = {entry.kind: entry.text for entry in story.entries}
    assert texts[StoryKind.CALL] == "Draft by m (anthropic): 1200 tokens in, 300 out, $0.0100, 0.0 s."
    assert texts[StoryKind.REVISION] == (
        "Revision 1 (request) from version 2: a fallback, drafted by rules; CW #777. Its event waits to be published."
    )
    await pool.execute(
        "UPDATE packages SET event = jsonb_set(event::jsonb, '{warnings}', '[\"budget_exhausted\"]')::text"
    )
    warned = await views.request_story(RequestKey("default", "s1", "r1"))
    assert warned is not None
    (revision,) = [entry.text for entry in warned.entries if entry.kind is StoryKind.REVISION]
    assert "Drafted by rules, because the month's budget for calls to models is used up." in revision
    assert texts[StoryKind.PUBLICATION] == "An event for escalation-package-ready waits in the outbox."
    assert texts[StoryKind.FEEDBACK] == "Feedback on revision 1: rejected: Wrong host."
    (feedback,) = story.feedback
    assert feedback.origin is not None
    assert feedback.origin[:3] == (FEEDBACK, 1, 5)
    assert await views.request_story(RequestKey("default", "s1", "unknown")) is None


async def test_what_is_looked_at_is_not_written(views: Viewing, filler: StoreFiller, pool: Pool) -> None:
    """The looks of one pool are READ ONLY, and bounded; what follows on its connections is neither."""
    await filler.store(opened(), asked())
    await views.overview()
    assert await pool.fetchval("SHOW transaction_read_only") == "off"
    assert await pool.fetchval("SHOW plan_cache_mode") == "auto"
