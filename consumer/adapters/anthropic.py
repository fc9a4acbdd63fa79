"""The Anthropic Messages API. No other module uses the SDK.

Law: one call is one request on the wire. Drafting decides about retries, budgets and outages; the SDK's own retries
would multiply drafting's and would obey `retry-after` without a cap.
"""

import asyncio
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Literal, cast

import anthropic
import httpx2
import structlog
from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient
from anthropic.types import Message, MessageParam, OutputConfigParam, ThinkingConfigParam
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

from consumer.flows.drafting.model import (
    Answer,
    Call,
    Ending,
    FormRefused,
    ModelAway,
    ModelBusy,
    ModelFault,
    ModelLocked,
    PromptRefused,
    Turn,
)
from schemas.packages import Usage

log = structlog.stdlib.get_logger("escalation.model")

CONNECT_SECONDS = 5.0
THINKING_TOKENS = 4096  # a model that thinks unasked spends max_tokens on it; unused tokens are not billed


@dataclass(frozen=True, slots=True, kw_only=True)
class _FamilyParameters:
    """The request parameters that a family of models accepts."""

    thinking: ThinkingConfigParam | None
    effort: Literal["low"] | None
    least_tokens: int = 0


# By prefix of the model's id; the longest prefix counts. The API answers wrong values with 400.
_FAMILIES: dict[str, _FamilyParameters] = {
    "claude-sonnet-5-5": _FamilyParameters(thinking={"type": "between_tools"}, effort="low"),
    "claude-sonnet-5": _FamilyParameters(thinking={"type": "disabled"}, effort=None),
    "claude-haiku-5-5": _FamilyParameters(thinking={"type": "disabled"}, effort=None),
    "claude-": _FamilyParameters(thinking=None, effort=None, least_tokens=THINKING_TOKENS),
    "": _FamilyParameters(thinking=None, effort=None, least_tokens=THINKING_TOKENS),
}

_ENDINGS: dict[str | None, Ending] = {
    "end_turn": Ending.COMPLETE,
    "max_tokens": Ending.CUT,
    "model_context_window_exceeded": Ending.CUT,
    "refusal": Ending.REFUSED,
}

_LOCKED_STATUSES = frozenset({401, 402, 403, 404})
_FORM_STATUSES = frozenset({400, 422})
_TRANSIENT_STATUSES = frozenset({408, 409, 425, 429, 499})
_SPEND_WORDS = ("spend", "billing", "credit")
_SPEND_MESSAGE = re.compile(r"credit balance|\bbilling\b|spend(?:ing)? limit", re.IGNORECASE)
_FORM_MESSAGE = re.compile(
    r"output_config|output_format|json_schema|\bschema\b|\bgrammar\b|structured output|cache_control"
    r"|\bthinking\b|\beffort\b|extra inputs|extraneous key|unknown (?:field|parameter)|unrecognized",
    re.IGNORECASE,
)
"""What a 400 says that refuses a parameter of the call: of the API itself, of clouds and of gateways."""
_LOCKED_TYPES = frozenset({"authentication_error", "billing_error", "permission_error", "not_found_error"})


class Anthropic:
    """Implements the port `Model`. Make one per process and event loop: a client fails in another loop."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        attempt_seconds: float,
        transport: httpx2.AsyncBaseTransport,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`transport` leads to the API. `headers` are sent with every call. Nothing of the environment counts."""
        _keep_bodies_out_of_logs()
        self._attempt_seconds = attempt_seconds
        self._plain: set[str] = set()
        self._client = _client(api_key, base_url, attempt_seconds, transport, headers)

    async def draft(self, call: Call) -> Answer:
        """See the port `Model`."""
        fault: ModelFault
        plain = call.model in self._plain
        try:
            # The SDK's own timeout counts per socket read, so an answer that trickles in escapes it.
            async with asyncio.timeout(self._attempt_seconds):
                message = await self._client.messages.create(**(_plain_arguments if plain else _arguments)(call))
            return _answer(message, call)
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
        """Makes the SDK's slow first call, against a canned answer and without the network. Never raises."""

        async def canned(_: httpx2.Request) -> httpx2.Response:
            usage = {"input_tokens": 0, "output_tokens": 0}
            return httpx2.Response(200, json={"type": "message", "content": [], "usage": usage})

        transport = httpx2.MockTransport(canned)
        async with _client("none", "http://127.0.0.1", self._attempt_seconds, transport, None) as client:
            call = Call(model="claude-", system="-", turns=(), answer_schema={}, max_tokens=1)
            await client.messages.create(**_arguments(call))

    async def close(self) -> None:
        await self._client.close()


