"""A tenant's policy is set in the console by the event that the command sends, on a real Kafka."""

import json
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from consumer.adapters.http.console.readers import Readers
from consumer.domain.events import Origin, Record
from consumer.wiring.operation import console_readers, metrics
from tests.support.console import TOKEN, Surfer, healthy, serving, surfing
from tests.support.letters import Scene

FOOTER = "Rate it: {package_id} <script>alert(1)</script>"
FORM = "/tenants/preview?tenant=acme&model=off&language=de&budget=12.5&footer=" + FOOTER.replace(" ", "+")


@pytest.fixture
async def readers(scene: Scene) -> Readers:
    return console_readers(scene.settings, pool=scene.pool, health=healthy(), meters=metrics())


@pytest.fixture
async def surfer(readers: Readers) -> AsyncIterator[Surfer]:
    async with serving(readers, token=TOKEN) as base, surfing(base) as made:
        yield made


async def test_it_is_previewed_and_sent(surfer: Surfer, scene: Scene) -> None:
    await surfer.sign_in()
    preview = await surfer.get(FORM)
    assert "Model on off" in preview.said
    assert "Language en de" in preview.said
    assert "Dollars a month none 12.5" in preview.said
    assert "<script>alert" not in preview.text
    with capture_logs() as logged:
        answer = await surfer.submit(FORM, "/tenants/set")
    assert (answer.status, answer.headers["Location"]) == (303, "/tenants?tenant=acme")
    (line,) = [line for line in logged if line["event_name"] == "console_action"]
    assert (line["action"], line["operator"], line["tenant_id"]) == ("set a tenant's policy", "Ada", "acme")
    assert "script" not in str(line)
    origin = Origin(scene.topics.policies, 0, 0)
    record = (await scene.originals.read([origin]))[origin]
    assert isinstance(record, Record)
    event = json.loads(record.value or b"")
    assert (event["type"], event["subject"], event["id"]) == ("tenant.policy_set.v1", "acme", line["event_id"])
    assert event["data"] == {"model": "off", "language": "de", "monthly_budget_usd": 12.5, "note_footer": FOOTER}


async def test_what_the_service_would_refuse_is_refused_at_once(surfer: Surfer) -> None:
    await surfer.sign_in()
    for query, said in {
        "tenant=acme&language=xx": "must be one of the known languages",
        "tenant=acme&budget=-1": "`budget` is a number",
        "tenant=acme&model=maybe": "`model` is one of on, off",
        "language=de": "`tenant` is missing",
        "tenant=" + "x" * 200: "subject",
        "tenant=acme&footer=" + "x" * 400: "note_footer",
    }.items():
        answer = await surfer.get(f"/tenants/preview?{query}")
        assert (answer.status, said in answer.said) == (400, True), (query, answer.said)


async def test_who_is_not_signed_in_sets_nothing(surfer: Surfer, scene: Scene) -> None:
    fields = {"tenant": "acme", "model": "off"}
    assert (await surfer.get(FORM)).status == 403
    assert (await surfer.post("/tenants/set", fields)).status == 403
    await surfer.sign_in()
    assert (await surfer.post("/tenants/set", fields)).status == 403
    origin = Origin(scene.topics.policies, 0, 0)
    assert not isinstance((await scene.originals.read([origin]))[origin], Record)
