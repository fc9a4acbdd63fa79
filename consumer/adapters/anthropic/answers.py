"""What comes back: an answer is read from whatever the SDK returns."""

import json
from typing import cast

import anthropic
from anthropic.types import Message

from consumer.flows.drafting.model import Answer, Call, Ending
from schemas.packages import Usage

_ENDINGS: dict[str | None, Ending] = {
    "end_turn": Ending.COMPLETE,
    "max_tokens": Ending.CUT,
    "model_context_window_exceeded": Ending.CUT,
    "refusal": Ending.REFUSED,
}


class NotAMessage(Exception):
    """What came back is no answer of the Messages API."""


def answer_of(message: object, call: Call) -> Answer:
    """Raises NotAMessage."""
    # The SDK returns a 200 that is not JSON as a str, and missing fields as None, whatever its types say.
    # JSON of another kind, such as a gateway's own error, becomes a Message without content.
    if not isinstance(message, Message) or cast(object, message.content) is None:
        raise NotAMessage
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
