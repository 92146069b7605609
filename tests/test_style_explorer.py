"""The explorer of style transfer: one run at a time, Stop keeps the best, errors and NaN are survived, a static figure."""

import base64
import io
import math
import threading

import numpy as np
import pytest
from PIL import Image

from helpers import style_explorer, widgets
from helpers.style_explorer import Result, StyleExplorer, checked_slider, first_result, static_figure

VIEW = "application/vnd.jupyter.widget-view+json"
CONTENTS = {"grey": np.full((24, 32, 3), 0.5), "dark": np.zeros((24, 32, 3), np.uint8)}
STYLES = {"white": np.ones((16, 16, 3), np.float32), "black": np.zeros((16, 16, 3))}
SLIDERS = {"style_weight": (1.0, 1e4, 100.0), "smoothness": (1e-3, 10.0, 0.1)}
LOSSES = (5.0, 3.0, 4.0)  # of steps 10, 20, 30: the best is in the middle


def image(level, size=(24, 32)):
    return np.full((*size, 3), level, np.float32)


def transfer(content, style, style_weight, smoothness):
    for number, loss in enumerate(LOSSES, start=1):
        yield 10 * number, image(number / 10), loss


class Slices:
    """A transfer whose slices the test lets go one by one."""

    def __init__(self, losses=(5.0, 3.0, 4.0, 2.0, 1.0)):
        self.losses, self.asked, self.ended = losses, [], threading.Event()
        self.go, self.done = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, content, style, **weights):
        self.asked.append((content, style, weights))
        try:
            for number, loss in enumerate(self.losses, start=1):
                assert self.go.acquire(timeout=20)
                self.done.release()
                yield 10 * number, image(number / 10), loss
        finally:
            self.ended.set()


def explorer_of(transfer):
    return StyleExplorer(transfer, CONTENTS, STYLES, ("grey", "white"), SLIDERS, Result(image(0.9), 1, 9.0))


def level(view):
    return round(float(np.asarray(Image.open(io.BytesIO(view.value)))[0, 0, 0]) / 255, 1)


def test_one_output_with_two_faces_and_an_explorer(sent):
    asked = []

    def watched(content, style, **weights):
        asked.append((content is CONTENTS["dark"], style is STYLES["white"], weights))
        yield from transfer(content, style, **weights)

    explorer = widgets.style_explorer(
        watched, CONTENTS, STYLES, "Coffee in waves", (1, 1e4, 100), (1e-3, 10, 0.1), start={"content": "dark"}
    )
    assert asked == [(True, True, {"style_weight": 100, "smoothness": 0.1})]
    data, more = sent[0]
    assert len(sent) == 1 and data[VIEW]["model_id"] and data["text/plain"] == "Figure: Coffee in waves"
    assert more["metadata"]["image/png"]["alt"] == "Coffee in waves"
    strip = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert strip.width > 2 * strip.height
    assert (explorer.best_step, explorer.best_loss) == (20, 3.0) and level(explorer.views["result"]) == 0.2
    again = widgets.style_explorer(
        transfer, CONTENTS, STYLES, "Coffee in waves", (1, 1e4, 100), (1e-3, 10, 0.1), preview=1
    )
    assert explorer.comm is None and again.comm is not None  # a cell that is run again replaces its widget
    assert again.best_step == 10
    again.close()


def test_the_static_figure_shows_content_style_and_result():
    figure = static_figure(CONTENTS["grey"], STYLES["black"], ("grey", "black"), Result(image(0.2), 1200, 3.0))
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["content: grey", "style: black", "after 1,200 steps"]
    shown = [ax.images[0].get_array() for ax in figure.axes]
    assert [x.shape for x in shown] == [(24, 32, 3), (16, 16, 3), (24, 32, 3)]
    assert [int(x[0, 0, 0]) for x in shown] == [128, 0, 51]


def test_a_run_goes_in_the_background_with_the_settings_and_ends_with_the_best():
    slices = Slices()
    explorer = explorer_of(slices)
    explorer.choices["content"].value, explorer.choices["style"].value = "dark", "black"
    explorer.sliders["style_weight"].value = 1000.0
    assert not slices.asked and level(explorer.views["content"]) == 0.0 and level(explorer.views["style"]) == 0.0
    explorer.start_button.click()  # comes back at once
    assert explorer.busy and explorer.start_button.disabled and not explorer.stop_button.disabled
    assert all(part.disabled for part in (*explorer.choices.values(), *explorer.sliders.values()))
    assert "Running: dark (content), black (style), weight of the style 1e+03" in explorer.status.value
    slices.go.release(5)
    assert explorer.wait(20)
    content, style, weights = slices.asked[0]
    assert content is CONTENTS["dark"] and style is STYLES["black"]
    assert weights == {"style_weight": pytest.approx(1000), "smoothness": pytest.approx(0.1)}
    assert explorer.best_step == 50 and level(explorer.views["result"]) == 0.5
    assert "Done. The picture is the best: step 50, loss 1." in explorer.status.value
    assert "step 50 · loss 1 · best 1 (step 50)" in explorer.progress.value
    assert not explorer.start_button.disabled and explorer.stop_button.disabled and slices.ended.is_set()


