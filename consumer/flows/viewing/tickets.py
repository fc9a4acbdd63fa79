"""A ticket as people write it: `777`, `#777`, `CW #777`, `autotask #T20260131.0042`."""

import re
from dataclasses import dataclass

_WITH_SYSTEM = re.compile(r"(?P<system>[^\s#][^#]*?)\s*#(?P<ticket_id>.+)", re.DOTALL)
_SHORT_NAME = "cw"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketName:
    """Names a ticket, in one PSA or, without `systems`, in any."""

    written: str
    """As it was asked for, without blanks around it."""
    ticket_id: str
    systems: tuple[str, ...] | None = None
    """The names of the PSA, as `plain_system` gives them."""

    def __str__(self) -> str:
        return self.written


def ticket_name(text: str) -> TicketName | None:
    """Reads a ticket; it loses blanks around it and one leading `#`, as in events. None for a text without an id."""
    from consumer.domain.package.package import (  # slow to load, and commands read arguments first
        CONNECTWISE,
        plain_system,
    )

    written = text.strip()
    named = _WITH_SYSTEM.fullmatch(written)
    if named is not None:
        system = plain_system(named["system"])
        systems = tuple(sorted(CONNECTWISE)) if system == _SHORT_NAME or system in CONNECTWISE else (system,)
        return TicketName(written=written, ticket_id=named["ticket_id"].strip(), systems=systems)
    ticket_id = written.removeprefix("#").strip()
    return TicketName(written=written, ticket_id=ticket_id) if ticket_id else None
