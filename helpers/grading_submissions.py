"""Find the submissions in a folder or an archive of a learning platform, as Moodle and Canvas name them; nothing is unpacked."""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

MAX_FILE, MAX_MEMBERS, MAX_NESTED = 60_000_000, 20_000, 2  # bytes of a file, files of an archive, archives in archives
_MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?:/|$|_)")
_CANVAS = re.compile(r"^(?P<name>.+?)_(?:LATE_)?(?P<id>\d{3,})_(?:\d{3,}_)?(?P<file>.+)$", re.IGNORECASE)
_SKIPPED = ("__MACOSX", ".ipynb_checkpoints", ".DS_Store", "__pycache__")


@dataclass
class Submission:
    """What one student handed in: notebooks by path (each a function that reads it), other files, remarks on what fails."""

    student: str
    id: str = ""
    notebooks: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Student and number as one word, for file names."""
        word = re.sub(r"[^\w.-]+", "_", f"{self.student}_{self.id}" if self.id else self.student).strip("._")[:80]
        return word or f"student_{zlib.crc32(self.student.encode())}"


class NoSubmissions(ValueError):
    """The path holds no submissions; the message says what was looked for."""


def find(path: Path) -> list[Submission]:
    """The submissions of a folder or .zip, by student, in order. Raises NoSubmissions."""
    if path.is_dir():
        files = [(one.relative_to(path).as_posix(), one) for one in sorted(path.rglob("*")) if one.is_file()]
        readers = ((name, lambda one=one: _read_file(one)) for name, one in files)
    elif path.is_file() and zipfile.is_zipfile(path):
        readers = ((name, lambda name=name: _read_member(path, name)) for name in _members(zipfile.ZipFile(path)))
    else:
        raise NoSubmissions(f"{path} is neither a folder nor a .zip: give what your learning platform's download made")
    found: dict[tuple[str, str], Submission] = {}
    for name, read in readers:
        if any(part in _SKIPPED or part.startswith("._") for part in PurePosixPath(name).parts):
            continue
        student, number = owner(name)
        one = found.setdefault((student, number), Submission(student, number))
        _add(one, name, read)
    if not found:
        raise NoSubmissions(f"{path} holds no file")
    return [found[key] for key in sorted(found, key=lambda key: (key[0].casefold(), key[1]))]


def owner(name: str) -> tuple[str, str]:
    """Student and number of a file, from its path.

    `Ada Love_123_assignsubmission_file_/02_vae.ipynb` (Moodle), `loveada_123_456_02_vae.ipynb` (Canvas),
    `ada/02_vae.ipynb`, `ada.ipynb`.
    """
    parts = PurePosixPath(name).parts
    for part in parts:
        if match := _MOODLE.match(part):
            return match["name"], match["id"]
    if len(parts) > 1:
        match = re.match(r"^(?P<name>.+?)_(?P<id>\d+)$", parts[-2])
        return (match["name"], match["id"]) if match else (parts[0], "")
    if match := _CANVAS.match(parts[0]):
        return match["name"], match["id"]
    return PurePosixPath(parts[0]).stem, ""


def _add(one: Submission, name: str, read: Callable[[], bytes], depth: int = 0) -> None:
    """Put a file where it belongs; look into an archive of the student's."""
    suffix = PurePosixPath(name).suffix.lower()
    try:
        if suffix == ".ipynb":
            one.notebooks[name] = read
        elif suffix == ".zip" and depth < MAX_NESTED:
            archive = zipfile.ZipFile(io.BytesIO(read()))
            for member in _members(archive):
                if not any(part in _SKIPPED for part in PurePosixPath(member).parts):
                    _add(one, f"{name}/{member}", lambda member=member: _read_from(archive, member), depth + 1)
        else:
            one.others.append(name)
    except (OSError, ValueError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
        one.others.append(name)
        one.remarks.append(f"{PurePosixPath(name).name} can't be read: {str(error)[:100]}")


def _members(archive: zipfile.ZipFile) -> Iterator[str]:
    for info in sorted(archive.infolist(), key=lambda info: info.filename)[:MAX_MEMBERS]:
        if not info.is_dir():
            yield info.filename


def _read_file(path: Path) -> bytes:
    if path.is_symlink():
        raise ValueError("it is a link")
    if path.stat().st_size > MAX_FILE:
        raise ValueError(f"it has {path.stat().st_size / 1e6:,.0f} MB, more than {MAX_FILE // 10**6}")
    return path.read_bytes()


def _read_member(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return _read_from(archive, name)


def _read_from(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member's bytes, whatever size its header claims."""
    with archive.open(name) as file:
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise ValueError(f"it has more than {MAX_FILE // 10**6} MB")
    return content


def choose(one: Submission, lesson: str) -> tuple[str, bytes] | None:
    """The notebook of a lesson among a student's files: by its metadata, its name, or because there is one alone.

    Of several, the last by name (Canvas numbers later attempts -1, -2 …). None: there is none that can be read.
    """
    contents = {}
    for name, read in one.notebooks.items():
        try:
            contents[name] = read()
        except (
            OSError,
            ValueError,
            zipfile.BadZipFile,
            RuntimeError,
            NotImplementedError,
            EOFError,
            zlib.error,
        ) as error:
            one.remarks.append(f"{PurePosixPath(name).name} can't be read: {str(error)[:100]}")
    mark = re.compile(rb'"lesson"\s*:\s*"' + lesson.encode() + b'"')
    fitting = [name for name, content in contents.items() if mark.search(content)]
    fitting = fitting or [name for name in contents if lesson in PurePosixPath(name).name]
    fitting = fitting or (list(contents) if len(contents) == 1 else [])
    if not fitting:
        return None
    chosen = max(fitting, key=_attempt)
    if len(fitting) > 1:
        one.remarks.append(f"{len(fitting)} notebooks of this lesson; graded: {PurePosixPath(chosen).name}")
    return chosen, contents[chosen]


def _attempt(name: str) -> tuple[int, str]:
    match = re.search(r"-(\d+)$", PurePosixPath(name).stem)
    return (int(match[1]) if match else 0, name)
