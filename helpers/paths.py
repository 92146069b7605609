"""Where things lie in the course's folder."""

import os
import subprocess
from pathlib import Path


def root() -> Path:
    """The course's top folder, the one that holds `helpers/` and `notebooks/`."""
    return Path(__file__).resolve().parent.parent


def build_folder() -> Path:
    """Where runs leave what they make: the folder that COURSE_BUILD names, or `build/` in the course's folder.

    Where the course's folder can't be written, as on a hub where all share one: `pixels-from-noise/build` in the home folder.
    """
    if named := os.environ.get("COURSE_BUILD"):
        return Path(named)
    return (root() if os.access(root(), os.W_OK) else Path.home() / "pixels-from-noise") / "build"


def shown(path: Path) -> str:
    """A path as a reader should see it: from the course's folder on where it lies there, else whole."""
    return path.relative_to(root()).as_posix() if path.is_relative_to(root()) else str(path)


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def commit() -> str:
    """The commit of the course's folder, with "+" where files differ from it; "unknown" without git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
            cwd=root(), capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()
