"""Take the pictures of the READMEs out of the committed notebooks: images/gallery/NN_topic.png.

    python images/gallery.py

A lesson's picture is the figure of the cell tagged `gallery` in its PyTorch notebook.
"""

import base64
from pathlib import Path

import nbformat

from helpers import lessons

FOLDER = Path(__file__).resolve().parent / "gallery"


def picture(lesson: str) -> tuple[bytes, str] | None:
    """The PNG of a lesson's gallery cell and its alternative text; None where there is none yet."""
    path = lessons.notebook_file(lesson, lessons.tracks(lesson)[0])
    if not path.is_file():
        return None
    for cell in nbformat.read(path, as_version=4).cells:
        if "gallery" in cell.metadata.get("tags", []):
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    return base64.b64decode(output.data["image/png"]), output.metadata["image/png"]["alt"]
    return None


def main() -> None:
    """Write every lesson's picture."""
    FOLDER.mkdir(exist_ok=True)
    for lesson in lessons.names():
        found = picture(lesson)
        if found:
            (FOLDER / f"{lesson}.png").write_bytes(found[0])
            print(f"images/gallery/{lesson}.png: {found[1]}")


if __name__ == "__main__":
    main()
