"""Quizzes before and after each lesson: shown in the notebook, exported to Canvas and Moodle.

In a notebook::

    from helpers import quiz
    quiz.show("02_vae", "before")      # or "after"

On the command line::

    python -m helpers.quiz validate [02_vae …]
    python -m helpers.quiz export 02_vae canvas build/02_vae.txt      # text for text2qti
    python -m helpers.quiz export 02_vae moodle build/02_vae.xml
    python -m helpers.quiz all build/quizzes                           # every quiz for Canvas, Moodle and paper, with keys

How to declare a quiz
=====================
Write ``quizzes/02_vae.yaml`` (the lesson's slug). A complete example::

    lesson: 02_vae
    title: The variational autoencoder
    before:
      - id: 02-before-1                  # number of the lesson, part, running number; cited in the objectives' met_by
        objective: elbo                  # id of an objective in the lesson's front matter, or "prerequisite"
        points: 1
        type: single                     # exactly one right answer
        question: What does the encoder of a VAE return for one image?
        answers:
          - text: One latent vector
            feedback: That is the plain autoencoder of lesson 1.
          - text: The mean and the log-variance of a Gaussian
            correct: true
            feedback: Yes, a small cloud for each image.
          - text: A class label
            feedback: No label is used anywhere in this lesson.
    after:
      - id: 02-after-1
        objective: elbo
        points: 2
        type: multiple                   # at least one right and one wrong answer
        question: Which statements about `logvar` hold?
        code: |                          # optional, shown as a block under the question
          std = exp(0.5 * logvar)
        answers:
          - {text: "It may be negative", correct: true, feedback: "It is the log of a variance below 1."}
          - {text: "It is σ", feedback: "It is log σ²."}
          - {text: "0 means unit width", correct: true, feedback: "exp(0) = 1."}
      - id: 02-after-2
        objective: elbo
        points: 1
        type: numeric
        question: "μ = 1 and σ = 1: what is the divergence to N(0, 1) in nats?"
        unit: nats                       # optional
        answer: {value: 0.5, tolerance: 0.01, feedback: "½ μ², as σ matches the prior."}
        wrong:                           # known wrong values, at least one
          - {value: 1, tolerance: 0.01, feedback: "The factor ½ is missing."}
        otherwise: Put μ and σ into Eq. 4; two of the four terms cancel.

Rules that ``load`` checks beside ``quizzes/schema.json``: ids are unique and start with the lesson's number and the
part; every answer has feedback; no two answers read alike; a single question has one right answer, a multiple one at
least one right and one wrong; over the single questions of a file the right answer doesn't always stand in the same
place, and is the longest one in at most two thirds of them; no LaTeX (``$…$``, ``\\frac``): maths is written in Unicode
(μ, σ², ½, ∑, ≤, log p(x|z)), because a quiz can't typeset it offline. Text in `backticks` is shown as code. Feedback is
shown by itself, so write whole sentences. ``validate`` also wants at least five questions a part (two in
``00_start_here``), known objectives, and a question about each objective.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers import paths
from helpers.quiz_rules import PARTS, completeness_problems, rule_problems, schema_problems

FORMATS = ("canvas", "moodle")


class QuizError(ValueError):
    """A quiz file is missing or breaks its rules; the message names file, question and remedy."""


def folder() -> Path:
    """The folder of the quiz files."""
    return paths.root() / "quizzes"


def lessons_with_quiz(where: Path | None = None) -> list[str]:
    """The lessons that have a quiz, by slug, in order."""
    return sorted(path.stem for path in (where or folder()).glob("[0-9][0-9]_*.yaml"))


def load(lesson: str, where: Path | None = None) -> dict[str, Any]:
    """A lesson's quiz: {"lesson", "title", "before": [questions], "after": [questions]}, checked against every rule.

    where: the folder, if not the course's. Raises QuizError that lists all problems.
    """
    path = (where or folder()) / f"{lesson}.yaml"
    if not path.is_file():
        known = ", ".join(lessons_with_quiz(where)) or "none"
        raise QuizError(f"there is no quiz {path.name}; lessons with a quiz: {known}")
    content = _read(path)
    if not is_scored(content):
        return content
    found = schema_problems(content, folder() / "schema.json") or rule_problems(content, path.stem)
    if found:
        raise QuizError("\n".join(f"{path.name}: {text}" for text in found))
    return content


def is_scored(content: Any) -> bool:
    """Whether a quiz holds its answers; those of a release without keys say `scored: false`."""
    return not isinstance(content, dict) or content.get("scored") is not False


def _read(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        reason = getattr(error, "problem", None) or error
        raise QuizError(
            f"{path.name}{line}: not readable as YAML ({reason}); put texts with a colon in quotes"
        ) from None


def problems(lesson: str, where: Path | None = None) -> list[str]:
    """All that a finished lesson's quiz gets wrong, with the objectives in the lesson's source where that is here."""
    try:
        quiz = load(lesson, where)
    except QuizError as error:
        return str(error).splitlines()
    if not is_scored(quiz):
        return []
    return [f"{lesson}.yaml: {text}" for text in completeness_problems(quiz, _objectives(lesson))]


def _objectives(lesson: str) -> list[str] | None:
    from helpers import lessons

    try:
        return [str(one["id"]) for one in lessons.front_matter(lesson).get("objectives", [])]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def show(lesson: str, part: str) -> None:
    """Show the questions of a part ("before" or "after"): interactive where JavaScript runs, as a plain list elsewhere.

    The browser keeps the answers and sends them nowhere: they are there again after a reload, a new run and a new kernel.
    Never raises in a notebook because of the quiz: a faulty file is reported as text.
    """
    from helpers import quiz_show

    if part not in PARTS:
        raise ValueError(f'part is {part!r}; it must be "before" or "after"')
    try:
        quiz = load(lesson)
    except QuizError as error:
        print(f"This quiz can't be shown.\n{error}")
        return
    quiz_show.display(quiz, part)


def export(lesson: str, form: str, path: str | Path, part: str | None = None) -> Path:
    """Write a quiz for a learning platform: "canvas" (text for text2qti) or "moodle" (Moodle XML). Returns the path.

    part: "before" or "after"; None writes both. The file is written whole or not at all.
    """
    from helpers import quiz_export

    if form not in FORMATS:
        raise ValueError(f"form is {form!r}; it must be one of {', '.join(FORMATS)}")
    if part not in (None, *PARTS):
        raise ValueError(f'part is {part!r}; it must be "before", "after" or None')
    text = quiz_export.FORMATS[form](load(lesson), (part,) if part else PARTS)
    path = Path(path)
    paths.write_whole(path, text)
    return path


def _validate(lessons: list[str]) -> int:
    found = 0
    for lesson in lessons or lessons_with_quiz():
        texts = problems(lesson)
        found += len(texts)
        if texts:
            print("\n".join(f"✘ {text}" for text in texts))
        else:
            quiz = load(lesson)
            print(f"✔ {lesson}.yaml: {len(quiz['before'])} questions before, {len(quiz['after'])} after")
    return 1 if found else 0


def _write_all(lessons: list[str] | None, folder: Path, key: bool) -> None:
    from helpers import quiz_files

    kinds = {"canvas", "moodle", "paper", "key"}
    if folder.exists() and not (folder.is_dir() and {entry.name for entry in folder.iterdir()} <= kinds):
        raise QuizError(f"{folder} holds other things than quizzes and would be replaced: name a new folder")
    files = quiz_files.write_all([load(lesson) for lesson in lessons or lessons_with_quiz()], folder, key)
    print(f"wrote {len(files)} files to {folder}: " + ", ".join(sorted({file.parent.name for file in files})))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: `validate` and `export`. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m helpers.quiz", description="Check and export quizzes.")
    commands = parser.add_subparsers(dest="command", required=True)
    validate = commands.add_parser("validate", help="check quiz files against schema and rules")
    validate.add_argument("lessons", nargs="*", help="such as 02_vae; all without one")
    out = commands.add_parser("export", help="write a quiz for Canvas (through text2qti) or Moodle")
    out.add_argument("lesson", help="such as 02_vae")
    out.add_argument("form", choices=FORMATS)
    out.add_argument("path", help="the file to write")
    out.add_argument("--part", choices=PARTS, help="only the questions before or after the lesson")
    every = commands.add_parser("all", help="write every quiz for Canvas, Moodle and paper")
    every.add_argument("folder", help="the folder to write; an earlier one of the same name is replaced")
    every.add_argument("--lessons", nargs="+", metavar="LESSON", help="such as 02_vae; all without it")
    every.add_argument("--no-key", action="store_true", help="pages to print only, nothing that holds an answer")
    given = parser.parse_args(arguments)
    if given.command == "validate":
        return _validate(given.lessons)
    try:
        if given.command == "all":
            _write_all(given.lessons, Path(given.folder), key=not given.no_key)
        else:
            print(f"wrote {export(given.lesson, given.form, given.path, given.part)}")
    except (QuizError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
