"""The two-alternative test: pairs and order, what is counted, what the browser hears and may know, the result, the keys."""

import base64
import io
import json
import re
import subprocess
from pathlib import Path

import chromium
import numpy as np
import pytest
from PIL import Image

from helpers import two_choices, widgets
from helpers.two_choices import QUESTION, TwoChoices

VIEW = "application/vnd.jupyter.widget-view+json"
CHROMIUM = chromium.find()
SCRIPT = Path(two_choices.__file__).with_suffix(".js")
REAL = np.arange(30, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)  # greys 0 … 29
FAKE = REAL + np.uint8(200)  # greys 200 … 229


def wide(correct, answered):
    return correct / answered / 2, 1.0


def test_of(trials=10, seed=0, interval=wide):
    return TwoChoices(REAL, FAKE, trials, np.random.default_rng(seed), interval, QUESTION)


test_of.__test__ = False


def grey(png):
    return int(np.asarray(Image.open(io.BytesIO(png)).convert("L"))[0, 0])


def fake_side(test):
    return "right" if grey(test.right_picture) >= 200 else "left"


def other(side):
    return "left" if side == "right" else "right"


def test_every_pair_has_one_of_each_on_a_random_side_and_no_picture_comes_twice():
    test, seen, sides = test_of(30), [], []
    for number in range(1, 31):
        greys = sorted((grey(test.left), grey(test.right_picture)))
        assert greys[0] < 30 and greys[1] >= 200 and test.number == number
        assert test.status == f"Pair {number} of 30."
        seen += greys
        sides.append(fake_side(test))
        test.choose("left")
    assert len(set(seen)) == 60
    assert 6 <= sides.count("left") <= 24  # 30 fair coins are outside once in a thousand tries
    orders = {tuple(two_choices.drawn(30, 30, 30, np.random.default_rng(seed))[1]) for seed in range(5)}
    assert len(orders) == 5


def test_right_and_wrong_answers_are_counted():
    test = test_of(10)
    for i in range(10):
        side = fake_side(test)
        test.choose(side if i < 7 else other(side))
        assert test.answered == i + 1 and test.correct == min(i + 1, 7)
    assert test.right == [True] * 7 + [False] * 3 and test.finished
    test.choose("left")  # after the end nothing counts
    assert test.answered == 10
    with pytest.raises(ValueError, match="side must be left or right, not 'middle'"):
        test_of().choose("middle")


def test_the_end_tells_the_result_and_shows_all_pairs():
    asked = []

    def interval(correct, answered):
        asked.append((correct, answered))
        return 0.61, 0.9

    test = test_of(4, interval=interval)
    assert not test.finished and test.review == b""
    for i in range(4):
        side = fake_side(test)
        test.choose(other(side) if i == 1 else side)
    assert asked == [(3, 4)]
    assert test.status.startswith("3 of 4 right. The interval reaches from 61% to 90%. Guessing (50 %) lies below it")
    assert Image.open(io.BytesIO(test.review)).width > 100 and "Missed: 2." in test.review_alt


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.51, 0.9, "you can tell them apart"),
        (0.1, 0.49, "the wrong way round"),
        (0.45, 0.55, "doesn't show that you can tell them apart."),
        (0.3, 0.8, "Nor that you can't: the interval is too wide"),
        (0.3, 0.55, "Nor that you can't"),
    ],
)
def test_what_an_interval_says(low, high, said):
    words = two_choices.words(low, high)
    assert said in words and f"from {low:.0%} to {high:.0%}" in words
    assert ("Nor that" in words) == (not (low > 0.5 or high < 0.5 or (low > 0.4 and high < 0.6)))


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        (lambda correct, answered: 1 / 0, "interval failed: ZeroDivisionError"),
        (lambda correct, answered: (0.9, 0.1), "interval failed: ValueError: (0.9, 0.1) are no shares"),
        (lambda correct, answered: (0.1, float("nan")), "interval failed: ValueError"),
        (lambda correct, answered: None, "interval failed: TypeError"),
    ],
)
def test_an_interval_that_fails_is_said_and_the_count_stays(interval, said):
    test = test_of(2, interval=interval)
    for _ in range(2):
        test.choose(fake_side(test))
    assert test.status.startswith("2 of 2 right. ") and said in test.status and test.finished and test.review


