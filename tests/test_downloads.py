"""Downloads against a server on this machine: whole, interrupted, cut off, wrong, missing; and arrays in the cache."""

import gzip
import hashlib
import http.server
import re
import threading
from dataclasses import replace

import numpy as np
import pytest

from helpers import data, data_sources, downloads
from helpers.data_types import DataError
from helpers.downloads import DownloadError, fetch, load_arrays, save_arrays

CONTENT = np.random.default_rng(0).bytes(300_000)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.files`; the server's settings say how badly."""

    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.requests.append((self.path, wanted))
        content = server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = 0
        if wanted and server.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if server.ranges:
            self.send_header("Accept-Ranges", "bytes")
        body = content[start:]
        if server.says_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else None
        self.wfile.write(body[:cut])

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    """A server that says nothing when its client hangs up."""

    def handle_error(self, request, client_address):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    running = Server(("127.0.0.1", 0), Handler)
    running.files, running.requests = {"/set.gz": CONTENT}, []
    running.ranges, running.says_length, running.cuts = True, True, []
    running.url = f"http://127.0.0.1:{running.server_port}/"
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()


def get(server, path, **settings):
    settings = {"sha256": sha256(CONTENT), "size": len(CONTENT), "quiet": True, "timeout": 5} | settings
    return fetch([server.url + "set.gz"], path, **settings)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_download_gives_the_whole_file_and_nothing_else(server, tmp_path):
    path = get(server, tmp_path / "deep" / "set.gz")
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == ["set.gz"]


def test_a_file_that_is_there_and_right_is_not_fetched_again(server, tmp_path):
    get(server, tmp_path / "set.gz")
    get(server, tmp_path / "set.gz")
    assert len(server.requests) == 1


def test_a_damaged_file_is_replaced(server, tmp_path):
    path = tmp_path / "set.gz"
    path.write_bytes(CONTENT[:-1] + b"?")
    assert get(server, path).read_bytes() == CONTENT


def test_an_interrupted_download_goes_on_where_it_stopped(server, tmp_path):
    server.cuts = [100_000]
    assert get(server, tmp_path / "set.gz").read_bytes() == CONTENT
    assert [wanted for _, wanted in server.requests] == [None, "bytes=100000-"]
    assert names(tmp_path) == ["set.gz"]


def test_what_arrived_is_kept_for_the_next_try(server, tmp_path):
    server.cuts = [40_000] * downloads.TRIES
    with pytest.raises(DownloadError, match="200,000 of 300,000 bytes are kept"):
        get(server, tmp_path / "set.gz")
    assert names(tmp_path) == ["set.gz.part"]
    assert (tmp_path / "set.gz.part").stat().st_size == 200_000
    assert get(server, tmp_path / "set.gz").read_bytes() == CONTENT
    assert server.requests[-1][1] == "bytes=200000-"
    assert names(tmp_path) == ["set.gz"]


def test_what_arrived_is_kept_while_the_network_is_away(server, tmp_path):
    (tmp_path / "set.gz.part").write_bytes(CONTENT[:5000])
    with pytest.raises(DownloadError, match="5,000 of 300,000 bytes are kept"):
        fetch(["http://127.0.0.1:9/set.gz"], tmp_path / "set.gz", sha256(CONTENT), len(CONTENT), quiet=True)
    assert names(tmp_path) == ["set.gz.part"]


def test_the_part_of_a_process_that_died_is_taken_over(server, tmp_path, monkeypatch):
    (tmp_path / "set.gz.1-abcd.part").write_bytes(CONTENT[:5000])
    monkeypatch.setattr(downloads, "STALE_SECONDS", -1)
    assert get(server, tmp_path / "set.gz").read_bytes() == CONTENT
    assert server.requests == [("/set.gz", "bytes=5000-")]
    assert names(tmp_path) == ["set.gz"]


def test_the_part_of_a_living_process_is_left_alone(server, tmp_path):
    (tmp_path / "set.gz.1-abcd.part").write_bytes(CONTENT[:5000])
    assert get(server, tmp_path / "set.gz").read_bytes() == CONTENT
    assert names(tmp_path) == ["set.gz", "set.gz.1-abcd.part"]


def test_without_ranges_an_interrupted_download_starts_again(server, tmp_path):
    server.ranges, server.cuts = False, [100_000]
    assert get(server, tmp_path / "set.gz").read_bytes() == CONTENT
    assert names(tmp_path) == ["set.gz"]


def test_without_ranges_a_truncated_download_leaves_nothing(server, tmp_path):
    server.ranges, server.cuts = False, [100_000] * 20
    with pytest.raises(DownloadError, match="ended after 100,000 of 300,000 bytes"):
        get(server, tmp_path / "set.gz")
    assert names(tmp_path) == []
    assert len(server.requests) == 2


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupt_by_the_user_leaves_no_half_file(server, tmp_path, monkeypatch, ranges):
    class Interrupted:
        def __init__(self, blocks, label, total):
            self.blocks = blocks

        def __iter__(self):
            yield next(self.blocks)
            raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "MEGABYTE", 1 << 16)
    monkeypatch.setattr(downloads, "Progress", Interrupted)
    server.ranges = ranges
    with pytest.raises(KeyboardInterrupt):
        get(server, tmp_path / "set.gz", quiet=False)
    assert names(tmp_path) == (["set.gz.part"] if ranges else [])
    if ranges:
        assert CONTENT.startswith((tmp_path / "set.gz.part").read_bytes())


def test_wrong_content_is_removed_and_named(server, tmp_path):
    server.files["/set.gz"] = CONTENT[::-1]
    with pytest.raises(DownloadError, match="wrong content.*SHA-256.*removed") as caught:
        get(server, tmp_path / "set.gz")
    assert server.url in str(caught.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize(
    ("size", "says_length", "message"),
    [(600_000, True, "offers 600,000"), (600_000, False, "more than"), (6, True, "offers 6"), (6, False, "ended")],
)
def test_a_file_of_another_size_is_refused(server, tmp_path, size, says_length, message, ranges):
    server.files["/set.gz"], server.ranges, server.says_length = (2 * CONTENT)[:size], ranges, says_length
    with pytest.raises(DownloadError, match=message):
        get(server, tmp_path / "set.gz")
    assert names(tmp_path) == (["set.gz.part"] if ranges and message == "ended" else [])


def test_a_damaged_file_does_not_stay_when_there_is_no_other(server, tmp_path):
    (tmp_path / "set.gz").write_bytes(b"damaged")
    server.files.clear()
    with pytest.raises(DownloadError, match="404"):
        get(server, tmp_path / "set.gz")
    assert names(tmp_path) == []


def test_only_http_addresses_are_opened(tmp_path):
    (tmp_path / "secret").write_bytes(CONTENT)
    with pytest.raises(DownloadError, match="not an http address"):
        fetch([(tmp_path / "secret").as_uri()], tmp_path / "set.gz", sha256(CONTENT), len(CONTENT), quiet=True)
    assert names(tmp_path) == ["secret"]


def test_a_missing_file_is_named_with_the_answer(server, tmp_path):
    server.files.clear()
    with pytest.raises(DownloadError, match=r"set\.gz could not be downloaded:\n.*the server answered 404"):
        get(server, tmp_path / "set.gz")
    assert names(tmp_path) == []


def test_the_next_address_is_tried(server, tmp_path):
    urls = ["http://127.0.0.1:9/set.gz", server.url + "absent.gz", server.url + "set.gz"]
    path = fetch(urls, tmp_path / "set.gz", sha256(CONTENT), len(CONTENT), quiet=True)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("size", [7, len(CONTENT), len(CONTENT) + 1])
def test_a_part_of_something_else_is_thrown_away(server, tmp_path, size):
    (tmp_path / "set.gz.part").write_bytes(b"x" * size)
    assert get(server, tmp_path / "set.gz").read_bytes() == CONTENT
    assert names(tmp_path) == ["set.gz"]


def test_a_cache_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DownloadError, match="COURSE_CACHE"):
        get(server, tmp_path / "cache" / "set.gz")


# --- whole sets


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


@pytest.fixture
def tiny_sets(server, tmp_path, monkeypatch):
    """MNIST and Fashion-MNIST of 30 + 10 images on the local server, an empty cache, no other place to find them."""
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (30, 28, 28), np.uint8), np.arange(30, dtype=np.uint8) % 10]
    arrays += [rng.integers(0, 256, (10, 28, 28), np.uint8), np.arange(10, dtype=np.uint8)]
    files = [idx(array) for array in arrays]
    server.files = {f"/{part}.gz": content for part, content in zip(data_sources.PARTS, files, strict=True)}
    checks = tuple((sha256(content), len(content)) for content in files)
    for name, spec in list(data.IDX_SETS.items()):
        monkeypatch.setitem(data.IDX_SETS, name, replace(spec, mirrors=(server.url,), checks=checks, debian=None))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_DATA", raising=False)
    return arrays


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_full_set_is_downloaded_once(server, tiny_sets, name, capsys):
    for _ in range(2):
        full = data.load(name, prefer="full")
        assert full.variant == "full"
        assert np.array_equal(full.train.images[..., 0], tiny_sets[0])
        assert np.array_equal(full.test.labels, tiny_sets[3])
        assert full.train.labels.dtype == np.int64
    assert len(server.requests) == 4
    assert "NOTICE" not in capsys.readouterr().out


def test_a_damaged_file_in_the_cache_is_fetched_again(server, tiny_sets, tmp_path):
    data.load("mnist", prefer="full", quiet=True)
    path = tmp_path / "cache" / "mnist" / f"{data_sources.PARTS[0]}.gz"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    assert np.array_equal(data.load("mnist", prefer="full", quiet=True).train.images[..., 0], tiny_sets[0])
    assert len(server.requests) == 5


@pytest.mark.parametrize("damaged_cache", [True, False])
def test_without_a_network_mnist_falls_back_loudly(server, tiny_sets, tmp_path, capsys, damaged_cache):
    if damaged_cache:
        data.load("mnist", prefer="full", quiet=True)
        (tmp_path / "cache" / "mnist" / f"{data_sources.PARTS[2]}.gz").write_bytes(b"damaged")
    server.files.clear()
    fallback = data.load("mnist", prefer="full", quiet=True)
    assert (fallback.variant, len(fallback.train)) == ("embedded", 4000)
    out = capsys.readouterr().out
    assert "*** NOTICE" in out and "5,000 embedded digits" in out and "404" in out and "COURSE_DATA" in out


@pytest.mark.parametrize("prefer", ["embedded", "full"])
def test_without_a_network_fashion_mnist_says_what_to_do(server, tiny_sets, prefer):
    server.files.clear()
    with pytest.raises(DataError) as caught:
        data.load("fashion_mnist", prefer=prefer)
    network = 'prefer="full"' if prefer == "embedded" else "404"
    for hint in ("apt install dataset-fashion-mnist", "COURSE_DATA", network):
        assert hint in str(caught.value)


# --- arrays in the cache


def test_arrays_come_back_as_they_were(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.uint8).reshape(2, 3), "b": np.array(["x", "longer"])}
    for compress in (True, False):
        assert save_arrays(tmp_path / "sub" / "a.npz", arrays, compress)
        loaded = load_arrays(tmp_path / "sub" / "a.npz", ["a", "b"])
        assert all(np.array_equal(loaded[name], arrays[name]) for name in arrays)
    assert names(tmp_path / "sub") == ["a.npz"]


def test_damaged_arrays_are_not_loaded(tmp_path):
    path = tmp_path / "a.npz"
    assert load_arrays(path, ["a"]) is None
    save_arrays(path, {"a": np.arange(1000)})
    whole = path.read_bytes()
    for damaged in (b"", b"text", whole[:-200], whole[:200], whole[:300] + b"?" + whole[301:]):
        path.write_bytes(damaged)
        assert load_arrays(path, ["a"]) is None
    path.write_bytes(whole)
    assert load_arrays(path, ["a", "missing"]) is None
    assert load_arrays(path, ["a"]) is not None


@pytest.mark.parametrize("error", [OSError("disc full"), KeyboardInterrupt()])
def test_saving_that_stops_half_way_leaves_the_old_file(tmp_path, monkeypatch, error):
    def stops(file, **arrays):
        file.write(b"half")
        raise error

    path = tmp_path / "a.npz"
    save_arrays(path, {"a": np.arange(3)})
    monkeypatch.setattr(np, "savez_compressed", stops)
    if isinstance(error, OSError):
        assert not save_arrays(path, {"a": np.arange(4)})
    else:
        with pytest.raises(KeyboardInterrupt):
            save_arrays(path, {"a": np.arange(4)})
    assert names(tmp_path) == ["a.npz"]
    assert len(load_arrays(path, ["a"])["a"]) == 3


def test_the_cache_folder_is_the_one_that_is_set(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    assert downloads.cache_folder() == tmp_path
    monkeypatch.delenv("COURSE_CACHE")
    assert "pixels-from-noise" in downloads.cache_folder().parts
