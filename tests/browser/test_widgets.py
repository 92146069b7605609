"""Every kind of widget in JupyterLab on small data: each listens to mouse and keyboard, and axe finds nothing in it."""

import re

import axe
import nbformat
import pytest
from lab import changed, failures

CELLS = {
    "tools": """
import time
import numpy as np
from helpers import plotting, widgets
grey = np.linspace(0, 1, 8)[:, None, None] * np.ones((8, 24, 24))""",
    "animation": 'plotting.animation(grey, labels=[f"step {i}" for i in range(8)], alt="A grey square gets lighter.")',
    "choices": """
rng = np.random.default_rng(0)
test = widgets.two_choices(0.4 * rng.random((6, 8, 8, 3)), 0.6 + 0.4 * rng.random((6, 8, 8, 3)), lambda right, of: (0.2, 0.9),
                           alt="Pairs of noise, dark and light.", trials=4, rng=rng)""",
    "sliders": """
widgets.slider_explorer(lambda level, side: np.full((8, 8), level if side == "left" else 1 - level),
                        level=(0.0, 1.0, 0.2), side=["left", "right"], alt="A square whose grey follows a slider.")""",
    "style": """
def transfer(content, style, style_weight, smoothness):
    for step in range(1, 200):
        yield step, np.full((16, 16, 3), step / 200), 1 / step
        time.sleep(0.05)
plain = lambda level: np.full((16, 16, 3), level)
explorer = widgets.style_explorer(transfer, {"grey": plain(0.5), "dark": plain(0.2)}, {"black": plain(0.0), "dim": plain(0.3)},
                                  alt="A content, a style and a result.", style_weight=(1.0, 1000.0, 10.0),
                                  smoothness=(0.01, 1.0, 0.1), preview=1)""",
    "ring": """
def train(saturating, lr_G, lr_D, d_steps, r1):
    return [(step, np.random.default_rng(d_steps).normal(size=(40, 2))) for step in (1, 10, 50, 100)]
widgets.gan_ring(train, [(0, 1), (1, 0), (0, -1), (-1, 0)], alt="Points beside four modes.")""",
    "plane": """
widgets.latent_explorer(lambda z: np.clip(0.5 + z.sum(axis=1) / 12, 0, 1)[:, None, None, None] * np.ones((1, 8, 8, 1)),
                        labels_z=np.random.default_rng(0).normal(size=(60, 2)), labels=np.arange(60) % 3,
                        alt="Greys over the plane, lighter to the upper right.")""",
}

# ipywidgets 8 gives the handle of a slider no name of its own (axe: aria-input-field-name, serious) and no way to set one; the
# slider's label stands beside it. These handles alone are left out.
HANDLES = ".widget-slider .noUi-handle"


@pytest.fixture(scope="module")
def book(tab, server):
    """The tab with a notebook of all widgets, every cell run."""
    cells = [nbformat.v4.new_code_cell(source.strip(), id=name) for name, source in CELLS.items()]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), server.notebooks / "widgets.ipynb")
    tab.open("widgets.ipynb")
    assert failures(tab.run_all()) == []
    return tab


def said(place, text):
    """Wait until a line that screen readers announce holds the text."""
    place.get_by_role("status").get_by_text(text).first.wait_for()


def test_the_animation_plays_and_steps(book):
    cell, keys = book.cell("animation"), book.page.keyboard
    player = cell.get_by_role("group", name="Animation")
    image, line = player.locator("img.frame"), player.get_by_role("status")
    assert line.inner_text() == "step 0 (1 of 8)"

    def play():
        player.get_by_role("button", name="Play").click()
        line.get_by_text("(3 of 8)").wait_for()
        player.get_by_role("button", name="Pause").click()

    assert changed(book.page, image, play)
    player.get_by_role("slider").focus()
    assert changed(book.page, image, lambda: keys.press("End"))
    assert line.inner_text() == "step 7 (8 of 8)"
    keys.press("ArrowLeft")
    assert line.inner_text() == "step 6 (7 of 8)"
    book.shot("11_animation")
    place = player.get_by_role("slider").bounding_box()
    book.page.mouse.click(place["x"] + 2, place["y"] + place["height"] / 2)
    assert line.inner_text() == "step 0 (1 of 8)"


