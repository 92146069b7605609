"""Where things lie in the course's folder."""

import os
from pathlib import Path


def root() -> Path:
    """The course's top folder, the one that holds `helpers/` and `notebooks/`."""
    return Path(__file__).resolve().parent.parent


def build_folder() -> Path:
    """Where runs leave what they make: `build/` in the course's folder, or the folder that COURSE_BUILD names."""
    return Path(os.environ.get("COURSE_BUILD") or root() / "build")
