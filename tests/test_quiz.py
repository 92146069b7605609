"""Quizzes: every rule can fail, the display is readable and the same each time."""

import copy
import re

import pytest
import yaml
from colours import contrast
from quiz_examples import NUMERIC, SINGLE, example

import build
from helpers import lessons, quiz, quiz_show

LESSONS = quiz.lessons_with_quiz()


@pytest.fixture
def content():
    return example()


@pytest.fixture
def load(tmp_path):
    def write_and_load(content, name="02_vae"):
        text = content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True)
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        return quiz.load(name, tmp_path)

    return write_and_load


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_quiz_file_holds(lesson):
    assert quiz.problems(lesson) == []


def test_the_example_in_the_documentation_is_valid(load):
    lines = quiz.__doc__.partition("A complete example::\n")[2].partition("\nRules that")[0]
    example = load("\n".join(line.removeprefix("    ") for line in lines.splitlines()))
    assert [question["type"] for question in example["before"] + example["after"]] == ["single", "multiple", "numeric"]


def test_a_valid_quiz_loads(content, load):
    assert load(content) == content


def _set(path, value):
    def change(content):
        *way, last = path
        for step in way:
            content = content[step]
        if value is KeyError:
            del content[last]
        else:
            content[last] = value

    return change


def _repeat(content):
    content["after"].append(copy.deepcopy(content["after"][0]))


def _four_singles(right_at, longest):
    def change(content):
        content["before"] = []
        for i in range(4):
            answers = [{"text": f"answer {k}", "feedback": "So."} for k in range(3)]
            answers[right_at(i)] |= {"correct": True, "text": "the right one, at length" if longest(i) else "r"}
            content["before"].append(SINGLE | {"id": f"02-before-{i + 1}", "question": f"Q{i}?", "answers": answers})

    return change


BROKEN = {
    "add title": _set(["title"], KeyError),
    "'lesson': write '02_vae'": _set(["lesson"], "03_cvae"),
    "question 02-before-1: add points": _set(["before", 0, "points"], KeyError),
    "question 02-before-1, answers 2: add feedback": _set(["before", 0, "answers", 1, "feedback"], KeyError),
    "True is no text; put it between quotes": _set(["before", 0, "answers", 1, "feedback"], True),
    "question 02-before-2, points": _set(["before", 1, "points"], 0),
    "must be one of 'single', 'multiple', 'numeric'": _set(["before", 0, "type"], "choice"),
    "an unknown field": _set(["before", 0, "hint"], "no"),
    "question 1 of 'before': add id": _set(["before", 0, "id"], KeyError),
    "doesn't have the form": _set(["before", 0, "id"], "q1"),
    "its id must start with 02-before-": _set(["before", 0, "id"], "02-after-7"),
    "field 'after'": _set(["after"], []),
    "exactly one answer with correct: true; this one has 0": _set(["before", 0, "answers", 1, "correct"], False),
    "exactly one answer with correct: true; this one has 2": _set(["before", 0, "answers", 0, "correct"], True),
    "at least one right and one wrong": _set(["before", 1, "answers", 2, "correct"], True),
    "two answers read alike": _set(["before", 1, "answers", 1, "text"], "ONE "),
    "write the maths": _set(["before", 1, "question"], "Is $x$ large?"),
    "in Unicode": _set(["before", 1, "answers", 0, "feedback"], r"As \frac12 says."),
    "a backtick without its partner": _set(["before", 1, "question"], "Is `x large?"),
    "add wrong": _set(["after", 0, "wrong"], KeyError),
    "overlap within their tolerances": _set(["after", 0, "wrong", 0, "value"], 0.51),
    "needs a tolerance above 0": _set(["after", 0, "answer"], {"value": 0, "tolerance": 0, "feedback": "None."}),
    "'02-after-1' stands 2 times": _repeat,
    "number 2 in all 4 single questions": _four_singles(lambda i: 1, lambda i: False),
    "the longest in 4 of 4 single questions": _four_singles(lambda i: i % 3, lambda i: True),
}


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_quiz_is_refused_with_file_question_and_remedy(words, content, load):
    BROKEN[words](content)
    with pytest.raises(quiz.QuizError) as refusal:
        load(content)
    assert words in str(refusal.value)
    assert all(line.startswith("02_vae.yaml") for line in str(refusal.value).splitlines())


def test_a_mixed_file_passes_the_same_rules(content, load):
    _four_singles(lambda i: i % 3, lambda i: i == 0)(content)
    load(content)


@pytest.mark.parametrize(
    ("text", "words"),
    [("lesson: [1", "not readable as YAML"), ("a: b: c", "line 1"), ("- 1\n- 2", "the file"), ("", "the file")],
)
def test_unreadable_files(text, words, load):
    with pytest.raises(quiz.QuizError, match=words):
        load(text)


def test_an_unknown_lesson_lists_the_known_ones():
    with pytest.raises(quiz.QuizError, match=r"99_none\.yaml.*00_start_here"):
        quiz.load("99_none")


def test_a_finished_lesson_needs_enough_questions_about_its_objectives(content, load, tmp_path, monkeypatch):
    load(content)
    monkeypatch.setattr(quiz, "_objectives", lambda lesson: ["reparameterise"])
    text = "\n".join(quiz.problems("02_vae", tmp_path))
    assert "at least 5 questions, has 2" in text and "unknown objective 'elbo'" in text
    assert "objective 'reparameterise' has no question" in text


# --- display --------------------------------------------------------------------------------------------------------