def test_the_choice_of_two_counts_presses_and_keys(book):
    cell, keys = book.cell("choices"), book.page.keyboard
    picture = cell.get_by_role("img", name="the left picture")
    said(cell, "Pair 1 of 4.")
    assert changed(book.page, picture, cell.get_by_role("button", name="the left one").click)
    said(cell, "Pair 2 of 4.")
    book.shot("12_two_choices")
    for key, text in (("2", "Pair 3 of 4."), ("ArrowLeft", "Pair 4 of 4."), ("1", "of 4 right.")):
        keys.press(key)
        said(cell, text)
    cell.get_by_role("img", name="All pairs").scroll_into_view_if_needed()
    book.shot("13_two_choices_result")
    keys.press("Enter")  # the focus is on the button that starts again
    said(cell, "Pair 1 of 4.")


def test_sliders_are_dragged_and_stepped(book):
    cell, mouse = book.cell("sliders"), book.page.mouse
    picture, level = cell.locator(".widget-image"), cell.get_by_role("slider").nth(0)
    box = level.bounding_box()
    assert picture.evaluate("image => image.naturalWidth") > 0  # a picture, and no broken one

    def drag():
        mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        mouse.down()
        mouse.move(box["x"] + 80, box["y"] + box["height"] / 2, steps=5)
        mouse.up()

    assert changed(book.page, picture, drag)
    level.focus()
    assert changed(book.page, picture, lambda: book.page.keyboard.press("ArrowLeft"))
    cell.get_by_role("slider").nth(1).focus()
    assert changed(book.page, picture, lambda: book.page.keyboard.press("ArrowRight"))
    book.shot("14_sliders")


def test_the_style_explorer_starts_and_stops(book):
    cell, keys = book.cell("style"), book.page.keyboard
    content, result = cell.locator(".widget-image").nth(0), cell.locator(".widget-image").nth(2)
    start, stop = (cell.get_by_role("button", name=name) for name in ("Start", "Stop"))
    assert changed(book.page, content, lambda: cell.get_by_role("combobox").nth(0).select_option("dark"))
    assert changed(book.page, result, start.click)
    said(cell, "Running")
    book.shot("15_style_running")
    stop.click()
    said(cell, "Stopped at step")
    start.focus()
    keys.press("Enter")
    said(cell, "Running")
    stop.focus()
    keys.press("Space")
    said(cell, "Stopped at step")
    book.shot("16_style_stopped")


def test_the_ring_trains_again(book):
    cell, keys = book.cell("ring"), book.page.keyboard
    picture, button = cell.locator(".widget-image"), cell.get_by_role("button", name="Train", exact=True)
    cell.get_by_role("slider").nth(2).focus()
    keys.press("ArrowRight")  # two steps of D
    assert changed(book.page, picture, button.click)
    said(cell, re.compile("^non-saturating loss.* 2 of D for one of G"))
    button.wait_for()  # it has another name while it trains
    cell.get_by_role("slider").nth(2).focus()
    keys.press("ArrowRight")
    button.focus()
    keys.press("Enter")
    said(cell, re.compile("^non-saturating loss.* 3 of D for one of G"))
    book.shot("17_ring")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_in_a_widget(book, theme):
    book.page.evaluate("(name) => jupyterapp.commands.execute('apputils:change-theme', { theme: name })", theme)
    book.page.locator(f'body[data-jp-theme-name="{theme}"]').wait_for(state="attached")
    found = {}
    for name in CELLS:
        place = book.cell(name).locator(".jp-OutputArea-output")
        if place.count():
            place.first.evaluate("(node) => node.setAttribute('data-judged', 'yes')")
            found[name] = list(map(str, axe.findings(book.page, {"include": "[data-judged]", "exclude": HANDLES})))
            place.first.evaluate("(node) => node.removeAttribute('data-judged')")
            book.shot(f"18_{name}_{theme.split()[-1].lower()}")
    assert set(found) == set(CELLS) - {"tools"}
    assert {name: texts for name, texts in found.items() if texts} == {}
