"""What a call sends: the parameters that each family of models takes, and the plain form that every gateway takes."""

import json
from dataclasses import dataclass
from typing import Literal

from anthropic.types import MessageParam, OutputConfigParam, ThinkingConfigParam
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

from consumer.domain.cost.model_ids import plain_id
from consumer.flows.drafting.model import Call, Turn

THINKING_TOKENS = 4096  # a model that thinks unasked spends max_tokens on it; unused tokens are not billed


@dataclass(frozen=True, slots=True, kw_only=True)
class _FamilyParameters:
    """The request parameters that a family of models accepts."""

    thinking: ThinkingConfigParam | None
    effort: Literal["low"] | None
    least_tokens: int = 0


# By prefix of the model's plain id; the longest prefix counts. The API answers wrong values with 400.
_FAMILIES: dict[str, _FamilyParameters] = {
    "claude-sonnet-5-5": _FamilyParameters(thinking={"type": "between_tools"}, effort="low"),
    "claude-sonnet-5": _FamilyParameters(thinking={"type": "disabled"}, effort=None),
    "claude-haiku-5-5": _FamilyParameters(thinking={"type": "disabled"}, effort=None),
    "claude-": _FamilyParameters(thinking=None, effort=None, least_tokens=THINKING_TOKENS),
    "": _FamilyParameters(thinking=None, effort=None, least_tokens=THINKING_TOKENS),
}


def arguments(call: Call) -> MessageCreateParamsNonStreaming:
    """What `messages.create` is called with."""
    name = plain_id(call.model)
    family = _FAMILIES[max((prefix for prefix in _FAMILIES if name.startswith(prefix)), key=len)]
    output: OutputConfigParam = {"format": {"type": "json_schema", "schema": dict(call.answer_schema)}}
    if family.effort is not None:
        output["effort"] = family.effort
    sent: MessageCreateParamsNonStreaming = {
        "model": call.model,
        "max_tokens": max(call.max_tokens, family.least_tokens),
        "output_config": output,
        # The cache marker stands on this block, which is equal for every call. A marker on the whole request would
        # stand on its last block, which is never equal.
        "system": [{"type": "text", "text": call.system, "cache_control": {"type": "ephemeral"}}],
        "messages": [_turn(turn) for turn in call.turns],
    }
    if family.thinking is not None:
        sent["thinking"] = family.thinking
    return sent


def plain_arguments(call: Call) -> MessageCreateParamsNonStreaming:
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
