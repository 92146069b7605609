"""Find the submissions in a folder or an archive of a learning platform, as Moodle and Canvas name them; nothing is unpacked."""

import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

MAX_FILE, MAX_MEMBERS, MAX_NESTED = 40_000_000, 20_000, 2  # bytes of a file, files of an archive, archives in archives
MAX_ARCHIVES, MAX_NOTEBOOKS, MAX_TOTAL = 10, 50, 200_000_000  # of one student: that are looked into; bytes of notebooks
_MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?:/|$|_)")
_CANVAS = re.compile(r"^(?P<name>.+?)_(?:LATE_)?(?P<id>\d{3,})_(?:\d{3,}_)?(?P<file>.+)$", re.IGNORECASE)
_NUMBERED = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)$")
_SKIPPED = ("__MACOSX", ".ipynb_checkpoints", ".DS_Store", "__pycache__")


@dataclass
class Submission:
    """What one student handed in: notebooks by path (each a function that reads it), other files, remarks on what fails."""

    student: str
    id: str = ""
    notebooks: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    number: int = 0  # from 2 on where names of several students would make one file name
    archives: int = 0

    @property
    def key(self) -> str:
        """Student and number as one word, for file names: at most 150 bytes."""
        whole = unicodedata.normalize("NFC", f"{self.student}_{self.id}" if self.id else self.student)
        word = re.sub(r"[^\w.-]+", "_", whole).strip("._")
        if len(word.encode()) > 120 or not word:
            start = word.encode()[:100].decode(errors="ignore") or "student"
            word = f"{start}_{zlib.crc32(whole.encode(errors='backslashreplace')):08x}"
        return f"{word}-{self.number}" if self.number else word

    def contents(self) -> Iterator[tuple[str, bytes | str]]:
        """Notebooks by name, in order: the bytes of each, or the reason why it can't be read. At most MAX_TOTAL bytes in all."""
        left = MAX_TOTAL
        for name, read in sorted(self.notebooks.items()):
            if left <= 0:
                yield name, f"the notebooks before it have more than {MAX_TOTAL // 10**6} MB"
                continue
            try:
                content = read()
            except Exception as error:  # a damaged archive may raise anything
                yield name, _reason(error)
                left -= MAX_FILE // 4  # it may have taken long
                continue
            left -= len(content)
            yield name, content


class NoSubmissions(ValueError):
    """The path holds no submissions; the message says what was looked for."""


def find(path: Path) -> list[Submission]:
    """The submissions of a folder or .zip, by student, in order. Raises NoSubmissions."""
    if path.is_dir():
        files = [(one.relative_to(path).as_posix(), one) for one in sorted(path.rglob("*")) if one.is_file()]
        readers = [(name, lambda one=one: _read_file(one)) for name, one in files]
    elif path.is_file() and zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                names = _members(archive)
        except zipfile.BadZipFile as error:
            raise NoSubmissions(f"{path} is a damaged .zip ({error}): download it again") from None
        readers = [(name, lambda name=name: _read_member(path, name)) for name in names]
    else:
        raise NoSubmissions(f"{path} is neither a folder nor a .zip: give what your learning platform's download made")
    readers = [(name, read) for name, read in readers if not _is_skipped(name)]
    level = _level([name for name, _ in readers])
    found: dict[tuple[str, str], Submission] = {}
    for name, read in readers:
        student, number = owner(name, level)
        one = found.setdefault((student, number), Submission(student, number))
        _add(one, name, read)
    if not found:
        raise NoSubmissions(f"{path} holds no file")
    return [found[key] for key in sorted(found, key=lambda key: (key[0].casefold(), key[1]))]


def _is_skipped(name: str) -> bool:
    return any(part in _SKIPPED or part.startswith("._") for part in PurePosixPath(name).parts)


def _level(names: list[str]) -> int:
    """How many folders lie around all students' work, as an archive's own folder does: 0 or 1.

    1 where all files lie in one folder that is no student's, and most in it are named as a platform names students.
    """
    parts = [PurePosixPath(name).parts for name in names]
    if len({one[0] for one in parts}) != 1 or _MOODLE.match(parts[0][0]) or _NUMBERED.match(parts[0][0]):
        return 0
    return int(2 * sum(len(one) > 1 and _of_platform(one[1:]) is not None for one in parts) > len(parts))


