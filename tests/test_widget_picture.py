"""Pictures of widgets: what the browser is sent, and that every explorer's pictures have a text."""

import ipywidgets
import numpy as np

from helpers import gan_ring, style_explorer, widgets
from helpers.widget_picture import Picture


def pictures(widget):
    """All pictures in a tree of widgets."""
    children = getattr(widget, "children", ())
    return [widget] * isinstance(widget, ipywidgets.Image) + [one for child in children for one in pictures(child)]


def test_a_picture_with_a_tooltip_sends_a_description_too():
    state = Picture(tooltip="A square.").get_state()
    assert state["tooltip"] == "A square." and state["description"] == ""


def test_every_picture_of_an_explorer_has_its_text():
    points, square = [(0, 1), (1, 0)], np.zeros((8, 8, 3))
    moments = gan_ring.snapshots(lambda **_: [(1, np.zeros((4, 2)))], gan_ring.START)
    figure = gan_ring.ring_figure(moments, np.array(points), 0.1, gan_ring.START)
    ring = gan_ring.ring_box(None, np.array(points), 0.1, gan_ring.START, figure)
    first = style_explorer.Result(square, 1, 1.0)
    weights = {"style_weight": (1, 10, 2), "smoothness": (1, 10, 2)}
    style = style_explorer.StyleExplorer(None, {"a": square}, {"b": square}, ("a", "b"), weights, first)
    slider = widgets._slider_box(lambda level: square, {"level": widgets._control("level", (0.0, 1.0))}, "A square.")
    found = [one for box in (ring, style, slider) for one in pictures(box)]
    assert len(found) == 5
    assert all(isinstance(one, Picture) and one.tooltip for one in found)
    assert found[-1].tooltip == "A square. Shown: level = 0."
    slider.children[0].value = 0.25
    assert found[-1].tooltip == "A square. Shown: level = 0.25."
