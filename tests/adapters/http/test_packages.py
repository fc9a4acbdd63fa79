"""A package in the console: as its receiver sees it, what it rests on, and what changed since the revision before."""

import re
from uuid import UUID

import pytest

from consumer.adapters.postgres.core.pool import Pool
from tests.support.console import Surfer
from tests.support.hostile_store import EVALUATED
from tests.support.store_filler import StoreFiller
from tests.support.wire import FACT, change, request

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)></p></div>{{ 'zq'*3 }}' \" onmouseover=x"


@pytest.fixture
async def revisions(pool: Pool) -> list[UUID]:
    """Two revisions of a note, all of whose texts are hostile."""
    filler = StoreFiller(pool)
    await filler.store(
        change("session.opened.v1", {"title": f"Printer {HOSTILE}", "problem_summary": HOSTILE}, version=1),
        change(data=FACT | {"text": f"It prints. {HOSTILE}"}, version=2, actor=HOSTILE),
        request(reason=HOSTILE),
    )
    await filler.draft()
    await filler.store(change(data=FACT | {"text": f"It prints slowly. {HOSTILE}"}, version=3))
    return await filler.draft()


def assert_inert(answer_text: str) -> None:
    """No text of a record has become markup: no script, no image, no attribute, nothing evaluated."""
    assert "<script>alert" not in answer_text
    assert "<img" not in answer_text
    assert EVALUATED not in answer_text


async def test_it_stands_there_as_published_and_each_line_opens_its_records(
    surfer: Surfer, revisions: list[UUID]
) -> None:
    answer = await surfer.get(f"/package?id={revisions[1]}")
    assert answer.status == 200
    paper = answer.page.find("article", class_="note-paper")
    assert paper is not None
    assert [heading.get_text() for heading in paper.find_all("h2")][:2] == ["Problem", "What we've confirmed"]
    line = next(
        details
        for details in answer.page.find_all("details", class_="line")
        if "It prints slowly." in details.get_text()
    )
    assert {"version 3", "session.fact_recorded.v1", '"fact_id": "f1"'} <= set(
        re.findall(r'version 3|session\.fact_recorded\.v1|"fact_id": "f1"', line.get_text())
    )
    assert_inert(answer.text)


async def test_html_that_is_not_ours_is_not_shown_as_html(surfer: Surfer, revisions: list[UUID], pool: Pool) -> None:
    """It was altered in the table, or comes from somewhere else."""
    await pool.execute(
        "UPDATE packages SET event = (event::jsonb || $2::jsonb)::text WHERE package_id = $1",
        revisions[0],
        '{"html": "<p onclick=x>Altered</p><script>alert(1)</script>"}',
    )
    answer = await surfer.get(f"/package?id={revisions[0]}")
    paper = answer.page.find("article", class_="note-paper")
    assert paper is not None
    assert (paper.find("h2"), "Altered" in paper.get_text(), paper.find("pre") is None) == (None, False, False)
    assert_inert(answer.text)


async def test_its_texts_are_handed_out_byte_by_byte(surfer: Surfer, revisions: list[UUID]) -> None:
    for form, ending in (("markdown", "md"), ("plain_text", "txt")):
        answer = await surfer.get(f"/package/copy?id={revisions[0]}&form={form}")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{revisions[0]}.{ending}"'
        assert answer.text.endswith("\n")
    assert (await surfer.get(f"/package/copy?id={revisions[0]}&form=event")).status == 400


async def test_it_is_proven_on_request_alone(surfer: Surfer, revisions: list[UUID], pool: Pool) -> None:
    assert "Verified." not in (await surfer.get(f"/package?id={revisions[0]}")).said
    assert "Verified. The stored events give" in (await surfer.get(f"/package?id={revisions[0]}&verify=1")).said
    await pool.execute("DELETE FROM session_events WHERE version = 2")
    assert "Not verified. Not all" in (await surfer.get(f"/package?id={revisions[0]}&verify=1")).said
    assert "no longer stored" in (await surfer.get(f"/package?id={revisions[0]}")).said


async def test_the_difference_names_the_words_the_cause_and_the_record(surfer: Surfer, revisions: list[UUID]) -> None:
    answer = await surfer.get(f"/package/difference?id={revisions[1]}")
    assert answer.status == 200
    assert [mark.get_text().split() for mark in answer.page.find_all("ins")] == [["slowly"]]
    assert "because of: state changed" in answer.said
    assert "session.fact_recorded.v1, version 3" in answer.said
    assert_inert(answer.text)
    backwards = await surfer.get(f"/package/difference?id={revisions[0]}&from={revisions[1]}")
    assert [mark.get_text().split() for mark in backwards.page.find_all("del")] == [["slowly"]]


async def test_what_is_not_there_is_said(surfer: Surfer, revisions: list[UUID]) -> None:
    unknown = "00000000-0000-0000-0000-000000000000"
    for path, status in {
        "/package": 400,
        "/package?id=x": 400,
        f"/package?id={unknown}": 404,
        f"/package/copy?id={unknown}&form=markdown": 404,
        f"/package/difference?id={unknown}": 404,
        f"/package/difference?id={revisions[0]}": 404,
        f"/package/difference?id={revisions[0]}&from={unknown}": 404,
    }.items():
        assert (await surfer.get(path)).status == status, path
