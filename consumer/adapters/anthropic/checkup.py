"""The check of the key and the models' names, by calls that cost nothing: no token is drafted."""

import asyncio
from collections.abc import Callable, Sequence

import anthropic

from consumer.adapters.anthropic.clients import Client, OpenClient
from consumer.adapters.anthropic.faults import fault_of
from consumer.flows.drafting.model import ModelFault, ModelLocked
from consumer.flows.operation.checkup import Finding, broken, doubtful, sound

_FREE = "this question costs nothing"


class ModelKeyCheck:
    """Whether the provider takes the credentials, and knows each model."""

    name = "model"
    after: str | None = None

    def __init__(self, make_client: Callable[[], OpenClient], *, provider: str, models: Sequence[str]) -> None:
        """`models` are the ids that calls name, the drafting one first."""
        self._make_client = make_client
        self._provider = provider
        self._models = models

    async def findings(self) -> Sequence[Finding]:
        if self._provider == "bedrock":
            text = "Amazon Bedrock answers no question that is free: credentials and models are not tried"
            return [doubtful(text, "`escalation-consumer draft` tries them with one draft, for about a cent")]
        opened = self._make_client()
        try:
            faults = await asyncio.gather(*(self._asked(opened.client, model) for model in self._models))
        finally:
            await opened.close()
        findings = [_of_fault(model, fault) for model, fault in zip(self._models, faults, strict=True) if fault]
        known = ", ".join(self._models)
        return findings or [sound(f"{self._provider} accepts the credentials and knows {known}; {_FREE}")]

    async def _asked(self, client: Client, model: str) -> ModelFault | None:
        try:
            if isinstance(client, anthropic.AsyncAnthropic) and self._provider == "anthropic":
                await client.models.retrieve(model)
            else:
                await _counted(client, model)
        except Exception as error:  # noqa: BLE001 - the table of faults knows them all
            return fault_of(error)
        return None


async def _counted(client: Client, model: str) -> None:
    """Counts the tokens of one word, which the clouds offer where they do not list models."""
    await client.messages.count_tokens(model=model, messages=[{"role": "user", "content": "word"}])


def _of_fault(model: str, fault: ModelFault) -> Finding:
    if isinstance(fault, ModelLocked):
        return broken(
            f"{model}: {fault}", "check the key, its account, and the id of the model (ESCALATION_MODEL and the others)"
        )
    return doubtful(f"{model}: {fault}", "while it is so, rules draft; is the address right, and the proxy?")
