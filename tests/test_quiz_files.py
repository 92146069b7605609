"""The quizzes' files, read by readers of their own: every question, every answer graded as the course grades it."""

import html
import html.parser
import re
import xml.etree.ElementTree as ET
import zipfile
from collections import Counter

import pytest
from scipy import stats

from helpers import quiz
from helpers.quiz_rules import PARTS

QTI = "{http://www.imsglobal.org/xsd/ims_qtiasiv1p2}"
LESSONS = quiz.lessons_with_quiz()
QUESTIONS = {lesson: [q for part in PARTS for q in quiz.load(lesson)[part]] for lesson in LESSONS}
by_lesson = pytest.mark.parametrize("lesson", LESSONS)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quizzes") / "all"
    assert quiz.main(["all", str(folder)]) == 0
    return folder


def plain(text):
    """The words of a piece of HTML or of the quiz's own text, without markup and spaces."""
    text = html.unescape(re.sub(r"<[^>]+>", "", text))
    return re.sub(r"[\s`]+", "", text).translate(str.maketrans("’‘“”–—…", "''\"\"---")).replace("...", "-")


# --- Canvas


def truth(condition, response):
    """The value of a QTI condition for a response: a set of answers, or a number."""
    kind, text = condition.tag.removeprefix(QTI), (condition.text or "").strip()
    if kind in ("conditionvar", "and"):
        return all(truth(part, response) for part in condition)
    if kind == "or":
        return any(truth(part, response) for part in condition)
    if kind == "not":
        return not truth(condition[0], response)
    if kind == "varequal":
        return text in response if isinstance(response, set) else float(text) == response
    return {"vargte": lambda: response >= float(text), "varlte": lambda: response <= float(text),
            "other": lambda: True}[kind]()  # fmt: skip


def canvas_score(item, response):
    """Percent of the points that Canvas gives."""
    for condition in item.iter(f"{QTI}respcondition"):
        score = condition.find(f"{QTI}setvar")
        if score is not None and truth(condition.find(f"{QTI}conditionvar"), response):
            return float(score.text)
    return 0.0


def canvas_items(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None and "imsmanifest.xml" in archive.namelist()
        pages = [ET.fromstring(archive.read(name)) for name in archive.namelist() if name.endswith(".xml")]
    assert any(element.tag.endswith("shuffle_answers") and element.text == "true" for page in pages for element in page)
    return [item for page in pages for item in page.iter(f"{QTI}item")]


@by_lesson
def test_canvas_grades_as_the_course_does(files, lesson):
    items = canvas_items(files / "canvas" / f"{lesson}.zip")
    assert [item.get("title") for item in items] == [question["id"] for question in QUESTIONS[lesson]]
    for item, question in zip(items, QUESTIONS[lesson], strict=True):
        if question["type"] == "numeric":
            for value, right in graded_values(question):
                assert (canvas_score(item, value) == 100) == right, (question["id"], value)
            continue
        labels = list(item.iter(f"{QTI}response_label"))
        names = [label.get("ident") for label in labels]
        texts = [plain(next(label.iter(f"{QTI}mattext")).text) for label in labels]
        assert texts == [plain(answer["text"]) for answer in question["answers"]], question["id"]
        right = {name for name, a in zip(names, question["answers"], strict=True) if a.get("correct")}
        others = [{name} for name in names] if question["type"] == "single" else [right ^ {name} for name in names]
        assert canvas_score(item, right) == 100
        assert [canvas_score(item, response) == 100 for response in others] == [
            response == right for response in others
        ]
        said = [plain(feedback.find(f".//{QTI}mattext").text) for feedback in item.iter(f"{QTI}itemfeedback")]
        assert {plain(answer["feedback"]) for answer in question["answers"]} <= set(said)


def graded_values(question):
    """Numbers and whether the course takes them for right."""
    answer = question["answer"]
    value, tolerance = answer["value"], answer["tolerance"]
    yield value, True
    yield from ((value + side * 0.9 * tolerance, True) for side in (-1, 1) if tolerance)
    yield from ((value + side * (1.2 * tolerance + 1e-3 * abs(value) + 1e-3), False) for side in (-1, 1))
    yield from ((wrong["value"], False) for wrong in question["wrong"])


# --- Moodle


@by_lesson
def test_moodle_grades_as_the_course_does(files, lesson):
    root = ET.parse(files / "moodle" / f"{lesson}.xml").getroot()
    found = [element for element in root if element.get("type") != "category"]
    assert [element.findtext("idnumber") for element in found] == [question["id"] for question in QUESTIONS[lesson]]
    for element, question in zip(found, QUESTIONS[lesson], strict=True):
        answers = [(a.findtext("text"), float(a.get("fraction")), float(a.findtext("tolerance") or 0))
                   for a in element.iter("answer")]  # fmt: skip
        assert all(a.findtext("feedback/text").strip() for a in element.iter("answer"))
        if question["type"] == "numeric":
            for value, right in graded_values(question):
                spans = [(float(text), fraction, width) for text, fraction, width in answers if text != "*"]
                got = next((fraction for text, fraction, width in spans if abs(value - text) <= width + 1e-12), 0)
                assert (got == 100) == right, (question["id"], value)
            continue
        assert [plain(text) for text, _, _ in answers] == [plain(a["text"]) for a in question["answers"]]
        assert sum(fraction for _, fraction, _ in answers if fraction > 0) == pytest.approx(100, abs=0.01)
        assert [fraction > 0 for _, fraction, _ in answers] == [bool(a.get("correct")) for a in question["answers"]]


# --- paper


class Page(html.parser.HTMLParser):
    """Collects a page's text, its tags in order, and whether they close as they open."""

    VOID = {"meta", "br", "img"}

    def __init__(self, text):
        super().__init__()
        self.words, self.tags, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)