def test_stop_keeps_the_best_so_far_not_the_last():
    slices = Slices()
    explorer = explorer_of(slices)
    explorer.start_button.click()
    slices.go.release(2)
    for _ in range(2):
        assert slices.done.acquire(timeout=20)
    explorer.stop_button.click()
    slices.go.release()  # the slice under way ends, and no other begins
    assert explorer.wait(20) and slices.ended.is_set()
    assert explorer.best_step == 20 and level(explorer.views["result"]) == 0.2
    assert "Stopped at step" in explorer.status.value and "the best: step 20, loss 3" in explorer.status.value
    np.testing.assert_array_equal(explorer.best, image(0.2))
    assert not explorer.start_button.disabled and explorer.stop_button.disabled


def test_only_one_run_at_a_time_and_another_after_it():
    slices = Slices((5.0, 4.0))
    explorer = explorer_of(slices)
    explorer.start_button.click()
    explorer.start_button.click()
    explorer.start()
    slices.go.release(2)
    assert explorer.wait(20) and len(slices.asked) == 1
    slices.losses = (8.0,)
    slices.go.release(1)
    explorer.start_button.click()
    assert explorer.wait(20) and len(slices.asked) == 2
    assert explorer.best_loss == 8.0  # the best of the latest run, though the first one's loss was lower


def test_closing_stops_the_run():
    slices = Slices()
    explorer = explorer_of(slices)
    explorer.start()
    explorer.close()
    slices.go.release()
    assert explorer.wait(20) and slices.ended.wait(20)


def broken_later(*_, **__):
    yield 10, image(0.1), 5.0
    raise RuntimeError("out of <b>memory</b>")


def nan_later(*_, **__):
    yield 10, image(0.1), 5.0
    yield 20, image(0.2), float("nan")


def nan_pixels(*_, **__):
    yield 10, image(0.1), 5.0
    yield 20, image(np.nan), 4.0


def interrupted(*_, **__):
    yield 10, image(0.1), 5.0
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (broken_later, "transfer failed: RuntimeError: out of &lt;b&gt;memory&lt;/b&gt;."),
        (nan_later, "Stopped: the loss became nan at step 20. Try smaller weights."),
        (nan_pixels, "Stopped: the image has NaN or infinite pixels at step 20."),
        (interrupted, "transfer failed: KeyboardInterrupt"),
    ],
)
def test_after_an_error_the_best_stays_and_a_run_can_begin_again(broken, message):
    explorer = explorer_of(broken)
    for _ in range(2):
        explorer.start_button.click()
        assert explorer.wait(20)
        assert message in explorer.status.value and "the best: step 10, loss 5." in explorer.status.value
        assert 'role="status"' in explorer.status.value and level(explorer.views["result"]) == 0.1
        assert explorer.best_step == 10 and not explorer.start_button.disabled and explorer.stop_button.disabled


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda *_, **__: 1 / 0, "ZeroDivisionError"),
        (lambda *_, **__: iter(()), "yielded"),
        (lambda *_, **__: iter([(1, image(0.1))]), "must yield (step, image, loss); one entry is a tuple"),
        (lambda *_, **__: iter([3]), "one entry is a int"),
        (lambda *_, **__: iter([(1, np.zeros((3, 8, 8)), 1.0)]), "image of step 1 has shape (3, 8, 8)"),
        (lambda *_, **__: iter([(1, image(0.1), float("inf"))]), "the loss became inf"),
        (lambda *_, **__: None, "TypeError"),
        (lambda content: iter(()), "unexpected keyword argument"),
    ],
)
def test_errors_before_any_picture_keep_the_one_before(broken, message, sent):
    explorer = explorer_of(broken)
    before = explorer.views["result"].value
    explorer.start_button.click()
    assert explorer.wait(20)
    assert message in explorer.status.value and "of the run before" in explorer.status.value
    assert explorer.views["result"].value == before and explorer.best_step == 1 and not explorer.start_button.disabled
    with pytest.raises((ValueError, TypeError, ZeroDivisionError)):  # at once, in the cell
        widgets.style_explorer(broken, CONTENTS, STYLES, "x", (1, 10, 1), (1, 10, 1))
    assert not sent


