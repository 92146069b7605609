"""All quizzes as files for a class: Canvas (text and QTI archive), Moodle XML, pages to print, keys."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers import quiz_export, quiz_paper
from helpers.quiz_rules import PARTS


def write_all(quizzes: Sequence[dict[str, Any]], folder: Path, key: bool = True) -> list[Path]:
    """Write every quiz in every form; returns the files, in order.

    canvas/NAME.txt and NAME.zip (QTI, made by text2qti), moodle/NAME.xml, paper/NAME_before.html and NAME_after.html, and
    with key=True key/NAME.html. A folder of an earlier call is replaced as a whole, once everything is written. The files
    for Canvas and Moodle hold the answers, as platforms need them; without key only paper/ is written.
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    files: list[Path] = []
    try:
        for quiz in quizzes:
            for name, text in _texts(quiz, key):
                files.append(part / name)
                files[-1].parent.mkdir(parents=True, exist_ok=True)
                files[-1].write_text(text, encoding="utf-8")
                if name.startswith("canvas/"):
                    files.append(_qti(text, files[-1].with_suffix(".zip")))
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return [folder / file.relative_to(part) for file in files]


def _texts(quiz: dict[str, Any], key: bool) -> list[tuple[str, str]]:
    lesson = quiz["lesson"]
    texts = [(f"paper/{lesson}_{part}.html", quiz_paper.printable_html(quiz, (part,))) for part in PARTS]
    if key:
        texts += [
            (f"key/{lesson}.html", quiz_paper.printable_html(quiz, PARTS, key=True)),
            (f"moodle/{lesson}.xml", quiz_export.moodle_xml(quiz, PARTS)),
            (f"canvas/{lesson}.txt", quiz_export.canvas_text(quiz, PARTS)),
        ]
    return texts


def _qti(text: str, path: Path) -> Path:
    """The QTI archive that Canvas imports, without the day on which it was made: the same quiz gives the same manifest."""
    from text2qti.config import Config
    from text2qti.qti import QTI
    from text2qti.quiz import Quiz

    made = QTI(Quiz(text, config=Config(), source_name=path.stem))
    made.imsmanifest_xml = re.sub(r"(?<=<imsmd:dateTime>)[^<]*", "1980-01-01", made.imsmanifest_xml)
    made.save(path)
    return path
