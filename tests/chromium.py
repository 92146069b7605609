"""The browser that tests drive: where it lies, how it is started."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def find():
    """The path of the system's Chromium or Chrome; None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def needed():
    """The same; SystemExit with a sentence that says what to install where there is none."""
    path = find()
    if path is None:
        raise SystemExit(
            f"The browser tests need Chromium, and none of {', '.join(NAMES)} is on the PATH. "
            "Install it: on Debian and Ubuntu `sudo apt-get install chromium`."
        )
    return path
