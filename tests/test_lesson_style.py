"""Every lesson and project keeps the house rules: sizes of cells, alternative texts, links; lessons meet their objectives."""

import re
from pathlib import Path

import pytest

import build
from conftest import ROOT
from helpers import lessons, quiz
from helpers.exercises import definitions as exercise_definitions

LESSONS = [name for name in lessons.names() if name[:2] != "00"]
NOTEBOOKS = [(lesson, track) for lesson in lessons.everything() for track in lessons.tracks(lesson)]
by_notebook = pytest.mark.parametrize(("lesson", "track"), NOTEBOOKS)
by_lesson = pytest.mark.parametrize("lesson", LESSONS)
MACHINE_PATH = r"/(?:home|Users|root|tmp|work)/\w"
FORBIDDEN = re.compile(rf"\b(TO[D]O|FIX[M]E|X{{3}})\b|{MACHINE_PATH}|\bsimply\b", re.I)


def quiz_questions(lesson):
    content = quiz.load(lesson)
    return [question for part in ("before", "after") for question in content[part]]


@by_notebook
def test_size_of_cells(lesson, track):
    notebook = build.make_notebook(lesson, track)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    lines = {cell.id: cell.source.count("\n") + 1 for cell in code}
    assert not {name: n for name, n in lines.items() if n > 40}
    assert sum(n > 25 for n in lines.values()) <= len(lines) / 6
    if lesson in LESSONS:
        assert 35 <= len(notebook.cells) <= 100


@by_notebook
def test_committed_notebook_is_small_and_without_errors(lesson, track):
    path = lessons.notebook_file(lesson, track)
    assert path.stat().st_size < 1_500_000
    for cell in build.read(path).cells:
        assert all(output.output_type != "error" for output in cell.get("outputs", [])), cell.id
        shown = [
            output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", [])
        ]
        assert not re.search(MACHINE_PATH, "".join(shown)), cell.id


@by_notebook
def test_every_picture_has_an_alternative_text(lesson, track):
    for cell in build.read(lessons.notebook_file(lesson, track)).cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"!\[\s*\]\(|<img(?![^>]*\balt=\"[^\"]+\")", cell.source), cell.id
        for output in cell.get("outputs", []):
            for kind in {"image/png", "image/jpeg"} & set(output.get("data", {})):
                alt = output.metadata.get(kind, {}).get("alt", "")
                assert len(alt.split()) >= 4, f"{cell.id}: {alt!r}"


@by_notebook
def test_links_inside_the_repository_lead_somewhere(lesson, track):
    path = lessons.notebook_file(lesson, track)
    for cell in build.make_notebook(lesson, track).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)\s#]+)", cell.source):
                if not re.match(r"https?:|mailto:|data:", target):
                    assert (path.parent / target).exists(), f"{cell.id} links to {target}"


@by_notebook
def test_words_that_do_not_belong_here(lesson, track):
    for cell in build.make_notebook(lesson, track).cells:
        found = FORBIDDEN.search(cell.source)
        assert not found, f"{cell.id}: {found[0]}"


@by_lesson
def test_front_matter_is_complete(lesson):
    front = lessons.front_matter(lesson)
    needed = {"number", "slug", "title", "promise", "objectives", "prerequisites", "papers", "minutes", "data", "budgets",
              "thresholds"}  # fmt: skip
    assert needed <= set(front)
    assert front["slug"] == lesson and int(lesson[:2]) == front["number"]
    assert 3 <= len(front["objectives"]) <= 6 and 40 <= front["minutes"] <= 90
    most = {"05_dcgan": 150, "06_cyclegan": 150, "07_stylegan": 360, "08_style_transfer": 360}.get(
        lesson, 120
    )  # several games are trained there
    assert front["budgets"]["quick"]["seconds"] <= most and front["budgets"]["quick"]["gb"] <= 3
    assert set(front["thresholds"]) >= {"quick", "full"} and front["thresholds"]["quick"]


@by_lesson
def test_every_objective_is_met_by_an_exercise_or_a_question(lesson):
    exercises = {one.id for one in exercise_definitions(lesson).values()}
    questions = {question["id"] for question in quiz_questions(lesson)}
    for objective in lessons.front_matter(lesson)["objectives"]:
        met_by = set(objective["met_by"])
        assert met_by and met_by <= exercises | questions, f"{objective['id']}: {met_by - exercises - questions}"


