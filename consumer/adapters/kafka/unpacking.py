"""Takes fetched batches apart, so that a record that cannot be read costs itself alone.

The client raises for such a record, whenever its partition is read, for ever. Here an `UnreadableValue` stands in its
place, with its offset, and its neighbours are read. A checksum and a compression cover a whole batch: where they fail,
every record of the batch is unreadable. A batch whose checksum fails is fetched a second time first.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import lt
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, KafkaError
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint_py

from consumer.adapters.kafka.inflation import LARGEST_BATCH_BYTES, inflates_too_much
from consumer.domain.events import UnreadableValue
from schemas.dead_letters import RefusalReason

_HEAD = struct.Struct(">qiibIhiqqqhii")
"""Base offset, length, leader's epoch, magic, checksum, attributes, last offset's delta, times, producer, its epoch,
sequence, number of records."""
_LENGTH_AT, _LENGTH_FROM = 8, 12
_MAGIC_AT = 16
_MOST_SUSPECTS = 1_000
_MOST_PASSED_OVER = 100_000
"""A damaged head may tell any number of records; of more than these it is not believed."""

_Trace = tuple[int, int]
"""By which a damaged batch is known again: its length and a checksum over all of it."""


def keep_readable() -> None:
    """Makes the client's fetcher use this file, for every consumer of the process. May be repeated."""
    if fetcher.MemoryRecords is MemoryRecords:
        suspects: set[_Trace] = set()
        fetcher.MemoryRecords = lambda data: _FetchedRecords(data, suspects)
        fetcher.PartitionRecords = _PartitionRecords


class _PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc] # aiokafka ships no types
    """As the client's, but tells its records where reading begins."""

    def __init__(self, partition: Any, records: "_FetchedRecords", aborted: Any, fetch_offset: int, *rest: Any) -> None:
        records.begins_at = fetch_offset
        super().__init__(partition, records, aborted, fetch_offset, *rest)


@dataclass(slots=True)
class _InItsPlace:
    """Stands for a record that cannot be read; has what the client asks of a record."""

    offset: int
    value: UnreadableValue
    key: None = None
    timestamp: int = -1
    timestamp_type: int = 0
    checksum: None = None
    headers: tuple[()] = ()


class _FetchedRecords:
    """The batches of one answer of the broker, with the interface of the client's `MemoryRecords`."""

    def __init__(self, data: bytes, suspects: set[_Trace]) -> None:
        self.begins_at = 0
        """The next offset to read."""
        self._data = memoryview(data)
        self._suspects = suspects
        self._records = MemoryRecords(data)
        self._read = 0
        self._is_over = False

    def size_in_bytes(self) -> int:
        return len(self._data)

    def has_next(self) -> bool:
        """True for a first batch without a sound head, too: a broker always answers with a whole one."""
        return not self._is_over and (self._records.has_next() or (self._read == 0 and len(self._data) > _LENGTH_FROM))

    def next_batch(self) -> Any:
        if not self._records.has_next():
            return self._unreadable_from(self._data[:64])
        (length,) = struct.unpack_from(">i", self._data, self._read + _LENGTH_AT)
        raw = self._data[self._read : self._read + _LENGTH_FROM + length]
        self._read += len(raw)
        batch = self._next_sound()
        if batch is None:
            return self._unreadable_from(raw)
        self.begins_at = max(self.begins_at, batch.next_offset)
        return _Batch(batch, lambda: _records_of(batch, raw)) if raw[_MAGIC_AT] >= 2 else batch

    def _next_sound(self) -> Any:
        """The next batch; None when it is damaged."""
        try:
            batch = self._records.next_batch()
            return batch if batch.validate_crc() else None
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - a damaged version number makes the client read another format
            return None

    def _unreadable_from(self, raw: memoryview) -> Any:
        """At first nothing, so that it is fetched again: the damage may have happened on the way."""
        self._is_over = True  # what follows is fetched anew
        trace = (len(raw), zlib.crc32(raw))
        if trace not in self._suspects:
            if len(self._suspects) >= _MOST_SUSPECTS:
                self._suspects.clear()
            self._suspects.add(trace)
            return _Nothing(self.begins_at)
        self._suspects.discard(trace)
        offsets = _offsets_of(raw, self.begins_at)
        damage = UnreadableValue.because(RefusalReason.CORRUPT, "the broker hands it out damaged: its checksum fails")
        return _Batch(None, lambda: [_InItsPlace(offset, damage) for offset in offsets], next_offset=offsets[-1] + 1)


class _Nothing:
    """A batch that the client passes over without moving."""

    producer_id = None
    is_control_batch = True
    is_transactional = False

    def __init__(self, begins_at: int) -> None:
        self.base_offset = self.next_offset = begins_at

    def validate_crc(self) -> bool:
        return True


