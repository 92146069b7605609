"""TFRecord files written byte by byte, as the tests of domains need them. TensorFlow's own are in test_tfrecords.py."""

import struct

from helpers.tfrecords import crc32c, masked


def delimited(field, content):
    return bytes([field << 3 | 2]) + number(len(content)) + content


def number(value):
    parts = []
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def example(**features):
    """A tf.train.Example of features with one byte string each."""
    entries = b"".join(
        delimited(1, delimited(1, name.encode()) + delimited(2, delimited(1, delimited(1, value))))
        for name, value in features.items()
    )
    return delimited(1, entries)


def record(payload):
    header = struct.pack("<Q", len(payload))
    sums = [struct.pack("<I", masked(crc32c(part))) for part in (header, payload)]
    return header + sums[0] + payload + sums[1]