@by_lesson
def test_exercises_stand_in_the_notebook_with_solution_and_check(lesson):
    for track in lessons.tracks(lesson):
        cells = lessons.cells(lesson, track)
        for one in exercise_definitions(lesson).values():
            for tag in ("exercise", "solution"):
                found = [cell for cell in cells if tag in cell["tags"] and one.id in cell["tags"]]
                assert len(found) == 1, f"{lesson} {track} {one.id}: {len(found)} cells tagged {tag}"
            assert any(f"{one.id}.check(" in cell["source"] for cell in cells), f"{one.id} is never checked"


@by_lesson
def test_at_least_five_exercises_of_several_kinds(lesson):
    exercises = list(exercise_definitions(lesson).values())
    assert len(exercises) >= 5
    assert {"derive", "bug", "design"} <= {one.kind for one in exercises}


@by_lesson
def test_shared_prose_is_written_once(lesson):
    cells = lessons.cells(lesson, "both")
    own = [cell for cell in cells if set(cell["tags"]) & set(lessons.TRACKS)]
    assert len(own) <= 0.45 * len(cells)
    prose = [cell for cell in cells if cell["kind"] == "markdown"]
    assert sum(bool(set(cell["tags"]) & set(lessons.TRACKS)) for cell in prose) <= 0.1 * len(prose)


@by_lesson
def test_the_parts_of_a_lesson_are_there(lesson):
    prose = "\n".join(cell["source"] for cell in lessons.cells(lesson, "pytorch") if cell["kind"] == "markdown")
    code = "\n".join(cell["source"] for cell in lessons.cells(lesson, "pytorch") if cell["kind"] == "code")
    headings = " ".join(re.findall(r"^#{2,3} (.+)$", prose, re.M)).lower()
    for word in ("before", "question", "by hand", "data", "model", "loss", "train", "break it", "differ", "exercise",
                 "summary", "references"):  # fmt: skip
        assert word in headings, f"no heading speaks of {word!r}: {headings}"
    assert 'quiz.show("' in code and '"before")' in code and '"after")' in code
    assert "run.record(" in code and "widgets." in code and "../../images/" in prose
    assert re.search(r"\| symbol \| meaning \| variable \| shape \|", prose)


@by_lesson
def test_equations_are_numbered_in_order_and_cited_in_code(lesson):
    cells = lessons.cells(lesson, "pytorch")
    numbers = [
        int(n) for cell in cells if cell["kind"] == "markdown" for n in re.findall(r"\\tag\{(\d+)\}", cell["source"])
    ]
    assert numbers == list(range(1, len(numbers) + 1)) and numbers
    cited = {int(n) for cell in cells if cell["kind"] == "code" for n in re.findall(r"Eqs?\. (\d+)", cell["source"])}
    assert cited and cited <= set(numbers)


@pytest.mark.parametrize(
    "name",
    ["README.md", "CONTRIBUTING.md", "INSTRUCTORS.md", "notebooks/README.md", "notebooks/SCOREBOARD.md",
     "notebooks/projects/VERDICTS.md", "images/SOURCES.md"],
)  # fmt: skip
def test_pages_link_to_files_that_exist(name):
    path = ROOT / name
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s#]+)|src=\"([^\"]+)\"", text):
        target = target[0] or target[1]
        if not re.match(r"https?:|mailto:", target):
            assert (path.parent / target).exists(), target
    assert not re.search(r"!\[\s*\]\(", text)


def test_the_table_of_helpers_names_each_once():
    folder = ROOT / "helpers"
    modules = [path.stem for path in folder.glob("*.py") if path.name != "__init__.py"]
    packages = [path.parent.name for path in folder.glob("*/__init__.py")]
    named = re.findall(r"^\| `(\w+)` \|", (folder / "README.md").read_text(encoding="utf-8"), re.M)
    assert sorted(named) == sorted(modules + packages)


def test_no_file_names_a_path_of_a_machine():
    for pattern in (
        "helpers/**/*.py",
        "notebooks/**/*.py",
        "notebooks/source/**/*.md",
        "*.md",
        "*.toml",
        "Make*",
        "*.txt",
    ):
        for path in Path(ROOT).glob(pattern):
            assert not re.search(MACHINE_PATH, path.read_text(encoding="utf-8")), path