@by_lesson
def test_pages_hold_every_question_and_only_the_key_holds_answers(files, lesson):
    content = quiz.load(lesson)
    key = plain("".join(Page((files / "key" / f"{lesson}.html").read_text(encoding="utf-8")).words))
    for part in PARTS:
        text = (files / "paper" / f"{lesson}_{part}.html").read_text(encoding="utf-8")
        page = Page(text)
        assert page.open == [] and ("html", {"lang": "en"}) in page.tags
        assert [tag for tag, _ in page.tags].count("h1") == 1
        words = plain("".join(page.words))
        for question in content[part]:
            assert plain(question["question"]) in words and plain(question["question"]) in key
            values = [question["answer"], *question["wrong"]] if question["type"] == "numeric" else question["answers"]
            for answer in values:
                assert plain(answer["feedback"]) in key and plain(answer["feedback"]) not in words
            for answer in question.get("answers", []):
                assert plain(answer["text"]) in words and plain(answer["text"]) in key
        assert 'class="key"' not in text and 'class="right"' not in text


def test_without_the_key_nothing_holds_an_answer(tmp_path, capsys):
    assert quiz.main(["all", str(tmp_path / "out"), "--no-key", "--lessons", "02_vae"]) == 0
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert found == ["out/paper/02_vae_after.html", "out/paper/02_vae_before.html"]
    assert "wrote 2 files" in capsys.readouterr().out


def test_a_folder_with_other_things_is_left_alone(tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("mine")
    assert quiz.main(["all", str(tmp_path)]) == 1
    assert "name a new folder" in capsys.readouterr().err and (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_failed_export_leaves_the_earlier_one(tmp_path, monkeypatch):
    assert quiz.main(["all", str(tmp_path / "out"), "--lessons", "02_vae"]) == 0
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr("helpers.quiz_export.moodle_xml", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        quiz.main(["all", str(tmp_path / "out"), "--lessons", "03_cvae"])
    assert sorted(tmp_path.rglob("*")) == before


# --- statistics of the items


def test_neither_place_nor_length_gives_the_right_answer_away():
    """Over all single questions: no place and no length is right more often than chance explains (5 %, two tests)."""
    singles = [q for questions in QUESTIONS.values() for q in questions if q["type"] == "single"]
    places, longest, expected = Counter(), 0, []
    for question in singles:
        right = [bool(answer.get("correct")) for answer in question["answers"]]
        lengths = [len(answer["text"]) for answer in question["answers"]]
        places[len(right), right.index(True)] += 1
        longest += lengths[right.index(True)] == max(lengths)
        expected.append(1 / len(right))
    threes = [places[3, i] for i in range(3)]
    assert sum(threes) > 30 and stats.chisquare(threes).pvalue > 0.05, threes
    chance = sum(expected) / len(expected)
    assert stats.binomtest(longest, len(singles), chance, alternative="greater").pvalue > 0.05, longest
