"""The reader of TFRecords: the same as TensorFlow's own, known checksums, and what is refused."""

import numpy as np
import pytest
from image_files import encoded, noise
from tfrecord_files import delimited, example, record

from helpers import data, tfrecords
from helpers.data_types import DataError
from helpers.tfrecords import crc32c, crc32c_all, parse_example, read_records


@pytest.mark.parametrize(
    ("content", "checksum"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),  # this and the next two: RFC 3720, appendix B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_checksums_are_the_published_ones(content, checksum):
    assert crc32c(content) == checksum
    assert crc32c_all([content]) == [checksum]


def test_fast_checksums_are_those_byte_by_byte():
    rng = np.random.default_rng(0)
    contents = [rng.bytes(size) for size in (0, 1, 3, 4, 5, 255, 256, 257, 512, 1000, 5000)]
    assert crc32c_all(contents) == [crc32c(content) for content in contents]
    assert crc32c_all([]) == []


def test_what_tensorflow_writes_is_read(tmp_path):
    import tensorflow as tf

    written = [
        {
            "image": [bytes(range(256)) * size, b""],
            "image_name": [f"gemälde {size}".encode()],
            "floats": np.linspace(-1, 1, size + 1, dtype=np.float32),
            "integers": np.array([0, size, -size, 2**62, -(2**63)], dtype=np.int64),
            "größe": [b"x"],
            "nothing": [],
        }
        for size in (0, 1, 7, 100)
    ]

    def feature(value):
        if isinstance(value, list):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=value))
        if value.dtype == np.float32:
            return tf.train.Feature(float_list=tf.train.FloatList(value=value))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=value))

    path = tmp_path / "written.tfrec"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for features in written:
            named = {name: feature(value) for name, value in features.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=named)).SerializeToString())
        writer.write(b"")
    *payloads, last = read_records(path.read_bytes(), path.name)
    assert last == b"" and len(payloads) == len(written)
    for payload, features in zip(payloads, written, strict=True):
        found = parse_example(payload, path.name)
        assert set(found) == set(features)
        for name, value in features.items():
            if isinstance(value, list):
                assert found[name] == value
            else:
                assert found[name].dtype == value.dtype and np.array_equal(found[name], value)


def test_kaggle_s_files_as_tensorflow_writes_them(tmp_path, own_cache):
    import tensorflow as tf

    def feature(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    shown = {}
    for side, count in (("monet", 12), ("photo", 25)):
        folder = tmp_path / "monet2photo" / f"{side}_tfrec"
        folder.mkdir(parents=True)
        for part in range(2):
            with tf.io.TFRecordWriter(str(folder / f"{side}{part:02}-{count}.tfrec")) as writer:
                for i in range(part, count, 2):
                    image = encoded(noise((256, 256), seed=count * 100 + i), "JPEG", quality=95)
                    shown[f"{side}{i}"] = image
                    features = {"image": feature(image), "image_name": feature(f"{side}{i}".encode())}
                    features["target"] = feature(side.encode())
                    writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    found = data.load_domains("monet2photo", folder=tmp_path / "monet2photo", resolution=256, quiet=True)
    assert [len(s) for s in (found.train_a, found.test_a, found.train_b, found.test_b)] == [11, 1, 23, 2]
    assert found.names == ("Monet", "photos") and not found.paired
    for split in (found.train_a, found.test_b):
        for image, name in zip(split.images, split.attributes["name"], strict=True):
            whole = tf.io.decode_jpeg(shown[name.split("/")[-1]]).numpy().astype(int)
            assert np.abs(image - whole).mean() < 4  # two decoders; other images differ by 80


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 30])
def test_a_file_cut_short_is_named(cut):
    content = record(b"first") + record(b"a payload of 24 bytes ..")
    assert read_records(content, "x.tfrec") == [b"first", b"a payload of 24 bytes .."]
    with pytest.raises(DataError, match=r"x\.tfrec is cut short: record 2 .*should have .*are left\. Fetch it again"):
        read_records(content[:-cut], "x.tfrec")


def test_wrong_checksums_are_named():
    content = bytearray(record(b"first") + record(b"a second payload"))
    for position, message in (
        (0, "no TFRecord file, or damaged"),
        (12, "checksum of record 1 of 2 is wrong"),
        (17, "checksum of record 1 of 2 is wrong"),
        (22, "length of record 2 .* is wrong"),
        (len(content) - 1, "checksum of record 2 of 2 is wrong"),
    ):
        damaged = bytearray(content)
        damaged[position] ^= 1
        with pytest.raises(DataError, match=message):
            read_records(bytes(damaged), "x.tfrec")


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"\x89PNG" * 20, "no TFRecord file")])
def test_other_files_are_named(content, message):
    with pytest.raises(DataError, match=f"x.tfrec .*{message}" if content else f"x.tfrec {message}"):
        read_records(content, "x.tfrec")


@pytest.mark.parametrize("payload", [b"\x0a\xff", b"\x0f", b"\x0a\x05ab", b"\xff" * 12, delimited(1, b"\x0a\x20a")])
def test_payloads_that_are_no_examples_are_named(payload):
    with pytest.raises(DataError, match=r"record 3 is no tf\.train\.Example"):
        parse_example(payload, "record 3")


def test_features_in_other_wire_forms_are_read():
    """Numbers one by one instead of packed, unknown fields, a key given twice: the last one counts."""
    integers = b"\x08\x05\x08\x07"  # field 1, varints 5 and 7
    floats = b"\x0d" + np.float32(1.5).tobytes() + b"\x0d" + np.float32(-2).tobytes()
    unknown = b"\x19" + bytes(8)  # field 3, eight fixed bytes
    entries = [
        delimited(1, b"i") + unknown + delimited(2, delimited(3, integers)),
        delimited(1, b"f") + delimited(2, unknown + delimited(2, floats)),
        delimited(1, b"i") + delimited(2, delimited(3, integers[2:])),
        delimited(1, b"empty") + delimited(2, b""),
    ]
    found = parse_example(delimited(1, b"".join(delimited(1, entry) for entry in entries)), "x")
    assert found["i"].tolist() == [7] and found["f"].tolist() == [1.5, -2.0] and found["empty"] == []
    assert parse_example(example(image=b"abc", name=b"x"), "x") == {"image": [b"abc"], "name": [b"x"]}
    assert tfrecords.parse_example(b"", "x") == {}
