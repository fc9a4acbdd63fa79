"""The AsyncAPI 3 document: channels, messages, headers and bindings of everything that passes through Kafka."""

from typing import Any

import yaml

from schemas import topics
from schemas.dead_letters import RefusalReason
from schemas.envelope import JSON_CONTENT_TYPE, STRUCTURED_CONTENT_TYPE
from schemas.escalations import ESCALATION_TYPES
from schemas.feedback import FEEDBACK_TYPES
from schemas.json_schema import DEAD_LETTER, RECEIVED
from schemas.sessions import SESSION_TYPES
from schemas.tenants import POLICY_TYPES

VERSION = "1.0.0"
_READY_TYPES = ("escalation.package_ready.v1", "escalation.package_withdrawn.v1")
_FAILED_TYPES = ("escalation.package_failed.v1",)
_KEY = {"type": "string", "description": "The session id; of a tenant's policy the tenant id."}
_TEXT = {"type": "string"}


def document() -> str:
    """The document as YAML; its schemas are the JSON Schema files beside it."""
    return yaml.safe_dump(_document(), sort_keys=False, width=120, allow_unicode=True)


def _document() -> dict[str, Any]:
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for name, action, types, description in _channels():
        channel = name.replace(".", "-")
        channels[channel] = {
            "address": "{prefix}" + name,
            "description": description,
            "parameters": {"prefix": {"description": "ESCALATION_TOPIC_PREFIX, prepended as it is.", "default": ""}},
            "messages": {_id(kind): {"$ref": f"#/components/messages/{_id(kind)}"} for kind in types},
            "bindings": {"kafka": {"topicConfiguration": {"cleanup.policy": [topics.cleanup_of(name)]}}},
        }
        operations[f"{action}-{channel}"] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{channel}"},
            "summary": description,
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "escalation-consumer",
            "version": VERSION,
            "description": (
                "Session events and escalation requests in, handoff packages out. CloudEvents 1.0 over Kafka; "
                "`send` and `receive` are said from the service's side. Read the outgoing topics with "
                "isolation.level=read_committed."
            ),
        },
        "defaultContentType": STRUCTURED_CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {"messages": _messages()},
    }


def _channels() -> list[tuple[str, str, tuple[str, ...], str]]:
    sessions, requests = tuple(SESSION_TYPES), tuple(ESCALATION_TYPES)
    replayed = "The same events, sent again on purpose for reprocessing; read at lower priority than live traffic."
    refused = "What could not be accepted: reason and origin in headers, secrets removed."
    return [
        (topics.SESSIONS, "receive", sessions, "Event-sourced changes of one troubleshooting session."),
        (topics.REQUESTS, "receive", requests, "Requests for a handoff package, and their cancellations."),
        (topics.SESSIONS + topics.REPLAY_SUFFIX, "receive", sessions, replayed),
        (topics.REQUESTS + topics.REPLAY_SUFFIX, "receive", requests, replayed),
        (
            topics.FEEDBACK,
            "receive",
            tuple(FEEDBACK_TYPES),
            "What became of a package; from the PSA sync, or its reader.",
        ),
        (
            topics.POLICIES,
            "receive",
            tuple(POLICY_TYPES),
            "What a customer organisation wants. The key is the tenant id.",
        ),
        (topics.READY, "send", _READY_TYPES, "The package, its revisions, its withdrawal."),
        (topics.FAILED, "send", _FAILED_TYPES, "A request that ended without a package."),
        *(
            (name + topics.DEAD_LETTER_SUFFIX, "send", (DEAD_LETTER,), refused)
            for name in (topics.SESSIONS, topics.REQUESTS, topics.FEEDBACK, topics.POLICIES)
        ),
    ]


def _messages() -> dict[str, Any]:
    made = {_id(kind): _received(kind) for kind in RECEIVED}
    made |= {_id(kind): _published(kind) for kind in (*_READY_TYPES, *_FAILED_TYPES)}
    return made | {DEAD_LETTER: _dead_letter()}


def _received(kind: str) -> dict[str, Any]:
    return _message(kind, f"{kind}.json", STRUCTURED_CONTENT_TYPE, _RECEIVED_HEADERS) | {
        "description": (
            f"Structured mode: the value is the whole event. Binary mode is read as well: attributes in ce_* headers, "
            f"the value is `data` alone (`{kind}.data.json`), content-type {JSON_CONTENT_TYPE}."
        )
    }


def _published(kind: str) -> dict[str, Any]:
    return _message(kind, f"{kind}.json", STRUCTURED_CONTENT_TYPE, _PUBLISHED_HEADERS)


def _dead_letter() -> dict[str, Any]:
    return _message(DEAD_LETTER, f"{DEAD_LETTER}.json", JSON_CONTENT_TYPE, _DEAD_LETTER_HEADERS)


def _message(kind: str, file: str, content_type: str, headers: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": kind,
        "title": kind,
        "contentType": content_type,
        "headers": headers,
        "payload": {"$ref": f"./{file}"},
        "bindings": {"kafka": {"key": _KEY}},
    }


def _id(kind: str) -> str:
    return kind.replace(".", "-")


def _headers(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"type": "object", "properties": properties} | ({"required": list(required)} if required else {})


_TRACE = {
    "traceparent": {"type": "string", "description": "W3C trace context; read and passed on."},
    "tracestate": {"type": "string", "description": "W3C trace context; read and passed on."},
}
_RECEIVED_HEADERS = _headers(
    {
        "content-type": {
            "type": "string",
            "description": f"{STRUCTURED_CONTENT_TYPE}, also assumed when the header is missing.",
        }
    }
    | _TRACE
)
_COPIES = ("event_type", "event_id", "tenant_id", "session_id")
_PUBLISHED_HEADERS = _headers(
    {"content-type": {"const": STRUCTURED_CONTENT_TYPE}}
    | dict.fromkeys(_COPIES, _TEXT)
    | {
        "note_key": {"type": "string", "description": "The note's identity across revisions."},
        "revision": {"type": "string", "description": "Decimal text; where the event has one."},
        "status": {"type": "string", "description": "`ready` or `fallback`; packages only."},
        "cause": {"type": "string", "description": "Packages only."},
    }
    | _TRACE,
    ("content-type", *_COPIES, "note_key"),
)
_DLQ = {
    "dlq.reason": {"enum": [str(reason) for reason in RefusalReason]},
    "dlq.error": {"type": "string", "description": "One line that names the field; no payload."},
    "dlq.topic": {"type": "string", "description": "The full name of the topic the record stands in."},
    "dlq.partition": {"type": "string", "description": "Decimal text."},
    "dlq.offset": {"type": "string", "description": "Decimal text; the original stays there."},
    "dlq.failed_at": {"type": "string", "format": "date-time"},
}
_DEAD_LETTER_HEADERS = _headers(_DLQ, tuple(_DLQ))
