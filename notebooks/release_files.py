"""The files of a release: kept in memory by path until all are made, then written at once as a folder and a zip."""

import io
import json
import posixpath
import re
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

from release_exercises import MOMENT, ReleaseError

Files = dict[str, bytes]
_LINK = re.compile(r"(!?)\[([^\[\]]*)\]\(([^()\s]+)\)")


def zipped(files: Files, folder: str) -> bytes:
    """A zip with all files in one folder; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(files):
            info = zipfile.ZipInfo(f"{folder}/{path}", MOMENT)
            info.external_attr = 0o644 << 16
            info.create_system = 3  # whatever system this is
            packed = path.endswith((".zip", ".npz", ".png", ".jpg", ".safetensors"))
            archive.writestr(info, files[path], zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED)
    return out.getvalue()


def from_folder(folder: Path) -> Files:
    """The files of a folder, by path from there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def from_zip(data: bytes) -> Files:
    """The files of a zip, by path in it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}


def publish(editions: dict[str, Files], out: Path, more: Iterable[tuple[str, bytes]] = ()) -> None:
    """Write each edition as a folder and a zip under `out`, in the place of an earlier release, which stays whole until then.

    more: further files, made one after another.

    Raises ReleaseError when `out` holds anything else.
    """
    names = {name for edition in ("student", "instructor", "nbgrader") for name in (edition, f"{edition}.zip")} | {
        "students"
    }
    part, old = out.with_name(f".{out.name}.part"), out.with_name(f".{out.name}.old")
    if out.exists() and not (out.is_dir() and {entry.name for entry in out.iterdir()} <= names):
        raise ReleaseError(
            f"{out} holds other things than a release and would be replaced: name a new folder with --out"
        )
    if old.exists() and not out.exists():  # an earlier run was stopped between the two renames below
        old.rename(out)
    shutil.rmtree(part, ignore_errors=True)
    try:
        for edition, files in editions.items():
            for path, data in files.items():
                file = part / edition / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            (part / f"{edition}.zip").write_bytes(zipped(files, f"pixels-from-noise-{edition}"))
        for path, data in more:
            (part / path).parent.mkdir(parents=True, exist_ok=True)
            (part / path).write_bytes(data)
        shutil.rmtree(old, ignore_errors=True)
        if out.exists():
            out.rename(old)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def linked(text: str) -> list[str]:
    """What Markdown links to, outside code."""
    return [match[3] for match in _LINK.finditer(_without_code(text))]


def _without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)


def with_links_to(text: str, folder: str, present: Iterable[str]) -> str:
    """Markdown whose links to files that aren't there are plain text. folder: where the text lies; present: paths."""
    known = set(present)

    def replaced(match: re.Match[str]) -> str:
        target = match[3].partition("#")[0]
        if not target or "://" in target or target.startswith("mailto:"):
            return match[0]
        return match[0] if posixpath.normpath(posixpath.join(folder, target)) in known else match[2]

    pieces = re.split(r"(```.*?```|`[^`\n]*`)", text, flags=re.S)
    return "".join(piece if at % 2 else _LINK.sub(replaced, piece) for at, piece in enumerate(pieces))


def as_json(value: object) -> bytes:
    """JSON as bytes, readable, the same for the same value."""
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