def _of_platform(parts: tuple[str, ...]) -> re.Match | None:
    """The student's name and number in the first part of a path, where a platform has written it."""
    return _MOODLE.match(parts[0]) or (_NUMBERED if len(parts) > 1 else _CANVAS).match(parts[0])


def owner(name: str, level: int = 0) -> tuple[str, str]:
    """Student and number of a file, from the first part of its path: what follows, the student may have named.

    `Ada Love_123_assignsubmission_file_/02_vae.ipynb` (Moodle), `loveada_123_456_02_vae.ipynb` (Canvas),
    `ada/02_vae.ipynb`, `ada.ipynb`. level: folders around all students' work.
    """
    parts = PurePosixPath(name).parts
    parts = parts[level:] or parts
    if match := _of_platform(parts):
        return match["name"], match["id"]
    return (parts[0] if len(parts) > 1 else PurePosixPath(parts[0]).stem), ""


def _add(one: Submission, name: str, read: Callable[[], bytes], depth: int = 0) -> None:
    """Put a file where it belongs; look into an archive of the student's."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".ipynb" and len(one.notebooks) < MAX_NOTEBOOKS:
        one.notebooks[name] = read
    elif suffix == ".zip" and depth < MAX_NESTED and one.archives < MAX_ARCHIVES:
        one.archives += 1
        try:
            with _opened(read) as archive:
                members = _members(archive)
        except Exception as error:  # a damaged or hostile archive may raise anything
            one.others.append(name)
            one.remarks.append(f"{PurePosixPath(name).name} can't be read: {_reason(error)}")
            return
        for member in members:
            if not _is_skipped(member):
                _add(one, f"{name}/{member}", lambda member=member: _read_inner(read, member), depth + 1)
    else:
        one.others.append(name)


def _reason(error: Exception) -> str:
    return str(error)[:100] or type(error).__name__


def _opened(read: Callable[[], bytes]) -> zipfile.ZipFile:
    """A student's archive, opened again for each look: many at once would fill the memory."""
    content = read()
    if content.count(b"PK\x01\x02") > MAX_MEMBERS:  # begins each entry of its table
        raise ValueError(f"it holds more than {MAX_MEMBERS:,} files")
    return zipfile.ZipFile(io.BytesIO(content))


def _members(archive: zipfile.ZipFile) -> list[str]:
    return sorted(info.filename for info in archive.infolist() if not info.is_dir())[:MAX_MEMBERS]


def _read_inner(read: Callable[[], bytes], name: str) -> bytes:
    with _opened(read) as archive:
        return _read_from(archive, name)


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
    """A member's bytes, whatever size its header claims. Raises ValueError where they are too many."""
    kind = archive.getinfo(name).compress_type
    if kind not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:  # Python unpacks the others without a limit
        raise ValueError("it is packed in a way that is not read here: use plain zip")
    with archive.open(name) as file:
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise ValueError(f"it has more than {MAX_FILE // 10**6} MB")
    return content


def choose(one: Submission, lesson: str) -> tuple[str, bytes] | None:
    """The notebook of a lesson among a student's files: by its metadata, its name, or because there is one alone.

    Of several, the last by name (Canvas numbers later attempts -1, -2 …). None: there is none that can be read.
    """
    mark = re.compile(rb'"lesson"\s*:\s*"' + lesson.encode() + b'"')
    readable, fitting = [], []
    for name, content in one.contents():
        if isinstance(content, str):
            one.remarks.append(f"{PurePosixPath(name).name} can't be read: {content}")
            continue
        readable.append(name)
        if mark.search(content):
            fitting.append(name)
    fitting = fitting or [name for name in readable if lesson in PurePosixPath(name).name]
    fitting = fitting or (readable if len(readable) == 1 else [])
    if not fitting:
        return None
    chosen = max(fitting, key=_attempt)
    if len(fitting) > 1:
        one.remarks.append(f"{len(fitting)} notebooks of this lesson; graded: {PurePosixPath(chosen).name}")
    return chosen, one.notebooks[chosen]()


def _attempt(name: str) -> tuple[int, str]:
    match = re.search(r"-(\d+)$", PurePosixPath(name).stem)
    return (int(match[1]) if match else 0, name)
