"""A cloud's credentials are missing: rules draft at once, no call is made, and the drafts come when they are there."""

from pathlib import Path

import pytest

from tests.faults.test_stores import sessions
from tests.support.model_server import clouds
from tests.support.stage import Stage

SESSIONS = 4


@pytest.mark.failure(23)
async def test_credentials_that_come_late_unlock_the_model(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    bedrock = {
        "ESCALATION_MODEL_PROVIDER": "bedrock",
        "ESCALATION_MODEL": "eu.anthropic.claude-sonnet-5-5-v1:0",
        "ESCALATION_FALLBACK_MODEL": "none",
        "ESCALATION_CHECK_MODEL": "eu.anthropic.claude-haiku-5-5-v1:0",
        "AWS_REGION": clouds.REGION,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": stage.model.url,
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(file),
    }
    service = stage.service_of(stage.environment(keyed=False) | bedrock)
    service.start()
    await service.wait_ready()
    await stage.send(*sessions(SESSIONS, "cloud"))
    fallbacks = await stage.published(SESSIONS)
    assert {event["status"] for event in fallbacks} == {"fallback"}
    assert "credentials" in (await service.prompt_readiness()).stuck["model"]
    assert stage.model.calls == 0
    file.write_text(
        f"[default]\naws_access_key_id = {clouds.AWS_KEY_ID}\naws_secret_access_key = {clouds.AWS_SECRET}\n",
        encoding="utf-8",
    )
    events = await stage.published(2 * SESSIONS)
    upgrades = [event for event in events if event["cause"] == "upgrade"]
    assert [(event["status"], event["provenance"]["check"]["flagged"]) for event in upgrades] == [
        ("ready", 0)
    ] * SESSIONS
    assert {request.provider for request in (*stage.model.requests, *stage.model.checks)} == {"bedrock"}
    await stage.settled()
    await stage.verdict()
