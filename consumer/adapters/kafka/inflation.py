"""How large a compressed batch of records becomes, known before it is unpacked."""

import struct

import cramjam

LARGEST_BATCH_BYTES = 128 * 1024 * 1024
"""A batch that becomes larger is not unpacked: it would take seconds and the memory of the process. 128 of the largest
accepted values go into it."""

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
_XERIAL_HEADER = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES = 16
_LZ4_MOST_RATIO = 255


def inflates_too_much(codec: int, packed: bytes) -> bool:
    """Whether the batch becomes larger than the bound. False for what cannot be told: unpacking it fails anyway."""
    match codec:
        case 1:  # gzip ends in its size
            return len(packed) >= 4 and struct.unpack("<I", packed[-4:])[0] > LARGEST_BATCH_BYTES
        case 2:
            return _snappy_bytes(packed) > LARGEST_BATCH_BYTES
        case 3 if len(packed) * _LZ4_MOST_RATIO <= LARGEST_BATCH_BYTES:
            return False
        case 3 | 4:
            return not _fits(codec, packed)
        case _:
            return False


def _fits(codec: int, packed: bytes) -> bool:
    """Unpacks it, for few producers say the size. Both codecs take a tenth of a second for the bound."""
    room = bytearray(LARGEST_BATCH_BYTES)  # the system gives its pages only where something is written
    unpack = cramjam.lz4.decompress_into if codec == LZ4 else cramjam.zstd.decompress_into
    try:
        unpack(packed, room)
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
