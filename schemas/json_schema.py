"""JSON Schema (2020-12) of every type: `<type>.data.json` for the payload, `<type>.json` for the whole event."""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from schemas.dead_letters import DeadLetter
from schemas.envelope import Envelope, PublishedEvent
from schemas.escalations import ESCALATION_TYPES
from schemas.feedback import FEEDBACK_TYPES
from schemas.packages import PACKAGE_TYPES
from schemas.sessions import SESSION_TYPES
from schemas.tenants import POLICY_TYPES

DIALECT = GenerateJsonSchema.schema_dialect
RECEIVED: dict[str, type[BaseModel]] = {**SESSION_TYPES, **ESCALATION_TYPES, **FEEDBACK_TYPES, **POLICY_TYPES}
PUBLISHED: dict[str, type[BaseModel]] = {**PACKAGE_TYPES}
DEAD_LETTER = "dead_letter"


def documents() -> dict[str, str]:
    """Every JSON Schema file's text, by its name."""
    made = {f"{DEAD_LETTER}.json": payload_schema(DeadLetter, "serialization")}
    for name, model in RECEIVED.items():
        made[f"{name}.data.json"] = payload_schema(model, "validation")
        made[f"{name}.json"] = received_event_schema(name, model)
    for name, model in PUBLISHED.items():
        made[f"{name}.data.json"] = payload_schema(model, "serialization")
        made[f"{name}.json"] = published_event_schema(name, model)
    return {name: json.dumps({"$schema": DIALECT, **schema}, indent=2) + "\n" for name, schema in made.items()}


def payload_schema(model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
    """The payload alone, as it stands in `data`. One that needs nothing may be null."""
    schema = model.model_json_schema(mode=mode)
    return schema if schema.get("required") else schema | {"type": ["object", "null"]}


def received_event_schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    """A whole event that the service reads, in structured mode."""
    schema = Envelope.model_json_schema(mode="validation")
    payload = payload_schema(model, "validation")
    definitions = schema.pop("$defs", {}) | payload.pop("$defs", {})
    properties = schema["properties"]
    properties["type"] = {"const": name, "description": properties["type"]["description"]}
    required = [*schema["required"]]
    if name in SESSION_TYPES:
        properties["stateversion"] = _not_null(properties["stateversion"])
        required.append("stateversion")
    properties["data"] = payload
    if payload.get("required"):
        required.append("data")
    schema |= {"title": name, "description": payload.get("description", ""), "required": required}
    return schema | ({"$defs": definitions} if definitions else {})


def published_event_schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    """A whole event that the service writes, in structured mode."""
    schema = PublishedEvent[model].model_json_schema(mode="serialization")  # type: ignore[valid-type]
    schema["properties"]["type"] = {"const": name, "description": schema["properties"]["type"]["description"]}
    return schema | {"title": name, "description": (model.__doc__ or "").strip()}


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = next(option for option in schema["anyOf"] if option.get("type") != "null")
    return kept | {"description": schema["description"]}
