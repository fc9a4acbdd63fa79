"""How large a compressed batch of records becomes, known before it is unpacked."""

import struct
from collections.abc import Callable

import cramjam
from aiokafka.record.default_records import DefaultRecordBase as Codec

LARGEST_BATCH_BYTES = 128 * 1024 * 1024
"""A batch that becomes larger is not unpacked: it would take seconds and the memory of the process. 128 of the largest
accepted values go into it."""

_XERIAL_HEADER = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES = 16
_LZ4_MOST_RATIO = 255


def inflates_too_much(codec: int, packed: memoryview) -> bool:
    """Whether the batch becomes larger than the bound. False for what cannot be told: unpacking it fails anyway."""
    match codec:
        case Codec.CODEC_GZIP:  # it ends in its size
            return len(packed) >= 4 and struct.unpack("<I", packed[-4:])[0] > LARGEST_BATCH_BYTES
        case Codec.CODEC_SNAPPY:
            return _snappy_bytes(bytes(packed)) > LARGEST_BATCH_BYTES
        case Codec.CODEC_LZ4:
            may_be = len(packed) * _LZ4_MOST_RATIO > LARGEST_BATCH_BYTES
            return may_be and not _fits(cramjam.lz4.decompress_into, bytes(packed))
        case Codec.CODEC_ZSTD:
            return not _fits(cramjam.zstd.decompress_into, bytes(packed))
        case _:
            return False


def _fits(unpack_into: Callable[[bytes, bytearray], int], packed: bytes) -> bool:
    """Unpacks it, for few producers say the size. Both codecs take a tenth of a second for the bound."""
    room = bytearray(LARGEST_BATCH_BYTES)  # the system gives its pages only where something is written
    try:
        unpack_into(packed, room)
    except cramjam.DecompressionError as error:
        return "whole buffer" not in str(error)
    return True


def _snappy_bytes(packed: bytes) -> int:
    """The sum of the sizes that its blocks tell."""
    if not packed.startswith(_XERIAL_HEADER):
        return _varint(packed, 0)
    size, at = 0, _XERIAL_HEADER_BYTES
    while at + 4 <= len(packed):
        (length,) = struct.unpack_from(">i", packed, at)
        size += _varint(packed, at + 4)
        at += 4 + max(length, 0)
    return size


def _varint(data: bytes, at: int) -> int:
    value = 0
    for shift, byte in enumerate(data[at : at + 5]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            break
    return value
