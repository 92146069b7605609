"""Where files are kept between runs: the cache folder, arrays saved in it, and checked downloads."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import math
import os
import secrets
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from helpers.data_types import DataError
from helpers.progress import Progress

BLOCK = 1 << 16  # bytes written at once
MEGABYTE = 1 << 20
STALE_SECONDS = 600  # a part file untouched for this long belongs to a process that has died
TRIES = 5  # per address, each of which must bring new bytes


class DownloadError(DataError):
    """A file can't be fetched; the message names each address tried and what it answered."""


def cache_folder() -> Path:
    """Return the folder for downloads and prepared arrays: COURSE_CACHE, or the platform's own for caches."""
    chosen = os.environ.get("COURSE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    try:
        from platformdirs import user_cache_dir
    except ImportError:
        return Path.home() / ".cache" / "pixels-from-noise"
    return Path(user_cache_dir("pixels-from-noise", appauthor=False))


def save_arrays(path: Path, arrays: dict[str, np.ndarray], compress: bool = True) -> bool:
    """Write the arrays to `path` (.npz) in one step: other processes see the whole file or none.

    Returns False where the folder can't be written to: a cache is a convenience, not a condition.
    """
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                (np.savez_compressed if compress else np.savez)(file, **arrays)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def load_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray] | None:
    """Return the named arrays of an .npz file; None where the file is missing, damaged or lacks one of them."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError):
        return None


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """Return the SHA-256 of a file's bytes, or the digest of another of hashlib's algorithms, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def fetch(
    urls: Sequence[str],
    path: Path,
    sha256: str,
    size: int,
    quiet: bool = False,
    timeout: float = 20.0,
    algorithm: str = "sha256",
) -> Path:
    """Download a file of `size` bytes to `path` from the first address that gives it, checked by its SHA-256.

    A file that is already there and right is kept. An interrupted transfer goes on where it stopped if the server can
    do that; otherwise nothing of it stays. `path` holds either the whole checked file or nothing. algorithm: of the
    digest given as `sha256`, where a publisher states another. Raises DownloadError.
    """
    if path.is_file():
        if file_hash(path, algorithm) == sha256:
            return path
        path.unlink()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        transfer = _Transfer(path, size, timeout)
    except OSError as error:
        raise DownloadError(
            f"{path.parent} can't be written to ({error}). Name another folder in the setting COURSE_CACHE."
        ) from error
    problems = []
    try:
        for url in urls:
            problem = _fetch_from(url, transfer, (algorithm, sha256), quiet)
            if problem is None:
                os.replace(transfer.part, path)
                return path
            problems.append(f"  {url}: {problem}")
    finally:
        kept = transfer.release()
    resume = f"\n{kept:,} of {size:,} bytes are kept, and the next try goes on from there." if kept else ""
    raise DownloadError(f"{path.name} could not be downloaded:\n" + "\n".join(problems) + resume)


def _fetch_from(url: str, transfer: _Transfer, digest: tuple[str, str], quiet: bool) -> str | None:
    """Fill the transfer's part file from one address; return None when it is whole and right, else the reason."""
    for _ in range(TRIES):
        before = transfer.received()
        problem = None
        try:
            with contextlib.closing(transfer.receive(url)) as blocks:
                label, total = f"downloading {transfer.path.name} (MB)", math.ceil((transfer.size - before) / MEGABYTE)
                for _ in blocks if quiet or total < 2 else Progress(blocks, label, total=total):
                    pass
        except _WrongFileError as error:
            transfer.discard()
            return str(error)
        except urllib.error.HTTPError as error:
            problem = f"the server answered {error.code} {error.reason}"
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                transfer.discard()
                continue
        except (OSError, http.client.HTTPException) as error:
            problem = str(getattr(error, "reason", None) or error) or type(error).__name__
        if problem is None:
            algorithm, expected = digest
            found = file_hash(transfer.part, algorithm)
            if found == expected:
                return None
            name = "SHA-256" if algorithm == "sha256" else algorithm.upper()
            problem = f"wrong content ({name} {found[:12]}…, expected {expected[:12]}…): removed"
            transfer.discard()
            if before == 0:
                return problem
        elif transfer.received() <= before:
            return problem
    return problem


class _WrongFileError(Exception):
    """The server offers something else than the file."""


class _Transfer:
    """The unfinished part of one download, in a file that this process alone writes to."""

    def __init__(self, path: Path, size: int, timeout: float) -> None:
        self.path, self.size, self.timeout = path, size, timeout
        self.part = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
        self.waiting = path.with_name(f"{path.name}.part")
        stale = [
            file for file in path.parent.glob(f"{path.name}.*.part") if time.time() - _modified(file) > STALE_SECONDS
        ]
        for candidate in [self.waiting, *stale]:
            try:
                candidate.replace(self.part)  # whoever renames it first has it
                break
            except OSError:
                continue
        self.part.touch()
        self.resumable = self.received() > 0

    def received(self) -> int:
        """Return how many bytes lie in the part file."""
        return self.part.stat().st_size if self.part.exists() else 0

    def discard(self) -> None:
        """Start again from nothing."""
        self.part.unlink(missing_ok=True)

    def release(self) -> int:
        """Leave the part file to the next try if it can go on from there, else remove it; return the bytes kept."""
        kept = self.received() if self.resumable else 0
        if kept:
            self.part.replace(self.waiting)
        else:
            self.discard()
        return kept

    def receive(self, url: str) -> Iterator[None]:
        """Append what is missing, from `url`; yield after each megabyte.

        Raises OSError or HTTPException where the transfer breaks, _WrongFileError where it can't be the file.
        """
        if not url.startswith(("https://", "http://")):
            raise _WrongFileError("not an http address")
        have = self.received()
        headers = {"User-Agent": "pixels-from-noise"} | ({"Range": f"bytes={have}-"} if have else {})
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=self.timeout) as response:
            continues = response.status == http.HTTPStatus.PARTIAL_CONTENT
            if continues and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                raise _WrongFileError("the server continued at another place than asked")
            self.resumable = continues or response.headers.get("Accept-Ranges") == "bytes"
            have = have if continues else 0
            offered = response.headers.get("Content-Length")
            if offered is not None and have + int(offered) != self.size:
                raise _WrongFileError(f"the server offers {have + int(offered):,} bytes, the file has {self.size:,}")
            since = 0
            with self.part.open("ab" if continues else "wb") as file:
                while block := response.read(BLOCK):
                    have, since = have + len(block), since + len(block)
                    if have > self.size:
                        raise _WrongFileError(f"the server sends more than the file's {self.size:,} bytes")
                    file.write(block)
                    if since >= MEGABYTE:
                        since -= MEGABYTE
                        yield
        if have < self.size:
            raise ConnectionError(f"the connection ended after {have:,} of {self.size:,} bytes")
        yield


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()
