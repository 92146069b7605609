"""Pages that people read, held against axe without a network: lessons and projects, quizzes on paper, an instructor's pages,
a grader's feedback. No finding of any impact may be left, and no rule is switched off.
"""

import axe
import pytest

import build
import release_instructor
from helpers import html_pages, lessons, quiz, quiz_paper
from helpers.exercises import definitions
from helpers.grading import pages as grading_pages
from helpers.grading.judge import EMPTY, FAILED, PARTLY, RIGHT, Verdict
from release_student import Choice

NOTEBOOKS = [(name, track) for name in lessons.everything() for track in lessons.tracks(name)]
BROKEN = """<!DOCTYPE html><html lang="en"><head><title>A page</title></head><body><main><h1>A page</h1>
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><p style="color: #999; background: #fff">Pale text</p>
<div class="highlight"><pre><span class="k">if</span> <span class="c" style="color: #aaa">b</span>
<span class="c" style="color: #aaa"># pale words</span></pre></div></main></body></html>"""


@pytest.fixture(scope="module")
def offline(browser):
    """A tab without a network."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def opened(offline, tmp_path):
    """Open a page, given as HTML, from a file."""

    def open_it(text):
        file = tmp_path / "page.html"
        file.write_text(text, encoding="utf-8")
        offline.goto(file.as_uri(), wait_until="load")
        return offline

    return open_it


def test_axe_reports_a_missing_text_and_pale_colours(opened):
    found = axe.findings(opened(BROKEN))
    assert [(one.rule, one.impact, one.count) for one in found] == [
        ("color-contrast", "serious", 2), ("image-alt", "critical", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "track"), NOTEBOOKS)
def test_an_exported_notebook(opened, name, track):
    file = lessons.notebook_file(name, track)
    page = opened(html_pages.page(build.read(file), file.parent))
    assert page.locator("h1").first.inner_text().rstrip("¶") == page.title()
    assert page.locator(".jp-OutputArea-output").count() > 3  # the outputs are there to be judged
    assert list(map(str, axe.findings(page))) == []


@pytest.mark.parametrize("key", [False, True])
def test_a_quiz_on_paper(opened, key):
    text = quiz_paper.printable_html(quiz.load("02_vae"), ["before", "after"], key)
    assert list(map(str, axe.findings(opened(text)))) == []


def test_an_instructors_pages(opened):
    files = release_instructor.files(Choice(("02_vae",), "pytorch"))
    pages = {name: text.decode() for name, text in files.items() if name.endswith(".html")}
    assert {"index.html", "guides/02_vae.html", "slides/02_vae_pytorch.html"} <= set(pages)
    found = {}
    for name, text in pages.items():
        page = opened(text)
        found[name] = list(map(str, axe.findings(page)))
        if name.startswith("slides/"):
            page.evaluate("document.querySelectorAll('.shown').forEach((node) => node.classList.remove('shown'))")
            assert page.locator("section").last.is_visible()
            found[f"{name}, all at once"] = list(map(str, axe.findings(page)))
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_a_graders_feedback(opened):
    verdicts = {
        "q1": Verdict(RIGHT, 1), "q2": Verdict(PARTLY, 1, ["The factor ½ is missing."], "a printed line"),
        "q3": Verdict(EMPTY), "q4": Verdict(FAILED, 0, ["It took more than 10 seconds."]),
    }  # fmt: skip
    grade = grading_pages.Grade("Ada", "1", "ada", "02_vae", "02_vae.ipynb", "pytorch", verdicts, ["Handed in late."])
    assert list(map(str, axe.findings(opened(grading_pages.page(grade, definitions("02_vae"), "Lesson 2"))))) == []
