"""The stored form of an event's data: JSON text that tells absent, null and given values apart."""

from collections.abc import Mapping

from pydantic import TypeAdapter

from consumer.domain.events import SessionChange, SessionEvent
from schemas.fields import STORED
from schemas.sessions import SESSION_TYPES, SessionData

_ADAPTERS: Mapping[str, TypeAdapter[SessionData]] = {name: TypeAdapter(model) for name, model in SESSION_TYPES.items()}
_DUMPS = {SESSION_TYPES[name]: adapter.serializer.to_json for name, adapter in _ADAPTERS.items()}


def dump_data(data: SessionData) -> str:
    """JSON that `load_data` reads back as equal data, with the same fields set. Never holds U+0000."""
    return _DUMPS[type(data)](data, exclude_unset=True).decode()


def load_data(event_type: str, text: str | None) -> SessionData | None:
    """The data of a stored event; None for a type that this release does not know (a newer one may have stored it).

    Raises `ValueError` for a text that `dump_data` did not write.
    """
    adapter = _ADAPTERS.get(event_type)
    return None if adapter is None or text is None else adapter.validate_json(text, context=STORED)


def event_of(change: SessionChange) -> SessionEvent:
    """The event of a change, as it is folded. Raises what `load_data` raises."""
    return SessionEvent(
        origin=change.origin,
        key=change.key,
        version=change.version,
        event_id=change.event_id,
        type=change.type,
        occurred_at=change.occurred_at,
        actor=change.actor,
        data=load_data(change.type, change.data),
    )