def test_the_first_run_is_short_and_ends_its_generator():
    slices = Slices()
    slices.go.release(2)
    assert first_result(slices(1, 2), 2).step == 20 and slices.ended.is_set()
    assert first_result(transfer(1, 2, 3, 4), 99).step == 20
    with pytest.raises(ValueError, match="the loss became nan"):
        first_result(nan_later(), 5)
    assert first_result(interrupted(), 5).step == 10  # the best so far


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alt": " "}, "alternative text"),
        ({"contents": {}}, "contents must be a dict"),
        ({"styles": [image(0.1)]}, "styles must be a dict"),
        ({"styles": {"a": np.zeros((8, 8))}}, r"'a' has shape \(8, 8\)"),
        ({"contents": {"a": image(np.nan)}}, "NaN"),
        ({"start": {"style": "none"}}, "no style 'none'; there are: white, black"),
        ({"start": {"weight": 3}}, "content and style, not weight"),
        ({"style_weight": (0, 10, 1)}, "style_weight needs 0 < low"),
        ({"smoothness": (1, 10)}, r"smoothness must be \(low, high, start\)"),
    ],
)
def test_bad_arguments_are_named(arguments, message, sent):
    usual = {"contents": CONTENTS, "styles": STYLES, "alt": "x", "style_weight": (1, 9, 2), "smoothness": (1, 9, 2)}
    with pytest.raises(ValueError, match=message):
        widgets.style_explorer(transfer, **{**usual, **arguments})
    assert not sent


def test_sliders_multiply_and_have_full_labels():
    explorer = explorer_of(transfer)
    slider = explorer.sliders["style_weight"]
    assert (slider.base, slider.min, slider.max, slider.value) == (10, 0, 4, pytest.approx(100))
    assert slider.description == "weight of the style"
    assert [choice.description for choice in explorer.choices.values()] == ["content", "style"]
    assert explorer.start_button.description == "Start" and explorer.stop_button.description == "Stop"
    assert checked_slider("smoothness", (1e-3, 1, 1)) == (1e-3, 1.0, 1.0)
    for bad in ((5, 1, 3), (1, 10, 20), (1, 1, 1), (1, float("inf"), 2), (-1, 1, 0.5)):
        with pytest.raises(ValueError, match="smoothness needs"):
            checked_slider("smoothness", bad)


@pytest.mark.parametrize(("low", "high", "start"), [(1, 1e3, 10), (1e-2, 1, 0.1), (1, 1e4, 3), (0.5, 20, 0.5)])
def test_a_slider_starts_on_one_of_its_steps(low, high, start):
    slider = style_explorer._slider("style_weight", low, high, start)
    steps = (math.log10(start) - slider.min) / slider.step
    assert steps == pytest.approx(round(steps), abs=1e-9) and slider.value == start
    assert (slider.max - slider.min) / slider.step == pytest.approx(style_explorer.STEPS, rel=0.1)


IN_A_KERNEL = """
import numpy as np
from helpers import widgets

def transfer(content, style, style_weight, smoothness):
    for step in range(1, 100_000):
        content = np.linalg.qr(np.random.default_rng(step).random((120, 120)))[0]  # work without a rest
        yield step, np.full((8, 8, 3), 0.5), abs(step - 40)

picture = np.zeros((8, 8, 3))
explorer = widgets.style_explorer(transfer, {"a": picture}, {"b": picture}, "x", (1, 9, 2), (1, 9, 2))
print(explorer.start_button.comm.comm_id, explorer.stop_button.comm.comm_id)
"""


def test_in_a_kernel_stop_is_heard_while_it_computes():
    """Presses as a browser sends them: the kernel must take the second one while the run that the first began goes on."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel()

    def answer(code):
        said = []
        reply = client.execute_interactive(
            code, timeout=60, output_hook=lambda m: said.append(m["content"].get("text", ""))
        )
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(said)

    def press(button):
        data = {"method": "custom", "content": {"event": "click"}}
        client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": button, "data": data}))

    try:
        start, stop = answer(IN_A_KERNEL).split()[-2:]
        press(start)
        running = answer("import time; time.sleep(1); print(explorer.busy, explorer.best_step)")
        assert running.startswith("True")
        press(stop)
        ended = answer("print(explorer.wait(20), explorer.best_step, explorer.status.value)")
        assert ended.startswith("True") and "Stopped at step" in ended and "the best: step" in ended
        assert answer("print(explorer.start_button.disabled)").strip() == "False"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
