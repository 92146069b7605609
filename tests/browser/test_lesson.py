"""Lesson 2 in JupyterLab, as a student goes through it. The tests build on each other, in this order."""

import pytest
from lab import changed, failures, text_of

import build
from helpers import exercises, quiz

LESSON, TRACK = "02_vae", "pytorch"
EXPLORER, QUIZ = "random-samples-against-lesson-1-4", "before-you-start-2"
Q1, Q1_CHECK, Q2, Q2_CHECK = "exercises-2", "exercises-4", "exercises-6", "exercises-9"


@pytest.fixture(scope="module")
def lesson(tab):
    """The tab with the lesson, all cells run."""
    tab.open(f"{TRACK}/{LESSON}.ipynb")
    tab.shot("01_opened")
    tab.first_run, tab.first_counts = tab.run_all(), tab.counts()
    tab.shot("02_run_all")
    return tab


def test_every_cell_runs_from_the_menu(lesson):
    assert failures(lesson.first_run) == []
    assert list(lesson.first_counts.values()) == list(range(1, len(lesson.first_counts) + 1))
    start = next(cell for cell in lesson.first_run if "runtime.start" in cell["source"])
    assert "smoke" in text_of(start["outputs"])  # this run's, not the stored one's
    checks = {cell["id"]: text_of(cell["outputs"]) for cell in lesson.first_run if ".check(" in cell["source"]}
    assert len(checks) == len(exercises.definitions(LESSON))
    assert [name for name, text in checks.items() if "not answered yet" not in text] == []
    assert lesson.errors == []


@pytest.fixture
def explorer(lesson):
    """The latent explorer, in sight."""
    pad = lesson.cell(EXPLORER).locator(".latent-pad")
    pad.scroll_into_view_if_needed()
    return pad


def place_of(pad):
    """z₁ and z₂ that the explorer shows."""
    text = pad.get_by_role("status").inner_text().replace("−", "-")
    return tuple(float(part) for part in text.partition("(")[2].rstrip(")").split(","))


def test_the_explorer_follows_the_mouse(lesson, explorer):
    square, image = explorer.get_by_role("application"), explorer.locator("img")
    lesson.shot("03_explorer")
    box, mouse = square.bounding_box(), lesson.page.mouse

    def drag():
        mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
        mouse.down()
        mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.4 * box["height"], steps=5)
        mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.1 * box["height"], steps=5)
        mouse.up()

    assert changed(lesson.page, image, drag)
    assert place_of(explorer) == pytest.approx((2.4, 2.4), abs=0.05)
    lesson.shot("04_explorer_dragged")


def test_the_explorer_follows_the_arrow_keys(lesson, explorer):
    square, image, keys = explorer.get_by_role("application"), explorer.locator("img"), lesson.page.keyboard
    square.focus()
    keys.press("Home")
    assert place_of(explorer) == (0, 0)

    def press():
        for _ in range(4):
            keys.press("Shift+ArrowLeft")
        keys.press("ArrowUp")

    assert changed(lesson.page, image, press)
    assert place_of(explorer) == pytest.approx((-2.4, 0.12), abs=0.01)
    lesson.shot("05_explorer_by_keyboard")


def marks(question):
    """The words beside the answers that were tried, from above."""
    return [text for text in question.locator(".mark").all_inner_texts() if text]


def test_a_quiz_is_answered_with_the_keyboard_alone(lesson):
    single, numeric = quiz.load(LESSON)["before"][:2]
    assert (single["type"], numeric["type"]) == ("single", "numeric")
    cell, keys = lesson.cell(QUIZ), lesson.page.keyboard
    first, second = cell.get_by_role("group").nth(0), cell.get_by_role("group").nth(1)
    cell.focus()
    for _ in range(10):  # Tab goes on from the cell into its quiz
        keys.press("Tab")
        if first.locator("input:focus").count():
            break
    right = next(i for i, answer in enumerate(single["answers"]) if answer.get("correct"))
    assert right == 1
    keys.press("Space")  # the first answer
    first.get_by_role("status").get_by_text(single["answers"][0]["feedback"]).wait_for()
    assert marks(first) == ["✘ wrong"]
    lesson.shot("06_quiz_wrong")
    keys.press("ArrowDown")
    keys.press("Space")
    first.get_by_role("status").get_by_text(single["answers"][1]["feedback"]).wait_for()
    assert marks(first) == ["✘ wrong", "✔ right"]

    keys.press("Tab")
    assert second.locator("input:focus").count() == 1
    for value, feedback in ((4, numeric["wrong"][0]["feedback"]), (5, numeric["answer"]["feedback"])):
        keys.press("ControlOrMeta+a")
        keys.type(str(value))
        keys.press("Enter")
        second.get_by_role("status").get_by_text(feedback).wait_for()
    score = f"2 of {len(quiz.load(LESSON)['before'])} questions answered, 0 right at the first try."
    cell.get_by_text(score).wait_for()
    lesson.shot("07_quiz_right")


def test_a_wrong_answer_gets_its_reason_and_a_right_one_its_mark(lesson):
    q1, q2 = (exercises.definitions(LESSON)[name] for name in ("q1", "q2"))
    mistake = q1.mistakes[0]
    lesson.rewrite(Q1, f"kl_by_hand = {mistake.answer:.4f}")
    told = text_of(lesson.run(Q1_CHECK))
    assert mistake.message in told and "✔" not in told
    lesson.shot("08_exercise_wrong")
    lesson.rewrite(Q1, f"kl_by_hand = {q1.reference:.4f}")
    assert "✔" in text_of(lesson.run(Q1_CHECK))

    solved = {cell.id: cell.source for cell in build.make_notebook(LESSON, TRACK, solved=True).cells}
    doubled = "\nhalf = kl_to_prior\ndef kl_to_prior(mu, logvar, s):\n    return 2 * half(mu, logvar, s)"
    message = "The factor ½ is missing."
    assert message in {one.message for one in q2.mistakes}
    lesson.rewrite(Q2, solved[Q2] + doubled)
    told = text_of(lesson.run(Q2_CHECK))
    assert message in told and "✔" not in told
    lesson.rewrite(Q2, solved[Q2])
    assert "✔" in text_of(lesson.run(Q2_CHECK))
    lesson.shot("09_exercise_right")


def test_a_restarted_kernel_runs_everything_again(lesson):
    cells = lesson.restart_and_run_all()
    assert failures(cells) == []
    assert lesson.counts() == lesson.first_counts  # counted from one anew, and as many
    texts = {cell["id"]: text_of(cell["outputs"]) for cell in cells}
    assert "✔" in texts[Q1_CHECK] and "✔" in texts[Q2_CHECK]  # what the student wrote is still there
    assert lesson.errors == []
    lesson.cell(EXPLORER).locator(".latent-pad").scroll_into_view_if_needed()
    lesson.shot("10_restarted")
