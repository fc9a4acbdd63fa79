"""Options that narrow a list, and what lists and look-ups say: an honest empty result, and what an id may stand for."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from consumer.cli import output
from consumer.errors import Permanent
from consumer.flows.viewing.pages import RowPage
from consumer.flows.viewing.tickets import TicketName, ticket_name

_AGE = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _instant(text: str) -> datetime:
    """An age such as `90m`, `2h`, `7d`, or a date or time, which is in UTC where it names no offset."""
    if (age := _AGE.fullmatch(text.strip())) is not None:
        return datetime.now(UTC) - timedelta(**{_UNITS[age[2]]: int(age[1])})
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time. Give an age such as 90m, 2h or 7d, or a time such as 2026-03-01T12:00Z."
        ) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _ticket(text: str) -> TicketName:
    named = ticket_name(text)
    if named is None:
        raise typer.BadParameter(f"{text!r} names no ticket. Give an id such as 777, #777 or 'CW #777'.")
    return named


Session = Annotated[str | None, typer.Option(help="Only this session.")]
Ticket = Annotated[
    TicketName | None,
    typer.Option(
        parser=_ticket, metavar="TICKET", help="Only sessions that have or had this ticket: 777, #777 or 'CW #777'."
    ),
]
Since = Annotated[
    datetime | None, typer.Option(parser=_instant, metavar="TIME", help="Not before this time: 2h, 7d or 2026-03-01.")
]
Until = Annotated[datetime | None, typer.Option(parser=_instant, metavar="TIME", help="Before this time.")]
After = Annotated[
    str | None, typer.Option(metavar="KEY", help="The next page, by the key that the last one ended with.")
]


def list_page(
    page: RowPage[Any], wanted: object, *, noun: str, empty: str, columns: Sequence[str], as_json: bool
) -> None:
    """Prints a page; without rows, whether none matches (and what) or none is there at all (`empty`)."""
    nothing = empty if page.store_is_empty else f"No {noun} matches: {described(wanted)}."
    output.table([flat(row) for row in page.rows], columns=columns, empty=nothing, json_wanted=as_json)
    if page.next_key is not None and not as_json:
        output.say(f"\nThere are more: --after {page.next_key}")


def described(wanted: object) -> str:
    """The restrictions of a filter, as people read them."""
    assert is_dataclass(wanted)  # noqa: S101 - a filter
    given = {each.name: getattr(wanted, each.name) for each in fields(wanted)}
    words = [f"{name.replace('_', ' ')} {_word(value)}" for name, value in given.items() if value is not None]
    return ", ".join(words) or "any"


def _word(value: object) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if isinstance(value, datetime) else str(value)


def flat(view: Any) -> dict[str, Any]:
    """A view as a row: its key and the place of its record as columns of their own."""
    row: dict[str, Any] = {}
    for name, value in asdict(view).items():
        if name == "key":
            row |= value._asdict()
        elif name == "origin":
            row |= dict(zip(("topic", "partition", "offset"), value or (None,) * 3, strict=False))
        elif isinstance(value, tuple) and hasattr(value, "_asdict"):
            row[name] = value._asdict()
        else:
            row[name] = value
    return row


def only_one(beginning: str, candidates: Sequence[Any], *, noun: str, named: Callable[[Any], str] = str) -> Any:
    """The candidate, if there is one. Raises Permanent when there is none, or several."""
    if not candidates:
        raise Permanent(f"No {noun} {beginning} is known. `escalation-consumer {noun} list` shows those that are.")
    if len(candidates) > 1:
        raise Permanent(f"{beginning} may be any of these {noun}s: {_listed(named(each) for each in candidates)}")
    return candidates[0]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
