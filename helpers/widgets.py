"""Explorers to play with: live where a kernel listens, one static figure where none does.

Each explorer is one output with two faces, the widget's view and a PNG with alternative text. JupyterLab, Notebook 7
and Colab show the first while the kernel runs; GitHub and HTML pages show the second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from helpers import image_grids, plotting

_shown: dict[str, Any] = {}  # alt text → the widget that was last shown under it


def latent_explorer(
    decode: Callable[[np.ndarray], Any],
    limits: Any = (-3, 3),
    labels_z: Any = None,
    labels: Any = None,
    class_names: Sequence[str] | None = None,
    alt: str = "Images decoded over the latent plane",
    cells: int = 11,
) -> None:
    """Show a square to drag in and the image decoded there; where no kernel runs, a grid of decoded images.

    decode: float32 (N, 2) → images (N, H, W, C), float in [0, 1], as NumPy. limits: (low, high) of both latent axes, or
    ((low₁, high₁), (low₂, high₂)). labels_z (M, 2) and labels (M,): codes to draw behind the square. alt: what the
    static grid shows. cells: images on each side of the static grid. A decode that fails here raises; one that fails
    later says so in the widget.
    """
    low, high = _limits(limits)
    _check_alt(alt)
    figure = latent_grid(decode, (low, high), cells)
    from helpers.latent_pad import LatentPad

    pad = LatentPad(decode, low, high, f"Place in the latent plane. {alt}", labels_z, labels, class_names)
    _publish(pad, figure, alt)


def latent_grid(decode: Callable[[np.ndarray], Any], corners: tuple[list[float], list[float]], cells: int = 11) -> Any:
    """The static figure: cells × cells images decoded over the plane, z₂ growing upwards."""
    from helpers.latent_pad import decoded

    (x0, y0), (x1, y1) = corners
    z1, z2 = np.meshgrid(np.linspace(x0, x1, cells), np.linspace(y1, y0, cells))
    images = decoded(decode, np.stack([z1.ravel(), z2.ravel()], axis=1).astype(np.float32))
    axes = (("z₁", x0, x1), ("z₂", y0, y1))
    xlabel, ylabel = (f"{name} from {a:g} to {b:g}".replace("-", "−") for name, a, b in axes)
    return image_grids.image_grid(images, cols=cells, size=0.5, xlabel=xlabel, ylabel=ylabel)


def slider_explorer(draw: Callable[..., Any], alt: str, **sliders: Any) -> None:
    """Show a picture that follows sliders; where no kernel runs, a row of pictures for each slider.

    draw(**values) → an image (H, W) or (H, W, C), float in [0, 1] or uint8, or a Figure. A slider is (low, high) or
    (low, high, start): whole numbers step by one, others by a hundredth of the range; or a list of choices. alt: what
    the static figure shows. A draw that fails here raises; one that fails later says so below the sliders.
    """
    _check_alt(alt)
    if not sliders:
        raise ValueError("slider_explorer needs at least one slider, such as beta=(0.0, 4.0)")
    controls = {name: _control(name, spec) for name, spec in sliders.items()}
    start = {name: control.value for name, control in controls.items()}
    figure = _slider_figure(draw, controls, start)
    _publish(_slider_box(draw, controls, alt), figure, alt)


def gan_ring(
    train: Callable[..., Any],
    centres: Any,
    alt: str,
    radius: float | None = None,
    start: Mapping[str, Any] | None = None,
) -> None:
    """Show controls for a small GAN on a ring and a button that trains it; where no kernel runs, one training's row.

    train(saturating: bool, lr_G: float, lr_D: float, d_steps: int, r1: float) → list of (step, samples (n, 2)). It is
    called once here, with the settings of `start` (default: helpers.gan_ring.START), and at each press of the button.
    centres: (K, 2) of the real modes. radius: how near a good sample lies (default: a tenth of the least distance
    between centres). alt: what the static figure shows. A train that fails here raises; later it becomes a line of text.
    """
    from helpers import gan_ring as ring

    _check_alt(alt)
    settings = ring.checked_start(start)
    points, near = ring.checked_centres(centres, radius)
    figure = ring.ring_figure(ring.snapshots(train, settings), points, near, settings)
    _publish(ring.ring_box(train, points, near, settings, figure), figure, alt)


def style_explorer(
    transfer: Callable[..., Any],
    contents: Mapping[str, Any],
    styles: Mapping[str, Any],
    alt: str,
    style_weight: tuple[float, float, float],
    smoothness: tuple[float, float, float],
    start: Mapping[str, str] | None = None,
    preview: int = 10,
) -> Any:
    """Show a style transfer to choose pictures and weights for, to start and to stop; returns it.

    transfer(content, style, style_weight=…, smoothness=…) is a generator that yields (step, image (H, W, 3) in [0, 1],
    loss), NumPy, every few steps. contents, styles: name → image (H, W, 3), float in [0, 1] or uint8. style_weight,
    smoothness: (low, high, start) of sliders with a logarithmic scale. start: {"content": name, "style": name}, by default
    the first ones. alt: what the static figure shows: content, style, and the best of the first `preview` images, which
    are made here. The explorer has the best picture so far in `.best`, its `.best_step` and `.best_loss`. A transfer that
    fails here raises; one that fails later says so in the widget, and the picture stays.
    """
    _check_alt(alt)
    from helpers import style_explorer as explorer

    contents, styles = explorer.checked_images(contents, "contents"), explorer.checked_images(styles, "styles")
    names = explorer.checked_start(start, contents, styles)
    specs = {"style_weight": style_weight, "smoothness": smoothness}
    sliders = {name: explorer.checked_slider(name, spec) for name, spec in specs.items()}
    content, style = contents[names[0]], styles[names[1]]
    weights = {name: spec[2] for name, spec in sliders.items()}
    first = explorer.first_result(iter(transfer(content, style, **weights)), preview)
    figure = explorer.static_figure(content, style, names, first)
    box = explorer.StyleExplorer(transfer, contents, styles, names, sliders, first)
    _publish(box, figure, alt)
    return box


def two_choices(
    real: Any,
    fake: Any,
    interval: Callable[[int, int], tuple[float, float]],
    alt: str,
    trials: int = 20,
    rng: np.random.Generator | None = None,
    question: str = "Which of the two was generated?",
) -> Any:
    """Show pairs of a real and a generated picture to tell apart, one after the other; returns the test.

    real, fake: images (N, H, W, C) of one size, float in [0, 1] or uint8, at least `trials` of each. interval(correct,
    answered) → (low, high), shares in [0, 1]: asked once, at the end. rng: draws the pairs and their order, by default
    new ones each time. alt: what the static figure shows, which is a few of the pairs. The test has `.correct`,
    `.answered` and `.right`. The answers stay in the kernel. ValueError names bad input.
    """
    _check_alt(alt)
    from helpers import two_choices as choices

    pictures = choices.checked_images(real, fake, trials)
    if not callable(interval):
        raise ValueError(f"interval must be a function of (correct, answered), not {interval!r}")
    rng = np.random.default_rng() if rng is None else rng
    figure = choices.static_figure(*pictures, trials, rng, question)
    test = choices.TwoChoices(*pictures, trials, rng, interval, question)
    _publish(test, figure, alt)
    return test


def _slider_box(draw: Callable[..., Any], controls: dict[str, Any], alt: str) -> Any:
    """The live widget: sliders, picture, and a line of text for errors."""
    import ipywidgets

    from helpers.widget_picture import Picture

    picture = Picture(format="png", layout={"max_width": "100%", "margin": "4px 0"})
    line = ipywidgets.HTML()

    def update(change: Any = None) -> None:
        values = {name: control.value for name, control in controls.items()}
        try:
            picture.value = _png(draw(**values))
            picture.tooltip = (
                f"{alt} Shown: {', '.join(f'{name} = {_value(value)}' for name, value in values.items())}."
            )
            line.value = ""
        except Exception as error:  # whatever the reader's own function raises
            line.value = f"<b style='color:#a12a00'>draw failed: {type(error).__name__}: {_escaped(error)}</b>"

    for control in controls.values():
        control.observe(update, "value")
    update()
    return ipywidgets.VBox([*controls.values(), picture, line], layout={"align_items": "flex-start"})


def _slider_figure(draw: Callable[..., Any], controls: dict[str, Any], start: dict[str, Any]) -> Any:
    """The static figure: for each slider, pictures at up to five of its values, the others at their start."""
    pictures, titles = [], []
    for name, control in controls.items():
        for value in _some_values(control):
            pictures.append(_pixels(draw(**{**start, name: value})))
            titles.append(f"{name} = {_value(value)}")
    if len({picture.shape[:2] for picture in pictures}) > 1:
        raise ValueError("draw must give pictures of one size for all values of the sliders")
    pictures = [np.broadcast_to(picture, (*picture.shape[:2], 3)) for picture in pictures]
    counts = [len(_some_values(control)) for control in controls.values()]
    cols = max(counts)
    blank, at = np.full_like(pictures[0], 255), 0
    for count in counts:  # fill short rows, so that each slider has a row of its own
        at += count
        pictures[at:at] = [blank] * (cols - count)
        titles[at:at] = [""] * (cols - count)
        at += cols - count
    size = 1.1 if max(pictures[0].shape[:2]) <= 128 else 9.2 / cols
    return image_grids.image_grid(np.stack(pictures), cols=cols, cell_titles=titles, size=size)


def _control(name: str, spec: Any) -> Any:
    """An ipywidgets control for (low, high), (low, high, start) or a list of choices."""
    import ipywidgets

    style = {"description": name, "style": {"description_width": "initial"}, "continuous_update": False}
    if isinstance(spec, list) and spec:
        return ipywidgets.SelectionSlider(options=spec, value=spec[0], **style)
    if not isinstance(spec, tuple) or len(spec) not in (2, 3) or not all(isinstance(v, int | float) for v in spec):
        raise ValueError(f"slider {name} must be (low, high), (low, high, start) or a list of choices, not {spec!r}")
    low, high = spec[:2]
    if not low < high or not low <= (start := spec[2] if len(spec) == 3 else low) <= high:
        raise ValueError(f"slider {name} needs low < high and a start between them, not {spec!r}")
    if all(isinstance(v, int) for v in spec):
        return ipywidgets.IntSlider(value=start, min=low, max=high, **style)
    return ipywidgets.FloatSlider(value=start, min=low, max=high, step=(high - low) / 100, **style)


def _value(value: Any) -> str:
    """A slider's value in words."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _some_values(control: Any) -> list[Any]:
    """At most five of a control's values, from its first to its last."""
    if hasattr(control, "options"):
        options = list(control.options)
        chosen = np.linspace(0, len(options) - 1, min(5, len(options))).round().astype(int)
        return [options[i] for i in chosen]
    values = np.linspace(control.min, control.max, 5)
    return sorted({int(round(v)) for v in values}) if isinstance(control.value, int) else [float(v) for v in values]


