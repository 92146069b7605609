"""The ring to play with: choose the losses, rates and turns of a small GAN, train it, and see which modes it covers."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import plotting
from helpers.metrics import mode_coverage

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Train = Callable[..., Any]
Moments = list[tuple[int, np.ndarray]]
START: dict[str, Any] = {"saturating": False, "lr_G": 0.01, "lr_D": 0.01, "d_steps": 1, "r1": 0.1}
NAMES = {
    "saturating": "loss of G",
    "lr_G": "learning rate of G",
    "lr_D": "learning rate of D",
    "d_steps": "steps of D for one of G",
    "r1": "gradient penalty γ of D",
}
RATES = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2]
CHOICES: dict[str, list[Any]] = {
    "lr_G": RATES,
    "lr_D": RATES,
    "d_steps": [1, 2, 3, 5, 10],
    "r1": [0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0],
}
SHOWN = 4  # moments of a training in the figure


def checked_start(start: Mapping[str, Any] | None) -> dict[str, Any]:
    """All settings, those of `start` in place of the usual ones. ValueError on a setting that there isn't."""
    start = dict(start or {})
    unknown = sorted(set(start) - set(START))
    if unknown:
        raise ValueError(f"gan_ring has no setting {', '.join(unknown)}; its settings are: {', '.join(START)}")
    return {**START, **start}


def checked_centres(centres: Any, radius: float | None) -> tuple[np.ndarray, float]:
    """Centres (K, 2), and the radius, by default a tenth of the least distance between two. ValueError if they can't be."""
    points = np.asarray(centres, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2 or not np.isfinite(points).all():
        raise ValueError(f"centres must be at least two points (K, 2), not shape {points.shape}")
    gaps = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=-1))
    least = float(gaps[~np.eye(len(points), dtype=bool)].min())
    if least == 0:
        raise ValueError("two of the centres are the same point")
    near = least / 10 if radius is None else float(radius)
    if not (np.isfinite(near) and near > 0):
        raise ValueError(f"radius must be a distance above 0, not {radius}")
    return points, near


def snapshots(train: Train, settings: Mapping[str, Any]) -> Moments:
    """What train(**settings) gives: (step, samples (n, 2)) in order. ValueError says what else it gave."""
    found: Moments = []
    for entry in train(**settings):
        if not isinstance(entry, tuple | list) or len(entry) != 2:
            raise ValueError(f"train must give pairs (step, samples (n, 2)); one entry is a {type(entry).__name__}")
        points = np.asarray(entry[1], dtype=float)
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(f"samples of step {entry[0]} have shape {points.shape}; (n, 2) is wanted")
        found.append((int(entry[0]), points))
    if not found:
        raise ValueError("train gave an empty list: it must give at least one (step, samples (n, 2))")
    return found


def verdict(points: np.ndarray, centres: np.ndarray, radius: float) -> str:
    """Modes covered and good samples in words; samples that blew up are named."""
    if not np.isfinite(points).all():
        return "samples are not finite"
    found = mode_coverage(points, centres, radius)
    return f"{found.covered} of {found.total} modes, {found.good_share:.0%} good"


def _shown(found: Moments) -> Moments:
    """At most four moments, the first and the last among them."""
    return [found[i] for i in sorted({round(i) for i in np.linspace(0, len(found) - 1, SHOWN).tolist()})]


def summary(found: Moments, centres: np.ndarray, radius: float) -> str:
    """The moments that the figure shows, in one line of words."""
    return "; ".join(f"step {step:,}: {verdict(points, centres, radius)}" for step, points in _shown(found)) + "."


def words(settings: Mapping[str, Any]) -> str:
    """Settings in words."""
    loss = "saturating" if settings["saturating"] else "non-saturating"
    return (
        f"{loss} loss, learning rates {settings['lr_G']:g} (G) and {settings['lr_D']:g} (D), "
        f"{settings['d_steps']} of D for one of G, penalty {settings['r1']:g}"
    )


