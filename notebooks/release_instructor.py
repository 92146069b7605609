"""The instructors' edition: notebooks with solutions, a guide and slides for each lesson, quizzes with their keys."""

import tempfile
from pathlib import Path
from typing import Any

import build
import release_guides
import release_numbers
import release_slides
import release_student
from helpers import lessons, paths, quiz, quiz_files
from release_exercises import ReleaseError
from release_files import Files, from_folder, from_zip, zipped
from release_pages import page
from release_student import Choice


def files(choice: Choice) -> Files:
    """All files of the instructors' edition, by path. Raises ReleaseError, LessonError."""
    root, out = paths.root(), release_student.pictures(choice)
    out |= release_student.helper_files(leave_out=())
    for file in sorted((root / "helpers" / "exercise_sets").glob("*.py")):
        out[f"helpers/exercise_sets/{file.name}"] = file.read_bytes()
    for name in ("requirements.txt", "constraints.txt"):
        out[name] = (root / name).read_bytes()
    settings = (root / "pyproject.toml").read_text(encoding="utf-8")
    out["pyproject.toml"] = release_student.project_file(settings, "GUIDE.md").encode()
    out |= release_student.results(choice)
    for source in {lessons.source_file(lesson) for lesson in choice.lessons}:
        out[source.relative_to(root).as_posix()] = source.read_bytes()
    for lesson in choice.lessons:
        file = quiz.folder() / f"{lesson}.yaml"
        out |= {f"quizzes/{file.name}": file.read_bytes()} if file.is_file() else {}
    out["quizzes/schema.json"] = (quiz.folder() / "schema.json").read_bytes()
    out |= quiz_forms(choice)
    guides = {
        lesson: release_guides.guide(lesson, choice.tracks(lesson), choice.exercises) for lesson in choice.lessons
    }
    for lesson, text in guides.items():
        out[f"guides/{lesson}.md"] = text.encode()
        out[f"guides/{lesson}.html"] = page(text.partition("\n")[0].lstrip("# "), text).encode()
    present = set(out) | {
        release_student.notebook_path(lesson, track) for lesson, track in release_student.every(choice)
    }
    for lesson, track in release_student.every(choice):
        path = release_student.notebook_path(lesson, track)
        committed = build.read(lessons.notebook_file(lesson, track))
        notebook = build.make_notebook(lesson, track, solved=True)
        copy_outputs(notebook, committed)
        if not choice.exercises:
            release_student.without_exercises(notebook)
        release_student.adapt_links(notebook, path, present)
        out[path] = build.to_text(notebook).encode()
        if committed is not None and lesson not in BARE:
            folder = lessons.notebook_file(lesson, track).parent
            plain = build.make_notebook(lesson, track)
            copy_outputs(plain, committed)
            out[f"slides/{slides_name(lesson, track)}"] = release_slides.page(plain, lesson, folder).encode()
    out["GUIDE.md"] = front_page(choice, set(out)).encode()
    out["index.html"] = page("Pixels from Noise, for instructors", front_page(choice, set(out), "html")).encode()
    return out


BARE = {"00_start_here"}  # nothing to project


def slides_name(lesson: str, track: str) -> str:
    """The file of a lesson's slides; a project has one track."""
    return f"{lesson}.html" if track == "both" or lessons.is_project(lesson) else f"{lesson}_{track}.html"


def copy_outputs(notebook: Any, committed: Any) -> None:
    """Give cells the outputs that the committed notebook has for the same code, but what checks of exercises printed."""
    stored = {cell.id: cell for cell in committed.cells if cell.cell_type == "code"} if committed is not None else {}
    for cell in notebook.cells:
        known = stored.get(cell.id) if cell.cell_type == "code" else None
        if known is not None and known.source == cell.source and ".check(" not in cell.source:
            cell.outputs, cell.execution_count = known.outputs, known.execution_count


def quiz_forms(choice: Choice) -> Files:
    """The quizzes for learning platforms and paper, with keys; archives without the time at which they were made."""
    known = [lesson for lesson in choice.lessons if lesson in quiz.lessons_with_quiz()]
    if not known:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            quiz_files.write_all([quiz.load(lesson) for lesson in known], Path(folder) / "quizzes")
        except ImportError as error:
            raise ReleaseError(f"{error}: install the course's requirements (make lab does)") from None
        made = from_folder(Path(folder) / "quizzes")
    return {f"quizzes/{path}": _same_archive(data) if path.endswith(".zip") else data for path, data in made.items()}


def _same_archive(data: bytes) -> bytes:
    return zipped(from_zip(data), "")


def front_page(choice: Choice, present: set[str], form: str = "md") -> str:
    """What is in the edition, and what to do with it."""
    rows = [
        "| lesson | guide | slides | notebooks with solutions | students' time |",
        "| --- | --- | --- | --- | --- |",
    ]
    for lesson in choice.lessons:
        front = lessons.front_matter(lesson)
        links = [(release_guides.TRACK_NAMES.get(track, "open"), track) for track in choice.tracks(lesson)]
        slides = [f"[{name}](slides/{slides_name(lesson, track)})" for name, track in links
                  if f"slides/{slides_name(lesson, track)}" in present]  # fmt: skip
        books = [f"[{name}]({release_student.notebook_path(lesson, track)})" for name, track in links]
        number = f"{front['number']} · " if front["number"] else ""
        kind = "project " if lessons.is_project(lesson) else ""
        rows.append(
            f"| {kind}{number}{front['title']} | [guide](guides/{lesson}.{form}) | {' · '.join(slides) or '–'} | "
            f"{' · '.join(books)} | {front['minutes']} min |"
        )
    variant = "" if choice.variant is None else _of_variant(choice, choice.variant)
    text = Path(__file__).with_name("release_guide.md").read_text(encoding="utf-8")
    return text.replace("⟨LESSONS⟩", "\n".join(rows)).replace("⟨VARIANT⟩", variant)


def _of_variant(choice: Choice, number: int) -> str:
    """What differs in the students' copies, with the right answers."""
    text = f" Students have variant {number}: their checks compare on other numbers."
    asked = [f"{lesson} {qid}: {release_numbers.right_answer(lesson, qid, number)}"
             for lesson, qid in release_numbers.asked(choice.lessons if choice.exercises else ())]  # fmt: skip
    if asked:
        text += f" The notebooks and guides here have the course's own. Right in this variant: {'; '.join(asked)}."
    return text