def test_messages_of_the_browser():
    test = test_of(3)
    side = fake_side(test)
    heard = [
        {"choice": side, "number": 2},
        {"choice": "up", "number": 1},
        {"choice": side},
        "left",
        None,
        {},
        {"again": 1},
    ]
    for content in heard:  # another pair's number, no side, nothing
        test._handle_custom_msg(content, [])
        test._heard(test, content, [])  # by itself too: the way above swallows errors
    assert test.answered == 0
    test._handle_custom_msg({"choice": side, "number": 1}, [])
    test._handle_custom_msg({"choice": side, "number": 1}, [])  # a second press on the same pair
    assert test.answered == 1 and test.correct == 1 and test.number == 2
    for number in (2, 3):
        test._handle_custom_msg({"choice": "left", "number": number}, [])
    assert test.finished
    test._handle_custom_msg({"choice": "left", "number": 3}, [])
    assert test.answered == 3


def test_again_begins_anew_with_other_pairs():
    test = test_of(5)
    before = [int(i) for i in np.concatenate(test._pairs)]
    for _ in range(5):
        test.choose("left")
    test._handle_custom_msg({"again": True}, [])
    assert not test.finished and test.answered == 0 and test.review == b"" and test.status == "Pair 1 of 5."
    assert [int(i) for i in np.concatenate(test._pairs)] != before and test.number == 1


def test_the_browser_never_gets_the_truth_nor_the_answers():
    test = test_of(6)
    for _ in range(3):
        test.choose("left")
    state = {name: value for name, value in test.get_state().items() if not name.startswith("_")}
    known = {"left", "right_picture", "number", "total", "question", "status", "finished", "review", "review_alt"}
    assert set(state) - {"layout", "tabbable", "tooltip"} == known
    assert state["review"] == b"" and state["status"] == "Pair 4 of 6."
    lengths = {len(state["left"]) - len(state["right_picture"])}
    assert lengths == {0}  # both pictures go the same way: no header says which is which
    script = SCRIPT.read_text(encoding="utf-8")
    for name in known:
        assert f'model.get("{name}")' in script and TwoChoices.class_traits()[name].metadata.get("sync")
    for word in ("http", "import ", "fetch(", "eval(", "localStorage"):
        assert word not in script


def test_one_output_with_two_faces(sent):
    def shown(seed):
        rng = np.random.default_rng(seed)
        return widgets.two_choices(REAL / 255, FAKE, wide, "Pairs of greys to tell apart", trials=9, rng=rng)

    test = shown(3)
    data, more = sent[0]
    assert len(sent) == 1 and data[VIEW]["model_id"] and data["text/plain"] == "Figure: Pairs of greys to tell apart"
    assert more["metadata"]["image/png"]["alt"] == "Pairs of greys to tell apart"
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width > 500
    again = shown(3)
    assert test.comm is None and again.comm is not None  # a cell that is run again replaces its widget
    assert sent[1][0]["image/png"] == data["image/png"] and again.total == 9
    shown(4).close()
    assert sent[2][0]["image/png"] != data["image/png"]


def test_the_static_figure_shows_pairs_as_they_are_drawn():
    figure = two_choices.static_figure(REAL, FAKE, 20, np.random.default_rng(5), QUESTION)
    drawn, sides = two_choices.drawn(30, 30, 8, np.random.default_rng(5))
    pairs = [ax.images[0].get_array() for ax in figure.axes]
    assert len(pairs) == 8 and pairs[0].shape == (8, 17, 3)
    for pair, real, fake, side in zip(pairs, *drawn, sides, strict=True):
        ends = [int(pair[0, 0, 0]), int(pair[0, -1, 0])]
        assert ends == ([real, 200 + fake] if side == 1 else [200 + fake, real])
    answers = "generated: " + ", ".join(f"{i + 1} {('left', 'right')[side]}" for i, side in enumerate(sides))
    assert figure._supxlabel.get_text() == answers and figure._supxlabel.get_rotation() == 180
    few = two_choices.static_figure(REAL, FAKE, 2, np.random.default_rng(5), QUESTION)
    assert len([ax for ax in few.axes if ax.images]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alt": " "}, "alternative text"),
        ({"trials": 0}, "trials is 0"),
        ({"trials": True}, "trials is True"),
        ({"trials": 31}, "31 trials need as many real and fake images, not 30 and 30"),
        ({"fake": FAKE[:, :4]}, "must have one size, or it gives the answer away"),
        ({"fake": FAKE[..., :1]}, "must have one size"),
        ({"real": np.full((30, 8, 8, 3), np.nan)}, "NaN"),
        ({"interval": 0.95}, "interval must be a function"),
    ],
)
def test_bad_arguments_are_named(arguments, message, sent):
    usual = {"real": REAL, "fake": FAKE, "interval": wide, "alt": "x"}
    with pytest.raises(ValueError, match=message):
        widgets.two_choices(**{**usual, **arguments})
    assert not sent


