"""What the API refuses with 400, whatever a test has scripted."""

from consumer.domain.cost.model_ids import plain_id
from tests.support.model_server.received import Received

API_VERSION = "2026-10-21"
_SAMPLING = ("temperature", "top_p", "top_k")
_KNOWN = frozenset(
    {
        "model", "max_tokens", "messages", "system", "thinking", "output_config", "metadata", "stop_sequences",
        "stream", "tools", "tool_choice", "service_tier", "container", "cache_control", "diagnostics", "inference_geo",
    }
)  # fmt: skip


def complaint(received: Received) -> str | None:
    """Why the real API would answer this request with 400."""
    body = received.body
    of_a_cloud = received.provider in {"bedrock", "vertex"}
    version = body.get("anthropic_version") if of_a_cloud else received.headers.get("anthropic-version")
    if version != API_VERSION:
        return f"anthropic-version: {API_VERSION} is wanted"
    for name in body:
        if of_a_cloud and name == "anthropic_version":
            continue
        if name in _SAMPLING or name not in _KNOWN:
            return f"{name}: Extra inputs are not permitted"
    if not body["messages"] or body["messages"][-1]["role"] != "user":
        return "messages: the conversation must end with a user message"
    thinking = body.get("thinking", {}).get("type")
    if plain_id(received.model) == "claude-sonnet-5-5" and thinking in {"enabled", "disabled"}:
        return f"thinking.type: {thinking} is not supported by this model"
    if body.get("tool_choice", {}).get("type") in {"any", "tool"}:
        return "tool_choice: forced tool use is not supported"
    if any(not message["content"] for message in body["messages"]):
        return "messages: text content blocks must be non-empty"
    return None
