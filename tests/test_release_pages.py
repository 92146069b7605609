"""The instructors' edition: guides with solutions and keys, slides that need no network, notebooks with solutions in place."""

import json
import re
import subprocess

import chromium
import nbformat
import pytest

import build
import release_guides
import release_instructor
import release_slides
from helpers import exercises, lessons, quiz
from release_files import with_links_to
from release_pages import as_html
from release_student import Choice

CHROMIUM = chromium.find()


@pytest.fixture(scope="module")
def instructor():
    """The instructors' edition of lesson 2 and the start notebook in PyTorch, as files by path."""
    return release_instructor.files(Choice(("00_start_here", "02_vae"), "pytorch"))


def test_a_guide_holds_objectives_times_solutions_mistakes_and_key():
    text = release_guides.guide("02_vae", ["pytorch", "tensorflow"])
    front = lessons.front_matter("02_vae")
    assert all(one["text"] in text for one in front["objectives"])
    declared = exercises.definitions("02_vae")
    total = front["minutes"] + sum(one.minutes for one in declared.values())
    quizzes = quiz.load("02_vae")
    total += sum(max(1, round(0.5 * len(quizzes[part]))) for part in ("before", "after"))
    assert f"| together | {total} |" in text
    for qid, one in declared.items():
        for track in lessons.TRACKS:
            assert lessons.solution("02_vae", qid, track).strip() in text
        assert all(mistake.message in text for mistake in one.mistakes)
        assert f"| exercise {qid[1:]}: {one.title} | {one.minutes} |" in text
    assert text.count("**Solution in PyTorch**") == 3 and text.count("**Solution**") == 3
    assert "3 points" in text and "without it there is no control" in text  # what a check of its own says
    for part in ("before", "after"):
        for question in quizzes[part]:
            rights = [answer["text"] for answer in question.get("answers", []) if answer.get("correct")]
            assert all(f"✔ {' '.join(right.split())}:" in text for right in rights)


def test_every_lesson_and_project_has_a_guide():
    for lesson in lessons.everything():
        text = release_guides.guide(lesson, list(lessons.tracks(lesson)))
        assert text.startswith("# ") and "## Timing" in text
        if lesson in exercises.known_lessons():
            assert text.count("**Common wrong answers") == len(exercises.definitions(lesson))


