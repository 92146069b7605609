"""Quizzes in a browser: feedback, the score, answers that come back after a reload, and pages that may keep nothing.

The page is opened in frames of a driver page, one after another; each frame is a document of its own, as after a reload.
"""

import html
import json
import re
import subprocess

import chromium
import nbformat
import pytest
from quiz_examples import NUMERIC, example

from helpers import html_pages, quiz_show

CHROMIUM = chromium.find()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

DRIVER = """<!doctype html><meta charset=utf-8><body><script>
const steps = STEPS;
const results = [];
addEventListener("message", ({ data }) => {
  results.push(data);
  document.querySelector("iframe").remove();
  next();
});
function next() {
  const step = steps.shift();
  if (!step) {
    document.body.append(Object.assign(document.createElement("pre"), { id: "results", textContent: JSON.stringify(results) }));
    return;
  }
  const frame = document.createElement("iframe");
  frame.srcdoc = step;
  document.body.append(frame);
}
next();
</script>"""
TOOLS = """<script>
const all = (selector) => [...document.querySelectorAll(selector)];
const choose = (i) => all(".answer input")[i].click();
const type = (i, text) => { all(".number")[i].value = text; all(".typed button")[i].click(); };
const press = (node, key) => node.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const texts = (selector) => all(selector).map((node) => node.textContent);
const states = () => all(".answer, .number").map((node) => node.dataset.state);
setTimeout(() => parent.postMessage((() => { CODE })(), "*"), 50);
</script>"""
SEEN = "return { score: texts('.score')[0], feedback: texts('.feedback'), states: states(), kept: texts('.kept')[0] };"

FORGET = "<script>localStorage.clear();</script>"


def run(tmp_path, *steps):
    """What the code of each step (page, code) returns, run in its page; all in one browser, one after another."""
    given = [page + TOOLS.replace("CODE", code) for page, code in steps]
    file = tmp_path / "driver.html"
    file.write_text(DRIVER.replace("STEPS", json.dumps(given).replace("</", "<\\/")), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--virtual-time-budget=20000", "--dump-dom", file.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=60)
    found = re.search(r'<pre id="results">(.*?)</pre>', dom.stdout, re.DOTALL)
    assert found, dom.stderr[-2000:]
    return json.loads(html.unescape(found[1]))


@pytest.fixture
def content():
    """The example, with all its questions in one part: single (3 answers), multiple (3), numeric."""
    quiz = example()
    return quiz | {"before": [*quiz["before"], NUMERIC]}


@pytest.fixture
def page(content):
    return quiz_show.page(content, "before")


def test_every_answer_gets_its_feedback_and_the_first_try_counts(page, tmp_path):
    code = """
      const out = [[texts(".score")[0], ""]];
      const note = (i) => out.push([texts(".score")[0], texts(".feedback")[i]]);
      choose(0); note(0); choose(1); note(0);
      choose(3); note(1); choose(4); note(1); choose(5); note(1);
      for (const text of ["much", "0.51", "1", "7"]) { type(0, text); note(2); }
      return { out, states: states(), tags: texts(".mark"), lists: all("ol").length };"""
    (seen,) = run(tmp_path, (page, code))
    assert seen["out"] == [
        ["3 questions, 4 points. None is answered yet.", ""],
        ["1 of 3 questions answered, 0 right at the first try.", "✘ No: μ² & σ²."],
        ["1 of 3 questions answered, 0 right at the first try.", "✔ Yes, <b>it</b> is f(x)."],
        ["1 of 3 questions answered, 0 right at the first try.", "✔ Right one. (1 of 2 found)"],
        ["2 of 3 questions answered, 1 right at the first try.", "✔ Right two. (2 of 2 found)"],
        ["2 of 3 questions answered, 1 right at the first try.", "✘ Wrong three. (2 of 2 found)"],
        ["2 of 3 questions answered, 1 right at the first try.", seen["out"][6][1]],
        ["2 of 3 right at the first try: 3 of 4 points.", "✔ Half a square."],
        ["2 of 3 right at the first try: 3 of 4 points.", "✘ The factor ½ is missing."],
        ["2 of 3 right at the first try: 3 of 4 points.", "✘ Put the numbers into Eq. 4."],
    ]
    assert seen["out"][6][1].startswith("This can't be read as a number.")
    assert seen["states"] == ["wrong", "right", "", "right", "right", "wrong", "wrong"] and seen["lists"] == 0
    assert seen["tags"] == ["✘ wrong", "✔ right", "", "✔ right", "✔ right", "✘ wrong"]  # not by colour alone


def test_a_wrong_tick_before_the_last_right_one_spoils_the_first_try(page, tmp_path):
    (seen,) = run(tmp_path, (page, "choose(3); choose(5); choose(4); choose(1);" + SEEN))
    assert seen["score"] == "2 of 3 questions answered, 1 right at the first try."


def test_numbers_as_people_type_them(page, tmp_path):
    typed = {"1/2": "right", " 5e-1 ": "right", "−0.5": "wrong", "1/0": "", "0,5": "", "": ""}
    steps = [(FORGET + page, f"type(0, {json.dumps(text)});" + SEEN) for text in typed]
    for seen, state in zip(run(tmp_path, *steps), typed.values(), strict=True):
        assert seen["states"][-1] == state
        assert seen["feedback"][-1].startswith("This can't be read") is (state == "")
        assert seen["score"].startswith("1 of 3 questions" if state else "3 questions")


def test_answers_come_back_until_the_student_starts_again(page, content, tmp_path):
    answers = "choose(0); choose(1); choose(4); type(0, '1');"
    other = quiz_show.page(content, "after")
    before, elsewhere, back, again, empty = run(
        tmp_path,
        (page, answers + SEEN),
        (other, "const first = states(); type(0, '0.5'); return first;"),
        (page, SEEN),
        (page, "all('.again')[0].click();" + SEEN),
        (page, "return { ...(() => {" + SEEN + "})(), left: Object.keys(localStorage) };"),
    )
    assert before == back and "kept in this browser" in back["kept"]
    assert back["states"] == ["wrong", "right", "", "", "right", "", "wrong"]
    assert back["feedback"] == [
        "✔ Yes, <b>it</b> is f(x).",
        "✔ Right two. (1 of 2 found)",
        "✘ The factor ½ is missing.",
    ]
    assert elsewhere == [""]
    for seen in (again, empty):
        assert seen["score"].startswith("3 questions") and not any(seen["states"] + seen["feedback"])
    assert empty["left"] == ["pixels-from-noise/quiz_02_vae_after"]


def test_a_changed_quiz_starts_anew(page, content, tmp_path):
    content["before"][0]["answers"][0]["text"] = "-1, or a > b"
    changed = quiz_show.page(content, "before")
    first, new = run(tmp_path, (page, "choose(1);" + SEEN), (changed, SEEN))
    assert first["score"].startswith("1 of 3") and new["score"].startswith("3 questions") and not any(new["states"])


def test_what_someone_else_stored_is_ignored(page, tmp_path):
    fingerprint = re.search(r'fingerprint = "(\w+)"', page)[1]
    steps = []
    for tries in ("[[7],[],[]]", "[[],[]]", '[[],[],["<b>"]]', '[["x"],[],[]]', "null", "{"):
        stored = json.dumps(f'{{"quiz": "{fingerprint}", "tries": {tries}}}')
        plant = f'<script>localStorage.setItem("pixels-from-noise/quiz_02_vae_before", {stored});</script>'
        steps.append((plant + page, "choose(1);" + SEEN))
    for seen in run(tmp_path, *steps):
        assert seen["score"] == "1 of 3 questions answered, 1 right at the first try."


def test_blocked_or_full_storage_leaves_the_quiz_as_it_is(page, tmp_path):
    full = "Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); };"
    blocked = (
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('', 'SecurityError'); } });"
    )
    answers = "choose(1); choose(5); type(0, '0.5');"
    for seen in run(
        tmp_path,
        (f"<script>{blocked}</script>{page}", answers + SEEN),
        (f"<script>{full}</script>{page}", answers + SEEN),
        (page, full + answers + SEEN),
    ):
        assert seen["score"] == "2 of 3 right at the first try: 2 of 4 points."
        assert seen["kept"].startswith("This page may keep nothing")


