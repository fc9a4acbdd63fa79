"""The redaction key is replaced while sessions last: what is known as secret stays out of everything."""

import pytest

from tests.support.stage import Stage, Story

pytestmark = pytest.mark.long

OLD, NEW = "the-old-redaction-key", "the-new-redaction-key"
SECRET = "Lantern-fish-91"
SCHEMA = {"parameters": [{"key": "p", "field_type": "password"}]}


def script(story: Story) -> dict[str, object]:
    return story.event(
        "session.script_generated.v1",
        {
            "generation_id": f"g{story.version}",
            "template": {"name": "Reset", "parameters_schema": SCHEMA},
            "parameters_used": {"p": SECRET},
        },
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"redaction_key": OLD}, {"redaction_key": NEW, "redaction_other_keys": OLD}),
        ({}, {"redaction_key": NEW}),
    ],
    ids=["by the procedure", "from the key in the database"],
)
async def test_a_secret_of_before_the_rotation_is_known_after_it(
    stage: Stage, before: dict[str, str], after: dict[str, str]
) -> None:
    story = Story()
    service = await stage.running(keyed=True, dsn=None, **before)
    await stage.send(story.opened(), script(story), story.request("r1"))
    await stage.published(1)
    assert (await service.terminate()).code == 0

    service = await stage.running(keyed=True, dsn=None, **after)
    await stage.send(story.fact(f"They wrote {SECRET} on the board."), script(story), story.request("r2"))
    await stage.published(3)
    await stage.settled()
    await stage.verdict(secrets=[SECRET])
    identities = await stage.query(
        "SELECT DISTINCT substring(data::text FROM 'REDACTED:[a-z]+:([0-9a-f]{16})') AS name FROM session_events "
        "WHERE data::text LIKE '%REDACTED%'"
    )
    assert len(identities) == 1, "a secret keeps its placeholder within its session"