def test_slides_work_offline_and_say_what_figures_show(instructor):
    page = instructor["slides/02_vae_pytorch.html"].decode()
    assert not re.findall(r"(?:src|href)=\"(?!data:|https://arxiv\.org|#)[^\"]*\"|@import|url\(", page)
    assert not re.search(r"<script[^>]+src|<link", page)
    images = re.findall(r"<img [^>]*>", page)
    notebook = build.read(lessons.notebook_file("02_vae", "pytorch"))
    figures = sum(
        "image/png" in output.get("data", {})
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    assert len(images) >= figures - 1 >= 10  # less those of quizzes and exercises, and the diagram
    assert all(len(re.search(r'alt="([^"]*)"', image)[1]) > 20 for image in images)
    titles = [re.sub(r"<[^>]+>", "", title) for title in re.findall(r"<h2[^>]*>(.*?)</h2>", page)]
    assert titles[0] == "What you will be able to do" and {"The losses", "Break it", "Exercises", "Summary"} <= set(
        titles
    )
    assert page.count("<h1") == 1 and "ArrowRight" in page and 'aria-live="polite"' in page
    assert 'aria-label="D_{\\mathrm{KL}}' in page and "✔" not in page and ".check(" not in page
    for line in lessons.solution("02_vae", "q3", "pytorch").splitlines()[2:]:
        assert line.partition("#")[0].strip() not in page


def test_a_long_slide_goes_on_to_the_next_and_nothing_is_lost():
    items = "\n".join(f"{n}. Sentence {n} of a list, {'long ' * 25}" for n in range(1, 12))
    rows = "\n".join(f"| row {n} | {'cell ' * (30 * (n % 2) + 1)} |" for n in range(1, 15))
    parts = release_slides._blocks(f"First.\n\n{items}\n\n| a | b |\n| - | - |\n{rows}", release_slides.Path(), False)
    slides = release_slides.split(release_slides.Slide("Title", parts))
    assert [part for slide in slides for part in slide.parts] == parts and len(slides) > 3
    assert [slide.title for slide in slides[:2]] == ["Title", "Title (continued)"]
    assert all(sum(part.lines for part in slide.parts) <= release_slides.LINES for slide in slides)
    pages = [release_slides._section(slide) for slide in slides]
    for page in pages:
        numbers = [int(n) for n in re.findall(r"<li>Sentence (\d+)", page)]
        assert not numbers or f'<ol start="{numbers[0]}">'.replace(' start="1"', "") in page
        assert page.count("<th>a</th>") == page.count("<table>") == bool(re.search("<td>row", page))
        assert page.count("<ol") == page.count("</ol>") == bool(numbers)
    assert sum(page.count("<li>") for page in pages) == 11 and sum(page.count("<td>row") for page in pages) == 14


def test_no_row_stands_alone_under_the_head_of_its_table():
    rows = "\n".join(f"| row {n} | cell |" for n in range(1, 9))
    for count in range(1, 16):
        items = "\n".join(f"- item {n}" for n in range(count))
        parts = release_slides._blocks(f"{items}\n\n| a | b |\n| - | - |\n{rows}", release_slides.Path(), True)
        slides = release_slides.split(release_slides.Slide("Title", parts))
        first = next(slide for slide in slides if "<td>row" in slide.parts[-1].html)
        assert sum("<td>row" in part.html for part in first.parts) >= 3, count
        assert all(sum(part.lines for part in slide.parts) <= release_slides.LINES for slide in slides)


def test_a_figure_joins_a_few_lines_of_text_of_its_own_title():
    def slide(title, lines, picture=False):
        return release_slides.Slide(title, [release_slides.Part("<figure>" if picture else "<p>", lines)])

    def made(*slides):
        return [[part.html for part in slide.parts] for slide in release_slides.joined(list(slides))]

    assert made(slide("A", 3), slide("A", 14, True), slide("A", 14, True)) == [["<p>", "<figure>"], ["<figure>"]]
    assert made(slide("A", 9), slide("A", 14, True)) == [["<p>"], ["<figure>"]]
    (both,) = release_slides.joined([slide("A", 3), slide("A", 14, True)])
    assert release_slides.split(both) == [both]
    assert made(slide("A", 3), slide("B", 14, True), release_slides.Slide("C")) == [["<p>"], ["<figure>"]]


SCROLLS = """<script>setTimeout(() => {
  const slides = [...document.querySelectorAll("section")], seen = [];
  const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key }));
  press("Home");
  for (const slide of slides) {
    const over = slide.scrollHeight > slide.clientHeight || slide.scrollWidth > slide.clientWidth;
    seen.push([slides.indexOf(document.querySelector("section.now")), over, parseInt(slide.style.fontSize)]);
    press("ArrowRight");
  }
  document.body.append(Object.assign(document.createElement("pre"), { id: "seen", textContent: JSON.stringify(seen) }));
}, 500)</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("lesson", ["07_stylegan", "p3_creatures"])  # the longest tables and lists
def test_no_slide_scrolls(lesson, tmp_path):
    file = lessons.notebook_file(lesson, lessons.tracks(lesson)[0])
    page = release_slides.page(build.read(file), lesson, file.parent)
    (tmp_path / "slides.html").write_text(page.replace("</body>", SCROLLS + "</body>"), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += [
        "--window-size=1280,720",
        "--virtual-time-budget=20000",
        "--dump-dom",
        (tmp_path / "slides.html").as_uri(),
    ]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=60)
    seen = json.loads(re.search(r'<pre id="seen">(.*?)</pre>', dom.stdout)[1])
    assert [at for at, _, _ in seen] == list(range(page.count("<section>"))) and len(seen) > 20
    assert not [at for at, over, _ in seen if over] and min(size for _, _, size in seen) >= 85


def test_notebooks_have_solutions_and_the_outputs_of_a_run(instructor):
    notebook = nbformat.reads(instructor["notebooks/pytorch/02_vae.ipynb"].decode(), 4)
    nbformat.validate(notebook)
    sources = [cell.source for cell in notebook.cells]
    assert all(lessons.solution("02_vae", f"q{n}", "pytorch") in sources for n in range(1, 7))
    assert sum(bool(cell.get("outputs")) for cell in notebook.cells) > 15
    assert not [cell for cell in notebook.cells if ".check(" in cell.source and cell.outputs]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            assert cell.source == with_links_to(cell.source, "notebooks/pytorch", instructor)


def test_the_edition_holds_all_that_an_instructor_needs(instructor):
    for path in (
        "guides/02_vae.md",
        "guides/02_vae.html",
        "quizzes/key/02_vae.html",
        "quizzes/canvas/02_vae.zip",
        "quizzes/moodle/02_vae.xml",
        "helpers/exercise_sets/lesson_02_vae.py",
        "index.html",
        "GUIDE.md",
        "LICENSE",
    ):
        assert path in instructor, path
    text = instructor["GUIDE.md"].decode()
    assert text == with_links_to(text, "", instructor) and "slides/02_vae_pytorch.html" in text


def test_an_output_stays_with_its_code_only():
    old = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(source, id=name)
            for name, source in (("a", "1"), ("b", "2"), ("c", "q1.check(f)"))
        ]
    )
    for cell in old.cells:
        cell.outputs = [nbformat.v4.new_output("stream", text=cell.source)]
    new = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(source, id=name)
            for name, source in (("a", "1"), ("b", "3"), ("c", "q1.check(f)"))
        ]
    )
    release_instructor.copy_outputs(new, old)
    assert [bool(cell.outputs) for cell in new.cells] == [True, False, False]


# --- text


def test_code_is_no_formula():
    page = as_html("Pay `$5` and $x$:\n\n```\n$$ no $$\n```\n\n| a | b |\n| - | - |\n| 1 | $y$ |\n")
    assert "<code>$5</code>" in page and "$$ no $$" in page and page.count("<svg") == 2 and "<table>" in page


def test_sentences_end_where_they_end():
    text = "Use `a.b. C` here, i.e. now. At $p = 0.5. X$ it is 3.5 wide. Last."
    assert release_slides.sentences(text, 1) == "Use `a.b. C` here, i.e. now."
    assert release_slides.sentences(text, 2) == "Use `a.b. C` here, i.e. now. At $p = 0.5. X$ it is 3.5 wide."
    assert release_slides.sentences("No end", 2) == "No end"