def test_arrows_move_without_choosing_and_enter_chooses(page, tmp_path):
    code = """
      const inputs = all(".answer input"), out = [];
      const at = () => out.push(inputs.indexOf(document.activeElement));
      inputs[0].focus(); at();
      for (const key of ["ArrowDown", "ArrowRight", "ArrowDown", "ArrowUp"]) {
        out.push(press(document.activeElement, key)); at();  // false: the browser leaves it to us
      }
      out.push(inputs.some((input) => input.checked), texts(".score")[0]);
      press(inputs[1], "Enter");
      all(".number")[0].value = "0.5";
      press(all(".number")[0], "Enter");
      out.push(texts(".score")[0], all("[data-lm-suppress-shortcuts=true]").length);
      return out;"""
    (seen,) = run(tmp_path, (page, code))
    assert seen[:9] == [0, False, 1, False, 2, False, 0, False, 2] and seen[9] is False and seen[10].startswith("3 q")
    assert seen[11:] == ["2 of 3 questions answered, 2 right at the first try.", 1]


def test_a_screen_reader_finds_names_and_announcements(page, tmp_path):
    code = """return {
      live: all("[role=status][aria-live=polite]").map((node) => node.className),
      groups: all("fieldset").map((node) => node.querySelector("legend").textContent),
      kinds: all(".answer input").map((input) => input.type),
      radios: new Set(all("input[type=radio]").map((input) => input.name)).size,
      labels: all("input").map((input) => input.labels[0].firstChild.textContent + input.labels[0].innerText),
    };"""
    (seen,) = run(tmp_path, (page, code))
    assert seen["live"] == ["feedback"] * 3 + ["score"] and seen["radios"] == 1
    assert seen["groups"][1] == "Question 2 of 3 · 2 points · choose all that apply Which hold?"
    assert seen["kinds"] == ["radio"] * 3 + ["checkbox"] * 3
    assert "2. second" in seen["labels"][1] and "Your answer in nats" in seen["labels"][-1]


def test_two_views_of_a_quiz_agree_and_typing_is_not_lost(page, tmp_path):
    code = "all('.number')[1].value = '0.'; choose(1); return [texts('.score'), all('.number')[1].value];"
    (seen,) = run(tmp_path, (page + page, code))
    assert seen == [["1 of 3 questions answered, 1 right at the first try."] * 2, "0."]


def test_an_exported_notebook_keeps_answers_too(content, tmp_path):
    output = nbformat.v4.new_output("display_data", quiz_show.output(content, "before"))
    cell = nbformat.v4.new_code_cell('quiz.show("02_vae", "before")', outputs=[output])
    exported = html_pages.page(nbformat.v4.new_notebook(cells=[cell]))
    exported = re.sub(r"<script[^>]+src=.*?</script>", "", exported, flags=re.S)  # what only a network would bring
    first, back = run(tmp_path, (exported, "choose(1);" + SEEN), (exported, SEEN))
    assert first == back and back["score"].startswith("1 of 3 questions answered, 1 right")
