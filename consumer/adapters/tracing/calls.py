"""Spans of calls to the model, by the conventions of OpenTelemetry for generative AI. They hold no content."""

from urllib.parse import urlsplit

from opentelemetry.trace import SpanKind, Tracer

from consumer.adapters.tracing.spans import given, span
from consumer.flows.drafting.model import Answer, Call, Model
from consumer.providers import ModelAccess

_PROVIDERS = {"bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai", "foundry": "azure.ai.inference"}
"""The conventions' names; the Messages API's is its own."""


class TracedModel:
    """A `Model` whose calls are traced: drafts, repairs and checks alike."""

    def __init__(self, model: Model, tracer: Tracer, access: ModelAccess, *, reader_name: str | None) -> None:
        """`reader_name` is the model that checks."""
        self._model = model
        self._tracer = tracer
        self._reader_name = reader_name
        address = urlsplit(access.url)
        self._server = {
            "gen_ai.provider.name": _PROVIDERS.get(access.provider, access.provider),
            "server.address": address.hostname,
            "server.port": address.port or (443 if address.scheme == "https" else 80),
        }

    async def draft(self, call: Call) -> Answer:
        attributes = {
            **self._server,
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": call.model,
            "gen_ai.request.max_tokens": call.max_tokens,
            "escalation.purpose": "check" if call.model == self._reader_name else "draft",
        }
        with span(self._tracer, f"chat {call.model}", SpanKind.CLIENT, attributes) as current:
            answer = await self._model.draft(call)
            used = answer.usage
            current.set_attributes(
                given(
                    {
                        "gen_ai.response.model": answer.model,
                        "gen_ai.response.finish_reasons": [answer.ending.value],
                        "gen_ai.usage.input_tokens": (
                            used.input_tokens + used.cache_read_input_tokens + used.cache_creation_input_tokens
                        ),
                        "gen_ai.usage.output_tokens": used.output_tokens,
                        "gen_ai.usage.cache_read.input_tokens": used.cache_read_input_tokens,
                        "gen_ai.usage.cache_creation.input_tokens": used.cache_creation_input_tokens,
                        "escalation.model_request_id": answer.request_id,
                    }
                )
            )
            return answer