def ring_figure(found: Moments, centres: np.ndarray, radius: float, settings: Mapping[str, Any]) -> Figure:
    """A scatter for each of at most four moments, the modes as circles; points beyond the picture are counted."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Circle

    moments = _shown(found)
    middle = centres.mean(axis=0)
    reach = 1.5 * float(np.abs(centres - middle).max()) + radius
    fig, axes = plotting.figure(1, len(moments), width=2.9 * len(moments) + 0.3, height=3.5, squeeze=False)
    for ax, (step, points) in zip(axes[0], moments, strict=True):
        inside = np.isfinite(points).all(axis=1)
        inside[inside] = (np.abs(points[inside] - middle) <= reach).all(axis=1)
        circles = PatchCollection([Circle(tuple(centre), radius) for centre in centres])
        circles.set(facecolor="none", edgecolor=plotting.COLOURS["real"], linewidth=1.4)
        ax.add_collection(circles)
        ax.scatter(*points[inside].T, s=7, marker="s", color=plotting.COLOURS["fake"], alpha=0.6, linewidths=0)
        ax.set(xlim=middle[0] + reach * np.array([-1, 1]), ylim=middle[1] + reach * np.array([-1, 1]))
        ax.set(aspect="equal", xticks=[], yticks=[])
        lines = [f"step {step:,}", verdict(points, centres, radius)]
        if not inside.all():
            lines.append(f"{(~inside).sum()} of {len(points)} beyond the picture")
        ax.set_title("\n".join(lines), loc="left", fontsize=10.5)
    fig.suptitle(words(settings), x=0.01, ha="left", fontsize=10.5)
    return fig


def _control(name: str, value: Any) -> Any:
    """The ipywidgets control of a setting; a start value that is not among its choices is added."""
    import ipywidgets

    common = {"description": NAMES[name], "style": {"description_width": "190px"}, "layout": {"width": "440px"}}
    if name == "saturating":
        options = (("non-saturating", False), ("saturating", True))
        return ipywidgets.Dropdown(options=options, value=bool(value), **common)
    choices = sorted({*CHOICES[name], value})
    return ipywidgets.SelectionSlider(options=[(f"{choice:g}", choice) for choice in choices], value=value, **common)


def ring_box(train: Train, centres: np.ndarray, radius: float, settings: Mapping[str, Any], first: Figure) -> Any:
    """The live widget: the controls in order, the button, a line of text, what train prints, the picture."""
    import ipywidgets

    from helpers.widget_picture import Picture

    controls = {name: _control(name, settings[name]) for name in NAMES}
    button = ipywidgets.Button(description="Train", tooltip="train a new GAN with these settings")
    line, printed = ipywidgets.HTML(_status("Choose, then press Train.")), ipywidgets.Output()
    picture = Picture(value=plotting.png_bytes(first), format="png", layout={"max_width": "100%"})
    picture.tooltip = words(settings)
    parts = (*controls.values(), button)

    def press(_: Any) -> None:
        if button.disabled:
            return
        chosen = {name: control.value for name, control in controls.items()}
        _busy(parts, button, True)
        line.value = _status(f"Training with {words(chosen)} …")
        try:
            found = printing(printed, lambda: snapshots(train, chosen))
            said = summary(found, centres, radius)
            picture.value = plotting.png_bytes(ring_figure(found, centres, radius, chosen))
            picture.tooltip = f"{words(chosen)}. {said}"
            line.value = _status(f"{words(chosen)}: {said}")
        except KeyboardInterrupt:
            line.value = _status("Stopped before its end; the picture is of the training before.")
        except Exception as error:  # whatever the reader's own training raises
            line.value = _status(f"train failed: {type(error).__name__}: {error}", failed=True)
        finally:
            printed.outputs = ()
            _busy(parts, button, False)

    button.on_click(press)
    return ipywidgets.VBox([*parts, line, printed, picture], layout={"align_items": "flex-start"})


def printing(output: Any, work: Callable[[], Any]) -> Any:
    """What work() gives; what it prints goes into an Output widget, which would keep errors to itself, so they are carried."""
    failure: BaseException | None = None
    with output:
        try:
            return work()
        except BaseException as error:
            failure = error
    raise failure


def _busy(parts: tuple[Any, ...], button: Any, busy: bool) -> None:
    """Let controls and button rest while a training runs."""
    for part in parts:
        part.disabled = busy
    button.description = "Training …" if busy else "Train"


def _status(text: str, failed: bool = False) -> str:
    """A line that screen readers announce; text of errors is safe in it."""
    style = " style='color:#a12a00;background:#fff;font-weight:600'" if failed else ""
    return f'<div role="status"{style}>{html.escape(text)}</div>'
