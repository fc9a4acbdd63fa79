"""A ticket as session events name it."""

from schemas.envelope import Received
from schemas.fields import NumberOrText, TicketId, Word


class PsaTicket(Received):
    """A ticket in the PSA (the ticket system of a managed service provider)."""

    system: Word
    """`connectwise`, `autotask`, `halopsa` or another one."""
    ticket_id: TicketId
    """The ticket's id there; a number is kept as text, without blanks around it and one leading `#`."""
    connection_id: NumberOrText | None = None
    """Which connection of the tenant, where there are several."""
    record_type: NumberOrText | None = None
    """The kind of ticket there, such as a service or a project ticket."""