class _Batch:
    """A batch whose records are unpacked at once, when the client begins to read it."""

    def __init__(self, batch: Any, unpack: Callable[[], Sequence[Any]], *, next_offset: int | None = None) -> None:
        self._unpack = unpack
        self._control = batch
        self.producer_id = batch.producer_id if batch else None
        self.base_offset = batch.base_offset if batch else 0
        self.is_control_batch = bool(batch and batch.is_control_batch)
        self.is_transactional = bool(batch and batch.is_transactional)
        self.next_offset = batch.next_offset if next_offset is None else next_offset

    def validate_crc(self) -> bool:
        return True  # it has been by now

    def __iter__(self) -> Iterator[Any]:
        return iter(self._unpack())

    def __next__(self) -> Any:
        return next(self._control)  # the client reads a control batch so


def _offsets_of(raw: memoryview, begins_at: int) -> range:
    """The offsets that a damaged batch holds, from where reading begins; that one alone where its head is no use."""
    alone = range(begins_at, begins_at + 1)
    if len(raw) < _HEAD.size:
        return alone
    base, _, _, _, _, _, delta, *_, number = _HEAD.unpack_from(raw)
    end = base + number
    if delta + 1 != number or not begins_at < end <= begins_at + _MOST_PASSED_OVER:
        return alone
    return range(max(base, begins_at), end)


def _records_of(batch: Any, raw: memoryview) -> Sequence[Any]:
    codec = batch.compression_type
    if codec and inflates_too_much(codec, raw[_HEAD.size :]):
        error = f"its batch of records becomes larger than {LARGEST_BATCH_BYTES} bytes when it is unpacked"
        return _all_of(raw, UnreadableValue.because(RefusalReason.TOO_LARGE, error))
    try:
        records = list(batch)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - codecs raise errors of any kind
        return _one_by_one(raw, error)
    offsets = [record.offset for record in records]
    span = _span(raw)
    if offsets and (offsets[0] < span[0] or offsets[-1] > span[-1] or not all(map(lt, offsets, offsets[1:]))):
        return _one_by_one(raw, CorruptRecordException())
    return records


def _one_by_one(raw: memoryview, error: Exception) -> Sequence[Any]:
    """Reads each record by itself."""
    tolerant = _TolerantBatch(raw)
    try:
        iter(tolerant)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001
        kind = f"its batch of records cannot be unpacked: {type(error).__name__}"
        known = isinstance(error, KafkaError)  # its text is the client's own words
        return _all_of(raw, UnreadableValue.because(RefusalReason.CORRUPT, f"{kind}: {error}" if known else kind))
    span = _span(raw)
    read: dict[int, Any] = {}
    for record in tolerant:
        if record.offset in span and record.offset not in read:
            read[record.offset] = record
        else:
            tolerant.is_damaged = True
    if tolerant.is_damaged:
        damage = UnreadableValue.because(RefusalReason.CORRUPT, "its batch of records is damaged")
        read = {offset: _InItsPlace(offset, damage) for offset in span} | read
    return [read[offset] for offset in sorted(read)]


def _all_of(raw: memoryview, damage: UnreadableValue) -> Sequence[Any]:
    return [_InItsPlace(offset, damage) for offset in _span(raw)]


def _span(raw: memoryview) -> range:
    base, _, _, _, _, _, delta, *_ = _HEAD.unpack_from(raw)
    return range(base, base + min(delta, _MOST_PASSED_OVER) + 1)


class _TolerantBatch(_DefaultRecordBatchPy):  # type: ignore[misc] # aiokafka ships no types
    """A batch in which a record that cannot be read is stepped over by its length."""

    is_damaged = False
    _is_at_its_end = False

    def __next__(self) -> Any:
        if self._next_record_index >= self._num_records or self._is_at_its_end:
            raise StopIteration
        start = self._pos
        self._next_record_index += 1
        try:
            return self._read_msg(decode_varint_py)  # hazard: the native one reads beyond the end of the batch
        except (ValueError, IndexError, CorruptRecordException) as error:
            return self._in_its_place(start, error)

    def _in_its_place(self, start: int, error: Exception) -> _InItsPlace:
        try:
            self._pos, offset = self._step_over(start)
        except (ValueError, IndexError):
            self.is_damaged = self._is_at_its_end = True
            raise StopIteration from None
        why = "a header's name is not UTF-8" if isinstance(error, UnicodeDecodeError) else "its structure is broken"
        return _InItsPlace(offset, UnreadableValue.because(RefusalReason.UNDECODABLE, why))

    def _step_over(self, start: int) -> tuple[int, int]:
        """Where the next record begins, and this one's offset. Raises IndexError or ValueError where none is told."""
        length, begin = decode_varint_py(self._buffer, start)
        _, at = decode_varint_py(self._buffer, begin)  # attributes
        _, at = decode_varint_py(self._buffer, at)  # time
        delta, _ = decode_varint_py(self._buffer, at)
        if length <= 0 or begin + length > len(self._buffer):
            raise IndexError
        return begin + length, self.base_offset + delta