PAGE = """<!doctype html><body><div id="place"></div><script type="module">
const source = document.querySelector("#source").textContent;
const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
const state = { number: 1, total: 3, question: "Which?", status: "Pair 1 of 3.", finished: false, review_alt: "" };
const handlers = {}, sent = [], outside = [];
const model = { get: (name) => state[name], on: (name, f) => (handlers[name] ??= []).push(f), off: () => {},
  send: (content) => sent.push(content) };
const set = (values) => { Object.assign(state, values);
  for (const name of Object.keys(values)) (handlers["change:" + name] || []).forEach((f) => f()); };
const place = document.querySelector("#place");
document.addEventListener("keydown", (event) => outside.push(event.key));
const cleanUp = module.default.render({ model, el: place });
const root = place.querySelector(".two-choices"), buttons = [...root.querySelectorAll("button")];
const press = (key, more = {}) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown",
  { key, bubbles: true, cancelable: true, ...more }));
const seen = { roles: [root.getAttribute("role"), root.getAttribute("aria-label"), root.tabIndex,
  root.dataset.lmSuppressShortcuts, root.querySelector("[role=status]").getAttribute("aria-live")] };
root.focus();
press("1"); press("1"); press("ArrowRight");           // one answer a pair
seen.first = [...sent]; seen.waiting = buttons[0].getAttribute("aria-disabled");
set({ number: 2, status: "Pair 2 of 3." });
seen.second = [buttons[0].getAttribute("aria-disabled"), root.querySelector("progress").value];
press("ArrowRight", { repeat: true }); press("2", { ctrlKey: true }); press("x");
seen.ignored = sent.length; press("ArrowRight"); seen.arrow = sent.at(-1);
set({ number: 3 }); buttons[0].click(); seen.click = sent.at(-1); set({ number: 3 });
buttons[1].focus(); press("2"); seen.onButton = sent.at(-1);
set({ status: "2 of 3 right.", review_alt: "All pairs.", finished: true });
press("1");
seen.end = [root.querySelector(".status").textContent, root.querySelector(".pair").hidden, sent.length,
  root.querySelector("progress").value, document.activeElement.textContent, root.querySelector(".review").alt];
document.activeElement.click(); seen.again = sent.at(-1); seen.outside = outside; cleanUp();
const out = document.createElement("pre"); out.textContent = "SEEN" + JSON.stringify(seen) + "NEES"; document.body.append(out);
</script><script type="text/plain" id="source">SOURCE</script></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium isn't installed")
def test_in_a_browser_keys_and_buttons_answer_once_a_pair(tmp_path):
    file = tmp_path / "page.html"
    file.write_text(PAGE.replace("SOURCE", SCRIPT.read_text(encoding="utf-8")), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
               "--virtual-time-budget=2000", "--dump-dom", file.as_uri()]  # fmt: skip
    page = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    seen = json.loads(re.search(r"SEEN(\{.*\})NEES", page)[1])
    assert seen["roles"] == ["group", "Which?", 0, "true", "polite"]
    assert seen["first"] == [{"choice": "left", "number": 1}] and seen["waiting"] == "true"
    assert seen["second"] == ["false", 1] and seen["ignored"] == 1
    assert seen["arrow"] == {"choice": "right", "number": 2}
    assert seen["click"] == {"choice": "left", "number": 3} and seen["onButton"] == {"choice": "right", "number": 3}
    assert seen["end"][:4] == ["2 of 3 right.", True, 4, 3]  # the press after the end is not sent
    assert "again" in seen["end"][4] and seen["end"][5] == "All pairs."  # the focus goes to what can be pressed next
    assert seen["again"] == {"again": True}
    assert seen["outside"] == ["2", "x"]  # Ctrl+2 and x are not ours; our own keys don't reach the notebook
