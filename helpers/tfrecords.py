"""TFRecord files without TensorFlow: the framing with its checksums, and the protocol buffer tf.train.Example inside.

A record is its length (8 bytes, little-endian), that length's masked CRC-32C (4 bytes), the payload, and the payload's
masked CRC-32C. An Example maps names to lists of bytes, of floats or of integers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from helpers.data_types import DataError

CASTAGNOLI = 0x82F63B78  # the polynomial of CRC-32C, bits reversed
ALL_ONES = 0xFFFFFFFF
MASK_DELTA = 0xA282EAD8
HEADER, FOOTER = 12, 4  # bytes before and after a payload
CHUNK = 256  # bytes that one lane of the vectorised checksum takes
VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5  # the wire types of protocol buffers

Feature = list[bytes] | np.ndarray


def _byte_table() -> np.ndarray:
    """What each value of a byte does to a checksum of 0: (256,) uint32."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(CASTAGNOLI), table >> 1)
    return table


TABLE = _byte_table()
TABLE_INTEGERS = TABLE.tolist()


def crc32c(content: bytes, start: int = ALL_ONES) -> int:
    """The CRC-32C (Castagnoli) of bytes, one by one: for short ones. `crc32c_all` is the fast one for many."""
    state = start
    for byte in content:
        state = TABLE_INTEGERS[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state ^ ALL_ONES


def crc32c_all(contents: Sequence[bytes]) -> list[int]:
    """The CRC-32C of each of several byte strings.

    A checksum is linear over the bits, so all chunks of 256 bytes are computed side by side, each as if it began with 0,
    and then joined: the checksum so far, moved on by 256 zero bytes, xor that of the next chunk.
    """
    counts = [-(-len(content) // CHUNK) for content in contents]
    padded = bytearray(sum(counts) * CHUNK)  # zeros in front don't change a checksum that begins with 0
    ends = np.cumsum([0, *counts]).tolist()
    for content, (begin, end) in zip(contents, pairwise(ends), strict=True):
        first = end * CHUNK - len(content)
        padded[first : end * CHUNK] = content
        for i in range(min(4, len(content))):  # to begin with ones is to flip the first 32 bits
            padded[first + i] ^= 0xFF
        assert first >= begin * CHUNK
    chunks = np.frombuffer(padded, dtype=np.uint8).reshape(-1, CHUNK).T.copy()  # (CHUNK, chunks)
    lanes = np.zeros(chunks.shape[1], dtype=np.uint32)
    for column in chunks:
        lanes = TABLE[(lanes ^ column) & 0xFF] ^ (lanes >> 8)
    values, moved = lanes.tolist(), [table.tolist() for table in _after_zeros(CHUNK)]
    checksums = []
    for content, (begin, end) in zip(contents, pairwise(ends), strict=True):
        if len(content) < 4:
            checksums.append(crc32c(content))
            continue
        state = 0
        for value in values[begin:end]:
            state = (
                moved[0][state & 0xFF]
                ^ moved[1][(state >> 8) & 0xFF]
                ^ moved[2][(state >> 16) & 0xFF]
                ^ moved[3][state >> 24]
                ^ value
            )
        checksums.append(state ^ ALL_ONES)
    return checksums


def _after_zeros(count: int) -> np.ndarray:
    """What becomes of each of a state's four bytes after `count` zero bytes: (4, 256) uint32."""
    states = np.arange(256, dtype=np.uint32) << (8 * np.arange(4, dtype=np.uint32)[:, None])
    for _ in range(count):
        states = TABLE[states & 0xFF] ^ (states >> 8)
    return states


def masked(checksum: int) -> int:
    """A CRC as TFRecord stores it: turned by 15 bits, plus a constant."""
    return (((checksum >> 15) | (checksum << 17)) + MASK_DELTA) & ALL_ONES


def read_records(content: bytes, name: str) -> list[bytes]:
    """Return the payloads of a TFRecord file's content; `name` is for messages.

    Raises DataError where the file is empty, cut short, or a checksum is wrong.
    """
    if not content:
        raise DataError(f"{name} is empty; expected a TFRecord file. Fetch it again.")
    payloads: list[bytes] = []
    sums: list[int] = []
    position = 0
    while position < len(content):
        where = f"record {len(payloads) + 1} (byte {position:,})"
        header = content[position : position + HEADER]
        if len(header) < HEADER:
            raise DataError(_cut(name, where, HEADER, len(header)))
        if struct.unpack("<I", header[8:])[0] != masked(crc32c(header[:8])):
            if position == 0:
                raise DataError(
                    f"{name} is no TFRecord file, or damaged from its first byte on: the checksum of the first record's "
                    "length is wrong. Expected an uncompressed .tfrec or .tfrecord file; fetch it again."
                )
            raise DataError(f"{name}: the checksum of the length of {where} is wrong: damaged. Fetch it again.")
        length = struct.unpack("<Q", header[:8])[0]
        rest = content[position + HEADER : position + HEADER + length + FOOTER]
        if len(rest) < length + FOOTER:
            raise DataError(_cut(name, where, HEADER + length + FOOTER, HEADER + len(rest)))
        payloads.append(rest[:length])
        sums.append(struct.unpack("<I", rest[length:])[0])
        position += HEADER + length + FOOTER
    for i, (found, stored) in enumerate(zip(crc32c_all(payloads), sums, strict=True)):
        if masked(found) != stored:
            raise DataError(f"{name}: the checksum of record {i + 1} of {len(sums)} is wrong: damaged. Fetch it again.")
    return payloads


def _cut(name: str, where: str, expected: int, found: int) -> str:
    return f"{name} is cut short: {where} should have {expected:,} bytes, and {found:,} are left. Fetch it again."


def parse_example(payload: bytes, name: str) -> dict[str, Feature]:
    """Return the features of a serialised tf.train.Example: name → list of bytes, float32 array or int64 array.

    `name` is for messages. Raises DataError where the payload is none.
    """
    features: dict[str, Feature] = {}
    try:
        for content in _delimited(payload, 1):  # Example.features
            for entry in _delimited(content, 1):  # Features.feature, a map
                key = b"".join(_delimited(entry, 1)[-1:]).decode("utf-8")
                features[key] = _feature(b"".join(_delimited(entry, 2)[-1:]))
    except (ValueError, IndexError, struct.error) as error:  # a UnicodeDecodeError is a ValueError
        raise DataError(f"{name} is no tf.train.Example ({error}). Expected features such as image.") from error
    return features


def _feature(message: bytes) -> Feature:
    """Return a tf.train.Feature's values, of whichever of its three kinds it has."""
    for field, wire, value in _fields(message):
        if wire != DELIMITED:
            continue
        if field == 1:
            return _delimited(value, 1)
        if field == 2:
            parts = [part for number, _, part in _fields(value) if number == 1]
            return np.frombuffer(b"".join(parts), dtype="<f4").astype(np.float32)
        if field == 3:
            numbers: list[int] = []
            for number, kind, part in _fields(value):
                if number == 1:
                    numbers += [part] if kind == VARINT else _varints(part)
            return np.array([n - (1 << 64) if n >= 1 << 63 else n for n in numbers], dtype=np.int64)
    return []


def _delimited(message: bytes, field: int) -> list[bytes]:
    """Return the values of a message's length-delimited field of this number."""
    return [value for number, wire, value in _fields(message) if number == field and wire == DELIMITED]


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes | int]]:
    """Yield field number, wire type and value (an integer for a varint, else bytes) of each field of a message.

    Raises ValueError where the message ends within a field, or has a wire type that isn't used any more.
    """
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        wire = tag & 7
        if wire == VARINT:
            number, position = _varint(message, position)
            yield tag >> 3, wire, number
            continue
        if wire == DELIMITED:
            length, position = _varint(message, position)
        elif wire in (FIXED32, FIXED64):
            length = 4 if wire == FIXED32 else 8
        else:
            raise ValueError(f"wire type {wire}")
        if position + length > len(message):
            raise ValueError("a field longer than the message")
        yield tag >> 3, wire, message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """Return the integer that begins here, seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise ValueError("the message ends within a number")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a number of more than ten bytes")


def _varints(message: bytes) -> list[int]:
    numbers, position = [], 0
    while position < len(message):
        number, position = _varint(message, position)
        numbers.append(number)
    return numbers
