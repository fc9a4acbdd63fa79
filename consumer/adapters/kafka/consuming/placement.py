"""Where reading begins: at the committed offset, or at the log's start where that offset is not usable.

A new group begins at the log's start on purpose. A committed offset that is not in the log is reported, never passed
over in silence: the log's start repeats records that are known, which count once, and misses none.
"""

from collections.abc import Collection, Iterable

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition

from consumer.domain.events import TopicPartition
from consumer.flows.intake.ports import LostPosition

log = structlog.stdlib.get_logger("escalation.kafka")


async def place(
    consumer: AIOKafkaConsumer,
    partitions: Iterable[KafkaPartition],
    *,
    everywhere: bool = False,
    out_of_range: Collection[KafkaPartition] = (),
) -> list[LostPosition]:
    """Seeks to the log's start where no committed offset is usable; with `everywhere` to usable offsets too.

    `out_of_range` are partitions whose position the broker refused. Only it can say that an offset is beyond the end:
    the end that it tells may lag behind after an election. Returns the committed offsets that are not in the log.
    Raises KafkaError.
    """
    partitions = list(partitions)
    if not partitions:
        return []
    lost = []
    starts = await consumer.beginning_offsets(partitions)
    for partition in partitions:
        committed = await consumer.committed(partition)
        if partition not in consumer.assignment():
            continue  # a rebalance took it: its new owner places it
        if committed is None:
            consumer.seek(partition, starts[partition])
        elif committed < starts[partition] or partition in out_of_range:
            lost.append(LostPosition(TopicPartition(*partition), committed, starts[partition]))
            _tell(lost[-1])
            consumer.seek(partition, starts[partition])
        elif everywhere:
            consumer.seek(partition, committed)
    return lost


def _tell(lost: LostPosition) -> None:
    log.error(
        "A committed offset is not in the log: reading goes on at the log's start.",
        event_name="offset_lost",
        topic=lost.partition.topic,
        partition=lost.partition.partition,
        committed=lost.committed,
        log_start=lost.log_start,
    )
