"""Whatever a batch holds, each offset is read once: as a record, or as one that cannot be read."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.adapters.kafka import inflation
from consumer.adapters.kafka.unpacking import keep_readable
from consumer.domain.events import UnreadableValue
from tests.support.batches import BAD_NAME, BODY_AT, CODEC_AT, Made, batch, resealed

READ_COMMITTED = 1
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4


@pytest.fixture(autouse=True, scope="module")
def _readable() -> None:
    keep_readable()


class Log:
    """A partition's batches, as a broker hands them out: from the batch that holds an offset on."""

    def __init__(self, *batches: bytes, ends: Sequence[int]) -> None:
        self._batches = batches
        self._ends = ends

    def read(self) -> dict[int, Any]:
        """The values by offset, fetched again and again until the end."""
        values: dict[int, Any] = {}
        at = fetches = 0
        while at < self._ends[-1]:
            fetches += 1
            assert fetches < 3 * self._ends[-1] + 10, f"it stands at {at}"
            first = next(number for number, end in enumerate(self._ends) if at < end)
            records = fetcher.MemoryRecords(b"".join(self._batches[first:]))
            assert records.has_next()
            unpacked = fetcher.PartitionRecords(
                TopicPartition("t", 0), records, [], at, None, None, True, READ_COMMITTED
            )
            for record in unpacked:
                assert record.offset not in values
                values[record.offset] = record.value
            assert unpacked.next_fetch_offset >= at
            at = unpacked.next_fetch_offset
        return values


def plain(count: int, name: str = "v") -> list[Made]:
    return [(b"k", f"{name}{number}".encode(), [("h", b"x")]) for number in range(count)]


def reasons(values: dict[int, Any]) -> dict[int, str]:
    return {offset: value.reason.value for offset, value in values.items() if isinstance(value, UnreadableValue)}


@pytest.mark.parametrize("codec", [0, GZIP, SNAPPY, LZ4, ZSTD])
def test_a_header_name_that_is_not_utf_8_costs_its_record(codec: int) -> None:
    records = plain(5)
    records[2] = (b"k", b"bad", [(BAD_NAME, b"x")])
    values = Log(
        batch(plain(3)), batch(records, base=3, compression=codec), batch(plain(2), base=8), ends=[3, 8, 10]
    ).read()
    assert sorted(values) == list(range(10))
    assert reasons(values) == {5: "undecodable"}
    assert bytes(values[6]) == b"v3"


def test_a_batch_whose_checksum_fails_twice_costs_its_records() -> None:
    damaged = bytearray(batch(plain(4), base=3))
    damaged[-3] ^= 0xFF
    values = Log(batch(plain(3)), bytes(damaged), batch(plain(2), base=7), ends=[3, 7, 9]).read()
    assert sorted(values) == list(range(9))
    assert reasons(values) == dict.fromkeys(range(3, 7), "corrupt")


def test_a_batch_that_was_damaged_on_the_way_is_fetched_again() -> None:
    sound = batch(plain(2))
    damaged = bytearray(sound)
    damaged[-3] ^= 0xFF
    first = fetcher.MemoryRecords(bytes(damaged))
    unpacked = fetcher.PartitionRecords(TopicPartition("t", 0), first, [], 0, None, None, True, READ_COMMITTED)
    assert (list(unpacked), unpacked.next_fetch_offset) == ([], 0)
    assert reasons(Log(sound, ends=[2]).read()) == {}


@pytest.mark.failure(45)
def test_a_compression_that_nobody_knows_costs_its_batch() -> None:
    strange = bytearray(batch(plain(3)))
    strange[CODEC_AT] |= 6
    values = Log(resealed(strange), batch(plain(2), base=3), ends=[3, 5]).read()
    assert reasons(values) == dict.fromkeys(range(3), "corrupt")
    assert len(values) == 5


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
@pytest.mark.failure(46)
def test_a_batch_that_inflates_costs_itself_and_no_memory(codec: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflation, "LARGEST_BATCH_BYTES", 3_000_000)
    large = batch([(b"k", bytes(4_000_000), [])], compression=codec)
    fits = batch([(b"k", bytes(2_000_000), [])], base=1, compression=codec)
    values = Log(large, fits, ends=[1, 2]).read()
    assert reasons(values) == {0: "too_large"}


@settings(max_examples=200)
@given(
    codec=st.sampled_from([0, GZIP, LZ4]),
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=4),
    sealed=st.booleans(),
)
@pytest.mark.failure(13, 45)
def test_whatever_bytes_are_damaged_the_neighbours_are_read(
    codec: int, flips: list[tuple[int, int]], *, sealed: bool
) -> None:
    """Also with a checksum that fits: then the producer wrote nonsense behind a head that the broker has checked."""
    damaged = bytearray(batch(plain(6), base=3, compression=codec))
    for at, mask in flips:
        first = BODY_AT if sealed else 12  # a broker finds its batches by the first twelve
        damaged[first + at % (len(damaged) - first)] ^= mask
    middle = resealed(damaged) if sealed else bytes(damaged)
    values = Log(batch(plain(3)), middle, batch(plain(2), base=9), ends=[3, 9, 11]).read()
    assert [bytes(values[offset]) for offset in (0, 1, 2, 9, 10)] == [b"v0", b"v1", b"v2", b"v0", b"v1"]