def test_texts_are_escaped_and_marked(content):
    shown = quiz_show.as_data(content["before"][0], "Question 1 of 2")
    assert "&lt; 0 &amp; <code>a[0](b)</code>" in shown["text"] and shown["task"] == "Question 1 of 2 · 1 point"
    assert shown["answers"][1] == {
        "text": "2. second", "right": True, "feedback": "Yes, &lt;b&gt;it&lt;/b&gt; is <code>f(x)</code>.",
    }  # fmt: skip
    several = quiz_show.as_data(content["before"][1])
    assert several["task"].endswith("2 points · choose all that apply") and "a &lt; b" in several["code"]


def test_numbers_become_ranges():
    answers = quiz_show.as_data(NUMERIC)["answers"]
    assert answers[0]["low"] <= 0.49 and answers[0]["high"] >= 0.51
    assert [answer["right"] for answer in answers] == [True, False]
    exact = quiz_show.as_data(NUMERIC | {"answer": {"value": 784, "tolerance": 0, "feedback": "Yes."}})["answers"][0]
    assert exact["low"] <= 784 <= exact["high"] < 784.001


def test_the_page_is_the_same_each_time_and_small(content):
    content["before"][0]["answers"][0]["feedback"] = "</script>"
    pages = {quiz_show.page(content, "before") for _ in range(3)}
    assert len(pages) == 1
    page = pages.pop()
    assert 'class="course-quiz quiz_02_vae_before"' in page and 'name = "quiz_02_vae_before"' in page
    assert "Which hold?" in page.partition("<script>")[0]  # readable where no script runs
    assert page.count("</script>") == 1 and "\n//" not in page and "@" not in page
    assert quiz_show.stored_bytes(content, "before") < 20_000


def test_another_text_another_fingerprint(content):
    def fingerprint():
        return re.search(r'fingerprint = "(\w{16})"', quiz_show.page(content, "before"))[1]

    first = fingerprint()
    content["before"][1]["answers"][2]["feedback"] += " Really."
    assert fingerprint() != first


@pytest.mark.parametrize("lesson", LESSONS)
def test_nothing_is_fetched_sent_or_left_to_a_typesetter(lesson):
    """Formulas are Unicode, so that they read the same offline, in JupyterLab and in an exported page."""
    for part in ("before", "after"):
        page = quiz_show.page(quiz.load(lesson), part)
        assert not re.search(r"https?:|//\w+\.|\bfetch\b|XMLHttp|sendBeacon|WebSocket|import\(|\bsrc\b|MathJax", page)
        assert not re.search(r"\$|\\\\[a-zA-Z(\[]", page.partition("\n<style>")[0])


def test_committed_notebooks_show_the_quizzes_of_today(content, monkeypatch):
    shown = 0
    for lesson in LESSONS:
        for track in lessons.tracks(lesson):
            notebook = build.read(lessons.notebook_file(lesson, track))
            stored = copy.deepcopy(notebook)
            build.renew_quizzes(notebook)
            assert notebook == stored, f"{lesson} {track}: run python notebooks/build.py {lesson}"
            cells = [cell for cell in notebook.cells if "quiz.show(" in cell.source and cell.get("outputs")]
            shown += len(cells)
    assert shown == 2 * 16 + 1  # before and after, of eight lessons in two tracks; one in the start notebook
    monkeypatch.setattr(quiz, "load", lambda lesson: content)
    build.renew_quizzes(notebook)
    assert notebook != stored and sum(a != b for a, b in zip(notebook.cells, stored.cells, strict=True)) == 2


def test_the_text_lists_questions_without_marking_answers(content):
    text = quiz_show.plain_text(content, "before")
    assert "( ) 2. second" in text and "[ ] one" in text and "Right" not in text and "✔" not in text
    assert "____ nats" in quiz_show.plain_text(content, "after")


def test_show_prints_without_a_notebook_and_reports_a_faulty_file(capsys, monkeypatch):
    quiz.show("00_start_here", "before")
    assert "Start here" in capsys.readouterr().out
    monkeypatch.setattr(quiz, "load", lambda lesson: (_ for _ in ()).throw(quiz.QuizError("02.yaml: question 3")))
    quiz.show("02_vae", "before")
    assert "can't be shown" in capsys.readouterr().out
    with pytest.raises(ValueError, match='"before" or "after"'):
        quiz.show("00_start_here", "middle")


def test_the_contrast_formula():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)  # the grey known to fail by a hair


def test_every_colour_pair_reaches_wcag_aa():
    c = quiz_show.COLOURS
    pairs = [(name, ground) for name in ("text", "quiet", "right", "wrong") for ground in ("card", "field")]
    pairs += [("right", "right-field"), ("wrong", "wrong-field")]
    low = {pair: contrast(c[pair[0]], c[pair[1]]) for pair in pairs if contrast(c[pair[0]], c[pair[1]]) < 4.5}
    assert not low
    frames = [("frame", "card"), ("frame", "field"), ("focus", "card"), ("right", "card"), ("wrong", "card")]
    assert all(contrast(c[one], c[other]) >= 3 for one, other in frames)  # parts that aren't text
    assert set(re.findall(r"@([a-z-]+)", quiz_show.STYLE)) == set(c)


# --- command line ---------------------------------------------------------------------------------------------------


def test_the_command_line(tmp_path, capsys):
    assert quiz.main(["validate", "00_start_here"]) == 0
    assert "✔ 00_start_here.yaml: 2 questions before" in capsys.readouterr().out
    assert quiz.main(["validate", "99_none"]) == 1
    assert "✘ there is no quiz 99_none.yaml" in capsys.readouterr().out
    out = tmp_path / "out.txt"
    assert quiz.main(["export", "00_start_here", "canvas", str(out), "--part", "before"]) == 0
    assert out.read_text(encoding="utf-8").count("Title: 00-before") == 2
    assert quiz.main(["export", "99_none", "canvas", str(out)]) == 1
    assert "99_none" in capsys.readouterr().err