def fault_of(error: BaseException) -> ModelFault:
    """Maps every error of a call to a fault; there is no other such table.

    The messages hold classes, codes and ids, never text of a request or an answer.
    """
    match error:
        case anthropic.APIStatusError():
            return _fault_of_status(error)
        case TimeoutError() | anthropic.APITimeoutError():
            return ModelAway("the model did not answer in time")
        case anthropic.APIConnectionError():
            return ModelAway("no connection to the model")
        case anthropic.APIResponseValidationError() | json.JSONDecodeError() | _NotAMessage():
            return ModelAway("what came back was not an answer of the Messages API")
        case anthropic.CredentialsError() | anthropic.WorkloadIdentityError():
            return ModelLocked("no usable credentials for the model; check ANTHROPIC_API_KEY")
        case _:
            return ModelAway(f"the call failed with {type(error).__name__}")


def _fault_of_status(error: anthropic.APIStatusError) -> ModelFault:
    status = error.status_code
    parts = [f"HTTP {status}", error.type, error.error_code, error.request_id]
    message = f"the model's API answered {', '.join(str(part) for part in parts if part)}"
    retry_after = _retry_after_seconds(error.response.headers.get("retry-after"))
    if status in _LOCKED_STATUSES or error.type in _LOCKED_TYPES or _is_spend_limit(error, retry_after):
        return ModelLocked(message)
    if status == 429 or (retry_after is not None and (status in _TRANSIENT_STATUSES or status >= 500)):
        return ModelBusy(message, retry_after_seconds=retry_after)
    if status in _TRANSIENT_STATUSES or status >= 500 or status < 400:
        return ModelAway(message)
    if status in _FORM_STATUSES and _FORM_MESSAGE.search(_said(error)):
        return FormRefused(message)
    return PromptRefused(message)


def _said(error: anthropic.APIStatusError) -> str:
    """The message of an error, as clouds and gateways spell it too. It may quote the call, so it is never passed on."""
    match error.body:
        case {"error": {"message": str(message)}} | {"message": str(message)} | {"error": str(message)}:
            return message
        case _:
            return ""


def _is_spend_limit(error: anthropic.APIStatusError, retry_after_seconds: float | None) -> bool:
    """Whether a limit of money is reached, which lasts for days.

    The API then sends an `error_code`: with 429 and no `retry-after`, or with 400 where the account set the limit. An
    empty account is a 400 whose message alone says so.
    """
    if error.status_code == 400 and _SPEND_MESSAGE.search(_said(error)):
        return True
    if error.error_code is None:
        return False
    of_money = any(word in error.error_code.casefold() for word in _SPEND_WORDS)
    return of_money and (error.status_code == 400 or (error.status_code == 429 and retry_after_seconds is None))


def _retry_after_seconds(value: str | None) -> float | None:
    try:
        seconds = float(value or "")
    except ValueError:  # an HTTP date: rare here, and it would depend on two clocks
        return None
    return seconds if isfinite(seconds) and seconds >= 0 else None


class _NotAMessage(Exception):
    pass


