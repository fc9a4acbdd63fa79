"""What the customers of the demo want, and what their engineers say of the packages: the demo plays both."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

from consumer.adapters.kafka.writing import TopicWriter
from consumer.adapters.postgres.operation.store_reader import TableRow
from consumer.adapters.postgres.operation.tenant_reader import TenantReader
from consumer.wiring.policies import policy_event
from schemas.feedback import FeedbackOutcome
from schemas.topics import Topics

POLICIES: Mapping[str, Mapping[str, Any]] = {
    "noordvliet-logistics": {"language": "de", "note_footer": "Hat das geholfen? https://portal.example/{package_id}"},
    "quillmoor-legal": {"model": "off"},
    "larkfield-joinery": {"monthly_budget_usd": 40},
}
"""A customer with German packages, one whose texts go to no model, and one with a budget."""

_LOOK_SECONDS = 0.2
_WAIT_SECONDS = 30.0
_VERDICTS = (FeedbackOutcome.ACCEPTED, FeedbackOutcome.ACCEPTED, FeedbackOutcome.EDITED, None)
"""In turn; None: the engineer says nothing."""


async def set_policies(writer: TopicWriter, reader: TenantReader, topics: Topics) -> None:
    """Sends the policies, and waits until they hold. Raises TimeoutError after 30 s."""
    for tenant, policy in POLICIES.items():
        await writer.write(topics.policies, tenant, json.dumps(policy_event(tenant, policy)).encode())
    await writer.flush()
    async with asyncio.timeout(_WAIT_SECONDS):
        while len(await reader.policies(None)) < len(POLICIES):  # noqa: ASYNC110 - they come by the topic
            await asyncio.sleep(_LOOK_SECONDS)


async def give_feedback(
    writer: TopicWriter, reader: TenantReader, topics: Topics, packages: Iterable[Mapping[str, Any]]
) -> list[TableRow]:
    """Says of these packages what a sync and engineers might say; returns the summary by tenant."""
    sent = 0
    for package, verdict in zip(packages, cycle(_VERDICTS), strict=False):
        for outcome in (FeedbackOutcome.POSTED, *((verdict,) if verdict else ())):
            await writer.write(topics.feedback, package["session_id"], json.dumps(_feedback(package, outcome)).encode())
            sent += 1
    await writer.flush()
    async with asyncio.timeout(_WAIT_SECONDS):
        while len(await reader.feedback(None, None, sent)) < sent:  # noqa: ASYNC110 - as above
            await asyncio.sleep(_LOOK_SECONDS)
    return await reader.summary(None, "tenant", 1)


def _feedback(package: Mapping[str, Any], outcome: FeedbackOutcome) -> dict[str, Any]:
    data: dict[str, Any] = {"package_id": package["package_id"], "outcome": outcome.value}
    if outcome is FeedbackOutcome.EDITED:
        data["edited_sections"] = ["next_steps"]
    return {
        "specversion": "1.0",
        "id": f"{package['package_id']}/{outcome.value}",
        "source": "/escalation-consumer/demo",
        "type": "escalation.package_feedback.v1",
        "subject": package["session_id"],
        "tenantid": package["tenant_id"],
        "time": datetime.now(UTC).isoformat(),
        "data": data,
    }
