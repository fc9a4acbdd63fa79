"""Batches of records as other clients make them, and as a disk damages them."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer, codec
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

_ATTRIBUTES_AT = 21
_CRC_AT = 17
BODY_AT = 61
CODEC_AT = 22
BAD_NAME = "x-bad-name"
"""A header of this name gets one that is not UTF-8."""

_PACKED: Mapping[int, Callable[[bytes], bytes]] = {
    0: bytes,
    1: codec.gzip_encode,
    2: codec.snappy_encode,
    3: codec.lz4_encode,
    4: codec.zstd_encode,
}

Made = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
"""Key, value, headers."""


def batch(records: Sequence[Made], *, base: int = 0, compression: int = 0) -> bytes:
    """A batch of records whose first has the offset `base`."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=2**30,
    )  # fmt: skip
    for number, (key, value, headers) in enumerate(records):
        assert builder.append(number, timestamp=1_700_000_000_000, key=key, value=value, headers=list(headers))
    made = bytearray(builder.build())
    head, body = made[:BODY_AT], made[BODY_AT:].replace(BAD_NAME.encode(), b"\xff\xfe\xfd-bad\xff\xff\xff")
    packed = _PACKED[compression](bytes(body))
    head[0:8] = base.to_bytes(8, "big")
    head[8:12] = (BODY_AT - 12 + len(packed)).to_bytes(4, "big")
    head[CODEC_AT] |= compression
    return resealed(head + packed)


def resealed(made: bytes | bytearray) -> bytes:
    """With the checksum that fits the content."""
    sealed = bytearray(made)
    sealed[_CRC_AT:_ATTRIBUTES_AT] = calc_crc32c(bytes(sealed[_ATTRIBUTES_AT:])).to_bytes(4, "big")
    return bytes(sealed)


async def send_batch(bootstrap_servers: str, topic: str, partition: int, records: Sequence[Made], **how: Any) -> int:
    """Sends one batch as it is made here; returns the first offset."""
    async with _producer(bootstrap_servers) as producer:
        builder = producer.create_batch()
        for key, value, headers in records:
            builder.append(key=key, value=value, timestamp=None, headers=list(headers))
        builder.close()
        made = batch(records, **how)
        builder._buffer = bytearray(made)
        receipt = await (await producer.send_batch(builder, topic, partition=partition))
        return int(receipt.offset)


@asynccontextmanager
async def _producer(bootstrap_servers: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers, max_batch_size=2**30, max_request_size=2**30, enable_idempotence=False
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()
