"""A picture among widgets, with a text for readers who can't see it."""

from __future__ import annotations

import ipywidgets
import traitlets


class Picture(ipywidgets.Image):
    """ipywidgets' Image with a `tooltip` that says what is seen: the picture's name for screen readers.

    The browser's half of ipywidgets 8 asks a widget that has a tooltip for its `description` too. Image has none, and an
    error stands in its place; the empty one here mends that.
    """

    description = traitlets.Unicode("").tag(sync=True)