def _arguments(call: Call) -> MessageCreateParamsNonStreaming:
    """What `messages.create` is called with."""
    family = _FAMILIES[max((prefix for prefix in _FAMILIES if call.model.startswith(prefix)), key=len)]
    output: OutputConfigParam = {"format": {"type": "json_schema", "schema": dict(call.answer_schema)}}
    if family.effort is not None:
        output["effort"] = family.effort
    arguments: MessageCreateParamsNonStreaming = {
        "model": call.model,
        "max_tokens": max(call.max_tokens, family.least_tokens),
        "output_config": output,
        # The cache marker stands on this block, which is equal for every call. A marker on the whole request would
        # stand on its last block, which is never equal.
        "system": [{"type": "text", "text": call.system, "cache_control": {"type": "ephemeral"}}],
        "messages": [_turn(turn) for turn in call.turns],
    }
    if family.thinking is not None:
        arguments["thinking"] = family.thinking
    return arguments


def _plain_arguments(call: Call) -> MessageCreateParamsNonStreaming:
    """The call in the form that every gateway takes: texts alone. The answer's schema becomes a part of the prompt."""
    schema = json.dumps(call.answer_schema, separators=(",", ":"))
    return {
        "model": call.model,
        "max_tokens": max(call.max_tokens, THINKING_TOKENS),
        "system": f"{call.system}\n\nAnswer with one JSON object of this JSON Schema, and with nothing else:\n{schema}",
        "messages": [_turn(turn) for turn in call.turns],
    }


def _turn(turn: Turn) -> MessageParam:
    match turn.role:
        case "user":
            return {"role": "user", "content": turn.text}
        case "assistant":
            return {"role": "assistant", "content": turn.text}


def _answer(message: object, call: Call) -> Answer:
    # The SDK returns a 200 that is not JSON as a str, and missing fields as None, whatever its types say.
    # JSON of another kind, such as a gateway's own error, becomes a Message without content.
    if not isinstance(message, Message) or cast(object, message.content) is None:
        raise _NotAMessage
    texts = (getattr(block, "text", None) for block in message.content if getattr(block, "type", None) == "text")
    text = "".join(part for part in texts if isinstance(part, str))
    ending = _ENDINGS.get(message.stop_reason, Ending.UNEXPECTED)
    if message.stop_reason is None and _is_whole(text):  # some gateways do not pass the reason on
        ending = Ending.COMPLETE
    if ending is Ending.COMPLETE and not text.strip():
        ending = Ending.EMPTY
    return Answer(
        text="" if ending is Ending.REFUSED else text,
        ending=ending,
        usage=_usage(cast("anthropic.types.Usage | None", message.usage)),
        model=message.model if isinstance(cast(object, message.model), str) and message.model else call.model,
        request_id=message._request_id,  # noqa: SLF001 - the SDK's documented name for it
    )


def _is_whole(text: str) -> bool:
    """Whether the text is a JSON object from end to end, so that nothing of the answer is missing."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _usage(usage: anthropic.types.Usage | None) -> Usage:
    """Zeros where the usage is unknown, because a gateway does not pass it on."""
    if usage is None:
        return Usage()

    def tokens(value: object) -> int:
        return value if isinstance(value, int) and value >= 0 else 0

    return Usage(
        input_tokens=tokens(usage.input_tokens),
        output_tokens=tokens(usage.output_tokens),
        cache_read_input_tokens=tokens(usage.cache_read_input_tokens),
        cache_creation_input_tokens=tokens(usage.cache_creation_input_tokens),
    )


def _client(
    api_key: str, base_url: str, seconds: float, transport: httpx2.AsyncBaseTransport, headers: Mapping[str, str] | None
) -> AsyncAnthropic:
    return AsyncAnthropic(
        api_key=api_key,
        base_url=base_url,
        max_retries=0,
        timeout=httpx2.Timeout(seconds, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
        http_client=DefaultAsyncHttpxClient(transport=transport, trust_env=False),
        default_headers=headers,
        open_telemetry={"traces": False, "propagation": False},
    )


def _keep_bodies_out_of_logs() -> None:
    """Raises the level of these loggers to WARNING, because `ANTHROPIC_LOG=debug` would log whole prompts."""
    for name in ("anthropic", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
