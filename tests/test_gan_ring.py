"""The ring widget: what a press trains and shows, the busy state, errors, the static figure."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from helpers import gan_ring, plotting, widgets

VIEW = "application/vnd.jupyter.widget-view+json"
CENTRES = 2 * np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], axis=1)


def samples(modes, away=0, n=400):
    """n points exactly at the first `modes` centres in turn, the first `away` of them far off."""
    points = CENTRES[np.arange(n) % modes].copy()
    points[:away] += 50
    return points


def train(saturating, lr_G, lr_D, d_steps, r1):
    """A GAN that reaches one mode more with each step of D, and loses them all under the saturating loss."""
    return [(0, np.zeros((400, 2))), (10, samples(1)), (20, samples(1 if saturating else 3 + d_steps))]


def box_of(train, **start):
    """The live widget and its parts: controls by name, button, line, picture."""
    settings = gan_ring.checked_start(start)
    first = gan_ring.ring_figure([(0, samples(8))], CENTRES, 0.1, settings)
    box = gan_ring.ring_box(train, CENTRES, 0.1, settings, first)
    controls = dict(zip(gan_ring.NAMES, box.children, strict=False))
    return controls, *box.children[len(controls) : len(controls) + 2], box.children[-1]


def test_one_output_with_two_faces(sent):
    asked = []

    def watched(**settings):
        asked.append(settings)
        return train(**settings)

    widgets.gan_ring(watched, CENTRES, alt="Samples over a training", start={"d_steps": 4})
    assert asked == [{"saturating": False, "lr_G": 0.01, "lr_D": 0.01, "d_steps": 4, "r1": 0.1}]
    data, more = sent[0]
    assert len(sent) == 1 and data[VIEW]["model_id"] and data["text/plain"] == "Figure: Samples over a training"
    assert more["metadata"]["image/png"]["alt"] == "Samples over a training"
    strip = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert strip.width > 2.5 * strip.height  # three scatters in a row
    box = widgets._shown["Samples over a training"]
    assert box.children[3].value == 4 and box.comm is not None
    box.close()


def test_a_press_trains_with_the_settings_and_shows_what_came_out():
    asked = []

    def watched(**settings):
        asked.append(settings)
        return train(**settings)

    controls, button, line, picture = box_of(watched)
    before = picture.value
    controls["d_steps"].value, controls["lr_G"].value, controls["r1"].value = 5, 0.003, 0.0
    assert not asked  # nothing trains before the button is pressed
    button.click()
    assert asked == [{"saturating": False, "lr_G": 0.003, "lr_D": 0.01, "d_steps": 5, "r1": 0.0}]
    assert "step 10: 1 of 8 modes, 100% good; step 20: 8 of 8 modes, 100% good." in line.value
    assert picture.value != before and "8 of 8" in picture.tooltip
    controls["saturating"].value = True
    button.click()
    assert "step 20: 1 of 8 modes" in line.value and len(asked) == 2


def test_busy_while_it_trains():
    seen = []

    def watching(**settings):
        seen.append((button.disabled, button.description, controls["r1"].disabled, line.value))
        button.click()  # a second press while busy does nothing
        return train(**settings)

    controls, button, line, _ = box_of(watching)
    button.click()
    ((disabled, text, control_disabled, said),) = seen
    assert disabled and control_disabled and text == "Training …" and "non-saturating loss" in said
    assert not button.disabled and button.description == "Train" and not controls["r1"].disabled


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda **settings: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda **settings: [], "empty list"),
        (lambda **settings: [(0, np.zeros((5, 3)))], "samples of step 0 have shape (5, 3)"),
        (lambda **settings: [np.zeros((5, 2))], "one entry is a ndarray"),
        (lambda **settings: [(0, np.zeros((5, 2)))], "cannot cover 8 modes"),
        (lambda saturating: [], "unexpected keyword argument"),
    ],
)
def test_errors_become_a_line_and_the_picture_stays(broken, message, sent):
    _, button, line, picture = box_of(broken)
    before = picture.value
    button.click()
    assert "train failed" in line.value and message in line.value and picture.value == before
    assert not button.disabled
    with pytest.raises((ValueError, TypeError, ZeroDivisionError)):  # at once, in the cell
        widgets.gan_ring(broken, CENTRES, alt="x")
    assert not sent


def test_text_of_errors_is_escaped_and_an_interrupt_is_survived():
    def broken(**settings):
        raise RuntimeError("a <b>bold</b> error")

    def stopped(**settings):
        raise KeyboardInterrupt

    _, button, line, _ = box_of(broken)
    button.click()
    assert "&lt;b&gt;" in line.value and 'role="status"' in line.value
    _, button, line, _ = box_of(stopped)
    button.click()
    assert "Stopped" in line.value and not button.disabled


def test_what_is_far_off_or_not_finite_is_said_and_drawn_around():
    blown = np.full((400, 2), np.nan)
    assert gan_ring.verdict(blown, CENTRES, 0.1) == "samples are not finite"
    assert gan_ring.verdict(samples(4, away=100), CENTRES, 0.1) == "4 of 8 modes, 75% good"
    figure = gan_ring.ring_figure([(0, blown), (5, samples(4, away=100))], CENTRES, 0.1, gan_ring.START)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert "400 of 400 beyond the picture" in titles[0] and "100 of 400 beyond the picture" in titles[1]
    assert len(plotting.png_bytes(figure)) > 1000


def test_a_long_training_is_shown_at_four_moments():
    found = [(step, samples(8)) for step in range(0, 1100, 100)]
    figure = gan_ring.ring_figure(found, CENTRES, 0.1, gan_ring.START)
    assert [ax.get_title(loc="left").split("\n")[0] for ax in figure.axes] == [
        "step 0",
        "step 300",
        "step 700",
        "step 1,000",
    ]
    assert gan_ring.summary(found, CENTRES, 0.1).count("8 of 8") == 4


def test_radius_and_settings_are_checked():
    _, radius = gan_ring.checked_centres(CENTRES, None)
    assert radius == pytest.approx(0.4 * np.sin(np.pi / 8))  # a tenth of the side of the octagon
    assert gan_ring.checked_centres(CENTRES, 0.45)[1] == 0.45
    assert 0.02 in [value for _, value in gan_ring._control("lr_G", 0.02).options]
    for bad, near in ((np.zeros((3, 2)), None), (CENTRES, -1), (CENTRES[:1], 0.1), (np.zeros((4, 3)), 0.1)):
        with pytest.raises(ValueError, match="centres|radius"):
            gan_ring.checked_centres(bad, near)
    with pytest.raises(ValueError, match="no setting momentum"):
        gan_ring.checked_start({"momentum": 0.9})
    with pytest.raises(ValueError, match="alternative text"):
        widgets.gan_ring(train, CENTRES, alt=" ")


def test_every_control_has_a_full_label():
    controls, button, *_ = box_of(train)
    assert [control.description for control in controls.values()] == list(gan_ring.NAMES.values())
    assert controls["saturating"].options == (("non-saturating", False), ("saturating", True))
    assert button.description == "Train"
