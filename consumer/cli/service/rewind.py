"""`rewind`: moves the consumer group to other offsets of the input topics, while the service is stopped."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli import output
from schemas.topics import Topics

if TYPE_CHECKING:
    from consumer.adapters.kafka import offsets
    from consumer.settings import Settings

_ENDS: "dict[str, offsets.Target]" = {"earliest": "earliest", "latest": "latest"}


def rewind(
    *,
    to: Annotated[str, typer.Option(help="earliest, latest, an offset, or a time as in RFC 3339.")],
    topic: Annotated[
        list[str] | None, typer.Option(help="Only this topic, without the prefix; may be repeated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be moved, and move nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Move the consumer group to other offsets of the input topics. Stop every replica first.

    What is stored stays as it is: known records that are read again make no new package and cost no call.
    """
    from consumer.settings import read_settings

    settings = read_settings()
    target = parse_target(to)
    moves = asyncio.run(moved(settings, topic, target, dry_run=dry_run))
    rows = [
        {
            "topic": move.topic,
            "partition": move.partition,
            "from": move.committed,
            "to": move.to,
            "read_again": move.again,
            "skipped": move.skipped,
        }
        for move in moves
    ]
    if as_json:
        output.as_json({"moved": not dry_run, "partitions": rows})
        return
    output.table(rows, columns=("topic", "partition", "from", "to", "read_again", "skipped"), empty="No partition.")
    again, skipped = sum(move.again for move in moves), sum(move.skipped for move in moves)
    if dry_run:
        output.say(f"{again} records would be read again, {skipped} skipped unread; nothing was moved.")
    else:
        output.say(f"{again} records will be read again when the service starts, {skipped} skipped unread.")


def parse_target(text: str) -> "offsets.Target":
    """Returns the target; a time without an offset is taken as UTC. Raises BadParameter."""
    if text in _ENDS:
        return _ENDS[text]
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither earliest, latest, an offset, nor a time such as 2026-03-02T09:00:00Z."
        ) from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


async def moved(
    settings: "Settings", named: list[str] | None, target: "offsets.Target", *, dry_run: bool
) -> "list[offsets.Move]":
    """Moves the group in these topics, or in all input topics when none is named. With `dry_run` moves nothing.

    Returns the moves. Raises GroupInUse while the group has a member, BadParameter for a topic that is no input topic,
    Transient.
    """
    from consumer.adapters.kafka import offsets
    from consumer.adapters.kafka.client import connection
    from consumer.adapters.postgres.operation.positions import put_positions
    from consumer.domain.events import TopicPartition
    from consumer.wiring.database import database
    from consumer.wiring.values import consumer_group

    topics = _topics(settings, named)
    kafka, group = connection(settings), consumer_group(settings)
    if count := await offsets.members(kafka, group):
        raise offsets.GroupInUse(
            f"The group {group} has {count} member{'s' if count > 1 else ''}. Stop every replica (one that was killed "
            f"leaves the group after {settings.session_timeout_seconds:g} s), then rewind."
        )
    moves = await offsets.plan_moves(kafka, group, topics, target)
    if not dry_run:
        # Hazard: the positions are stored before the group moves. Else a request could be read before them, and its
        # session would seem to be read to the end.
        async with database(settings, name="rewind", max_size=1) as pool:
            await put_positions(pool, {TopicPartition(move.topic, move.partition): move.to for move in moves})
        await offsets.move_group(kafka, group, moves)
    return moves


def _topics(settings: "Settings", named: list[str] | None) -> tuple[str, ...]:
    topics = Topics(settings.topic_prefix)
    inputs = (*topics.live, *topics.replay)
    if not named:
        return inputs
    wanted = tuple(topics.prefix + name for name in named)
    if strange := [name for name in wanted if name not in inputs]:
        known = ", ".join(name.removeprefix(topics.prefix) for name in inputs)
        raise typer.BadParameter(f"{strange[0].removeprefix(topics.prefix)} is not an input topic: {known}.")
    return wanted
