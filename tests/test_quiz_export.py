"""Exported quizzes read back as what went in."""

import re
import xml.etree.ElementTree as ET

import pytest
from quiz_examples import example

from helpers import quiz


@pytest.fixture
def stored(monkeypatch):
    content = example()
    monkeypatch.setattr(quiz, "load", lambda lesson: content)
    return content


def test_moodle_reads_back(stored, tmp_path):
    path = quiz.export("02_vae", "moodle", tmp_path / "new" / "quiz.xml")
    root = ET.parse(path).getroot()
    kinds = [question.get("type") for question in root]
    assert kinds == ["category", "multichoice", "multichoice", "category", "numerical"]
    single, multiple, numeric = (question for question in root if question.get("type") != "category")
    assert root[0].findtext("category/text") == "$course$/top/02_vae The VAE // an introduction/before the lesson"
    assert single.findtext("single") == "true" and multiple.findtext("single") == "false"
    assert [answer.get("fraction") for answer in single.iter("answer")] == ["0", "100", "0"]
    assert [answer.get("fraction") for answer in multiple.iter("answer")] == ["50", "50", "-100"]
    assert [answer.findtext("text") for answer in single.iter("answer")][0] == "-1 or a &lt; b"
    assert all(answer.findtext("feedback/text") for answer in root.iter("answer"))
    assert "<code>a[0](b)</code>" in single.findtext("questiontext/text")
    assert "if a &lt; b: pass" in multiple.findtext("questiontext/text")
    values = [(a.findtext("text"), a.get("fraction"), a.findtext("tolerance")) for a in numeric.iter("answer")]
    assert values == [("0.5", "100", "0.01"), ("1", "0", "0.01"), ("*", "0", "0")]
    assert [question.findtext("idnumber") for question in (single, numeric)] == ["02-before-1", "02-after-1"]
    assert [question.findtext("defaultgrade") for question in (single, multiple, numeric)] == ["1", "2", "1"]


def test_three_right_answers_share_the_points(stored, tmp_path):
    stored["before"][1]["answers"].insert(0, {"text": "zero", "correct": True, "feedback": "Yes."})
    root = ET.parse(quiz.export("02_vae", "moodle", tmp_path / "quiz.xml", part="before")).getroot()
    fractions = [answer.get("fraction") for answer in root[2].iter("answer")]
    assert fractions == ["33.33333", "33.33333", "33.33333", "-100"] and len(root) == 3


def _read_canvas(text):
    """The questions of a text2qti file: title, points, marks of the answers, pieces of feedback."""
    blocks = re.split(r"\n\n(?=Title: )", text)
    assert re.fullmatch(r"Quiz title: .+\nshuffle answers: true", blocks[0])
    for block in blocks[1:]:
        lines = block.splitlines()
        yield {
            "title": lines[0].removeprefix("Title: "),
            "points": int(lines[1].removeprefix("Points: ")),
            "question": lines[2].removeprefix("1. "),
            "marks": [m[0] for line in lines if (m := re.match(r"(\*?[a-h]\)|\[[* ]\]|=)", line))],
            "feedback": sum(line.startswith(("... ", "+ ", "- ")) for line in lines),
            "text": block,
        }


def test_canvas_reads_back(stored, tmp_path):
    text = quiz.export("02_vae", "canvas", tmp_path / "quiz.txt").read_text(encoding="utf-8")
    single, multiple, numeric = _read_canvas(text)
    assert [q["title"] for q in (single, multiple, numeric)] == ["02-before-1", "02-before-2", "02-after-1"]
    assert (single["marks"], single["feedback"]) == (["a)", "*b)", "c)"], 3)
    assert (multiple["marks"], multiple["points"]) == (["[*]", "[*]", "[ ]"], 2)
    assert (numeric["marks"], numeric["feedback"]) == (["="], 2) and "=  0.5 +- 0.01" in numeric["text"]
    assert single["question"].endswith(r"&lt; 0 &amp; `a[0](b)` \*bold\* \{x\}?")
    assert r"*b) 2\. second" in single["text"] and r"a) \-1 or" in single["text"]
    assert "\n   ```\n   std = exp(0.5 * logvar)\n   if a < b: pass\n   ```" in multiple["text"]
    assert "If you got 1: The factor ½ is missing." in numeric["text"]


def test_text2qti_accepts_it(stored, tmp_path):
    from text2qti.config import Config
    from text2qti.quiz import Quiz

    text = quiz.export("02_vae", "canvas", tmp_path / "quiz.txt").read_text(encoding="utf-8")
    assert len(Quiz(text, config=Config(), source_name="quiz").questions_and_delims) == 3


def test_an_export_is_written_whole_or_not_at_all(stored, tmp_path, monkeypatch):
    path = tmp_path / "quiz.xml"
    path.write_text("old")
    stored["after"][0]["answer"]["value"] = None
    with pytest.raises(TypeError):
        quiz.export("02_vae", "moodle", path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match="canvas, moodle"):
        quiz.export("02_vae", "blackboard", path)
    with pytest.raises(ValueError, match="before"):
        quiz.export("02_vae", "moodle", path, part="middle")