def _pixels(drawn: Any) -> np.ndarray:
    """What draw gave, as uint8 pixels (H, W, C)."""
    if hasattr(drawn, "savefig"):
        import io

        from PIL import Image

        return np.asarray(Image.open(io.BytesIO(plotting.png_bytes(drawn))).convert("RGB"))
    image = np.asarray(drawn)
    if image.ndim not in (2, 3):
        raise ValueError(f"draw must give an image (H, W) or (H, W, C) or a Figure; it gave shape {image.shape}")
    return image_grids.to_pixels(image[None])[0]


def _png(drawn: Any) -> bytes:
    """What draw gave, as a PNG; small images are enlarged, every pixel a whole block."""
    pixels = _pixels(drawn)
    scale = max(1, 224 // max(pixels.shape[:2]))
    return plotting.encode_png(pixels.repeat(scale, axis=0).repeat(scale, axis=1))


def _publish(widget: Any, figure: Any, alt: str) -> None:
    """Send one output with both faces, and close the widget that this one replaces (a cell that is run again)."""
    old = _shown.pop(alt, None)
    if old is not None:
        old.close()
    _shown[alt] = widget
    made = widget._repr_mimebundle_() or {}
    data, metadata = made if isinstance(made, tuple) else (made, {})
    views = {mime: value for mime, value in data.items() if mime != "text/plain"}
    plotting.publish_picture(plotting.figure_bytes(figure), " ".join(alt.split()), views, metadata)


def _limits(limits: Any) -> tuple[list[float], list[float]]:
    """Corners [z₁, z₂] low and high."""
    pairs = np.asarray(limits, dtype=float)
    if pairs.shape == (2,):
        pairs = np.stack([pairs, pairs])
    if pairs.shape != (2, 2) or not np.isfinite(pairs).all() or not (pairs[:, 0] < pairs[:, 1]).all():
        raise ValueError(f"limits must be (low, high), or one such pair for each axis, low < high; not {limits}")
    return pairs[:, 0].tolist(), pairs[:, 1].tolist()


def _check_alt(alt: str) -> None:
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError('an explorer needs alternative text for its static figure: alt="…"')


def _escaped(error: Exception) -> str:
    """An error's text, safe inside HTML."""
    import html

    return html.escape(str(error))
