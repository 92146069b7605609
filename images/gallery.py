"""Take the pictures of the READMEs out of the committed notebooks: images/gallery/NN_topic.png or .jpg, projects included.

    python images/gallery.py

A lesson's picture is the figure of the cell tagged `gallery` in its PyTorch notebook.
"""

import base64
from pathlib import Path

import nbformat

from helpers import lessons

FOLDER = Path(__file__).resolve().parent / "gallery"
KINDS = {"image/png": ".png", "image/jpeg": ".jpg"}


def picture(lesson: str) -> tuple[bytes, str, Path] | None:
    """The picture of a lesson's gallery cell, its alternative text and its file; None where there is none yet."""
    path = lessons.notebook_file(lesson, lessons.tracks(lesson)[0])
    if not path.is_file():
        return None
    for cell in nbformat.read(path, as_version=4).cells:
        if "gallery" in cell.metadata.get("tags", []):
            for output in cell.outputs:
                for kind, suffix in KINDS.items():
                    if kind in output.get("data", {}):
                        content, alt = base64.b64decode(output.data[kind]), output.metadata[kind]["alt"]
                        return content, alt, FOLDER / f"{lesson}{suffix}"
    return None


def main() -> None:
    """Write every lesson's picture."""
    FOLDER.mkdir(exist_ok=True)
    for lesson in lessons.everything():
        found = picture(lesson)
        if found:
            content, alt, file = found
            for other in KINDS.values():
                file.with_suffix(other).unlink(missing_ok=True)
            file.write_bytes(content)
            print(f"images/gallery/{file.name}: {alt}")


if __name__ == "__main__":
    main()
