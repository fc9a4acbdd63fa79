"""A relay's producer that is thrown away leaves no error behind that asyncio would log later."""

import asyncio
import gc
from typing import Any

from aiokafka import TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.producer.message_accumulator import MessageAccumulator

from consumer.adapters.kafka.publishing.relay import _give_up, _retrieved


async def test_a_batch_that_was_never_taken_up_is_given_up_in_silence() -> None:
    logged: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: logged.append(context))
    batches = MessageAccumulator(ClusterMetadata(), batch_size=1_000, compression_type=0, batch_ttl=60)
    answer = await batches.add_message(TopicPartition("ready", 0), b"key", b"value", timeout=1)
    answer.add_done_callback(_retrieved)
    _give_up(batches)
    await asyncio.sleep(0)
    assert answer.done()
    del batches, answer
    gc.collect()
    assert logged == []
