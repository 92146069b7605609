"""Where things lie in the course's folder."""

import os
import subprocess
from pathlib import Path


def root() -> Path:
    """The course's top folder, the one that holds `helpers/` and `notebooks/`."""
    return Path(__file__).resolve().parent.parent


def build_folder() -> Path:
    """Where runs leave what they make: `build/` in the course's folder, or the folder that COURSE_BUILD names."""
    return Path(os.environ.get("COURSE_BUILD") or root() / "build")


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
