"""The Messages API, as drafting calls it."""

import asyncio
import logging
from collections.abc import Callable, Mapping

import httpx2
import structlog

from consumer.adapters.anthropic.answers import answer_of
from consumer.adapters.anthropic.clients import client_of
from consumer.adapters.anthropic.faults import fault_of
from consumer.adapters.anthropic.parameters import arguments, plain_arguments
from consumer.flows.drafting.model import Answer, Call, FormRefused, ModelFault, PromptRefused
from consumer.providers import ModelAccess

log = structlog.stdlib.get_logger("escalation.model")

_LOUD = ("anthropic", "azure", "boto3", "botocore", "google", "httpx2", "httpcore2", "urllib3")


class Anthropic:
    """Implements the port `Model`. Make one per process and event loop: a client fails in another loop."""

    def __init__(
        self,
        access: ModelAccess,
        *,
        attempt_seconds: float,
        transport: httpx2.AsyncBaseTransport,
        headers: Mapping[str, str] | None = None,
        renewed_key: Callable[[], str | None] | None = None,
    ) -> None:
        """`transport` leads to the API. `headers` are sent with every call; `renewed_key` gives the key as it is then.

        Of the environment nothing counts but the credentials of a cloud, where `access` has no key.
        """
        _keep_bodies_out_of_logs()
        self._attempt_seconds = attempt_seconds
        self._plain: set[str] = set()
        self._renewed_key = renewed_key
        self._open = client_of(access, seconds=attempt_seconds, transport=transport, headers=headers)

    async def draft(self, call: Call) -> Answer:
        """See the port `Model`."""
        fault: ModelFault
        plain = call.model in self._plain
        self._open.take_key(self._renewed_key() if self._renewed_key is not None else None)
        try:
            # The SDK's own timeout counts per socket read, so an answer that trickles in escapes it.
            async with asyncio.timeout(self._attempt_seconds):
                message = await self._open.client.messages.create(**(plain_arguments if plain else arguments)(call))
            return answer_of(message, call)
        except Exception as error:  # noqa: BLE001 - the table decides; it reports an unknown error as ModelAway
            fault = fault_of(error)
        if isinstance(fault, FormRefused):
            if plain:  # the plain form has nothing that could be left out, so it is this prompt that is refused
                fault = PromptRefused(str(fault))
            else:
                self._remember_plain(call.model, fault)
        # Raised outside the handler: the SDK's exception holds the whole prompt and must not become its context.
        raise fault

    def _remember_plain(self, model: str, fault: FormRefused) -> None:
        if model not in self._plain:
            self._plain.add(model)
            log.warning(
                "The model's API refuses the form of the calls: they are sent in the plain form from now on.",
                event_name="plain_form",
                model=model,
                error=str(fault),
            )

    async def warm_up(self) -> None:
        """Makes the SDK's slow first call, against a canned answer, without network and credentials. Never raises."""

        async def canned(_: httpx2.Request) -> httpx2.Response:
            usage = {"input_tokens": 0, "output_tokens": 0}
            return httpx2.Response(200, json={"type": "message", "content": [], "usage": usage})

        nowhere = ModelAccess(provider="anthropic", url="http://127.0.0.1", key="none")
        opened = client_of(nowhere, seconds=self._attempt_seconds, transport=httpx2.MockTransport(canned))
        call = Call(model="claude-", system="-", turns=(), answer_schema={}, max_tokens=1)
        await opened.client.messages.create(**arguments(call))
        await opened.close()

    async def close(self) -> None:
        await self._open.close()


def _keep_bodies_out_of_logs() -> None:
    """Raises the level of these loggers to WARNING: at DEBUG they log whole prompts, and signatures."""
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
