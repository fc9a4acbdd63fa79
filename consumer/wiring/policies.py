"""A tenant's policy as an event on its topic: for the commands and the console."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from consumer.adapters.kafka.client import AWAY
from consumer.errors import Permanent, Transient
from consumer.settings import Settings
from consumer.wiring.topics import topic_writer
from schemas.envelope import Envelope
from schemas.tenants import POLICY_TYPES
from schemas.topics import Topics

SEND_SECONDS = 4.0
"""Who sets a policy in the console waits for it."""

_TYPE = "tenant.policy_set.v1"


def policy_event(tenant: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The event that sets a policy. Raises Permanent, naming the field, for one that the service would refuse."""
    event = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "/escalation-consumer/tenant",
        "type": _TYPE,
        "subject": tenant,
        "time": datetime.now(UTC).isoformat(),
        "data": dict(data),
    }
    try:
        Envelope.model_validate(event)
        POLICY_TYPES[_TYPE].model_validate(data)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        raise Permanent(f"{problem['loc'][0]}: {problem['msg']}") from None
    return event


async def send_policy(settings: Settings, event: Mapping[str, Any]) -> None:
    """Returns once all replicas have acknowledged the event. Raises Transient while Kafka is away."""
    writer = topic_writer(settings)
    topic = Topics(settings.topic_prefix).policies
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await writer.__aenter__()
            await writer.write(topic, str(event["subject"]), json.dumps(event).encode())
            await writer.flush()
    except AWAY as error:
        raise Transient(
            f"Kafka: {type(error).__name__}. Are the brokers up and the topics prepared? The policy may or may not be "
            "sent; to send it again does no harm."
        ) from error
    finally:  # also of a writer that could not begin: its connections would stay
        await writer.__aexit__(None, None, None)
