"""Style transfer to play with: choose a picture, a style and weights, start, watch, stop, and keep the best picture so far.

The kernel hears of a press of Stop only while its main thread rests. So a transfer runs in a thread of its own, and the
thread looks after each slice of work whether it shall stop.
"""

from __future__ import annotations

import html
import io
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from helpers import image_grids, plotting
from helpers.widget_picture import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Transfer = Callable[..., Iterator[tuple[int, Any, float]]]
LABELS = {"style_weight": "weight of the style", "smoothness": "weight of smoothness"}
REDRAWN = 0.25  # seconds between two pictures of a run, so that the browser keeps up
STEPS = 50  # of a slider, from its lowest to its highest value


@dataclass(frozen=True)
class Result:
    """A picture of a run: float32 (H, W, 3) in [0, 1], its step and its loss."""

    image: np.ndarray
    step: int
    loss: float


class RunError(Exception):
    """A run gave what can't be used; the message says what."""


def checked_images(images: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The images by name as they are. ValueError where there are none, or where one is no picture."""
    if not isinstance(images, Mapping) or not images:
        raise ValueError(f"{what} must be a dict of at least one name and its image")
    for name, image in images.items():
        if np.ndim(image) != 3 or np.shape(image)[-1] != 3:
            raise ValueError(f"{what}: {name!r} has shape {np.shape(image)}; (H, W, 3) is wanted")
        _pixels(image)
    return dict(images)


def checked_slider(name: str, spec: tuple[float, float, float]) -> tuple[float, float, float]:
    """(low, high, start) of a slider with a logarithmic scale; ValueError unless 0 < low ≤ start ≤ high, low < high."""
    try:
        low, high, start = (float(value) for value in spec)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be (low, high, start), not {spec!r}") from error
    if not (0 < low <= start <= high < math.inf and low < high):
        raise ValueError(f"{name} needs 0 < low ≤ start ≤ high and low < high, not {spec!r}")
    return low, high, start


def checked_start(start: Mapping[str, str] | None, contents: Mapping, styles: Mapping) -> tuple[str, str]:
    """The names of the content and the style to begin with. ValueError for one that there isn't."""
    start = dict(start or {})
    found = []
    for key, known in (("content", contents), ("style", styles)):
        name = start.pop(key, next(iter(known)))
        if name not in known:
            raise ValueError(f"start: there is no {key} {name!r}; there are: {', '.join(map(str, known))}")
        found.append(name)
    if start:
        raise ValueError(f"start may name content and style, not {', '.join(start)}")
    return found[0], found[1]


def results(entries: Iterator[tuple[int, Any, float]]) -> Iterator[Result]:
    """What a run gives, checked, one after the other. RunError at the first entry that is none, or not finite."""
    for entry in entries:
        if not isinstance(entry, tuple | list) or len(entry) != 3:
            raise RunError(f"transfer must yield (step, image, loss); one entry is a {type(entry).__name__}")
        step, image, loss = int(entry[0]), np.asarray(entry[1]), float(entry[2])
        if not math.isfinite(loss):
            raise RunError(f"the loss became {loss} at step {step}. Try smaller weights")
        if image.ndim != 3 or image.shape[-1] != 3:
            raise RunError(f"the image of step {step} has shape {image.shape}; (H, W, 3) is wanted")
        if not np.isfinite(image).all():
            raise RunError(f"the image has NaN or infinite pixels at step {step}. Try smaller weights")
        yield Result(image.astype(np.float32).clip(0, 1), step, loss)


def first_result(entries: Iterator[tuple[int, Any, float]], count: int) -> Result:
    """The best of the first `count` results. ValueError where there is none; an interrupt keeps the best until then."""
    best = None
    try:
        for number, result in enumerate(results(entries), start=1):
            best = result if best is None or result.loss < best.loss else best
            if number >= count:
                break
    except RunError as error:
        raise ValueError(str(error)) from error
    except KeyboardInterrupt:
        if best is None:
            raise
    finally:
        _close(entries)
    if best is None:
        raise ValueError("transfer yielded nothing: it must yield at least one (step, image, loss)")
    return best


def static_figure(content: Any, style: Any, names: tuple[str, str], result: Result) -> Figure:
    """Content, style and result side by side."""
    fig, axes = plotting.figure(1, 3, width=9.2, height=3.4)
    titles = (f"content: {names[0]}", f"style: {names[1]}", f"after {result.step:,} steps")
    for ax, picture, title in zip(axes, (content, style, result.image), titles, strict=True):
        ax.imshow(_pixels(picture), interpolation="bilinear")
        ax.set_title(title, loc="left", fontsize=10.5)
        ax.set_axis_off()
    return fig


class StyleExplorer(ipywidgets.VBox):
    """The live widget: two lists, two sliders, Start and Stop, a line of text, and the pictures.

    best: the picture with the lowest loss of the latest run, float32 (H, W, 3) in [0, 1]; best_step, best_loss: of it.
    """

    def __init__(
        self,
        transfer: Transfer,
        contents: Mapping[str, Any],
        styles: Mapping[str, Any],
        names: tuple[str, str],
        sliders: Mapping[str, tuple[float, float, float]],
        first: Result,
    ) -> None:
        self._transfer, self._images = transfer, {"content": dict(contents), "style": dict(styles)}
        self._best = first
        self._stopping, self._thread = threading.Event(), None
        self.choices = {
            name: ipywidgets.Dropdown(options=list(self._images[name]), value=start, description=name, **_layout())
            for name, start in zip(self._images, names, strict=True)
        }
        self.sliders = {name: _slider(name, *spec) for name, spec in sliders.items()}
        self.start_button = ipywidgets.Button(description="Start", tooltip="transfer the style with these settings")
        self.stop_button = ipywidgets.Button(description="Stop", tooltip="stop and keep the best picture so far")
        self.stop_button.disabled = True
        self.status = ipywidgets.HTML(_said("Choose, then press Start."))
        self.progress = ipywidgets.HTML()
        self.views = {name: _view(height) for name, height in (("content", 128), ("style", 128), ("result", 288))}
        self.start_button.on_click(lambda _: self.start())
        self.stop_button.on_click(lambda _: self.stop())
        for choice in self.choices.values():
            choice.observe(lambda _: self._show_choices(), "value")
        self._show_choices()
        self._show(first, f"after {first.step:,} steps")
        shown = [_captioned(view, name) for name, view in self.views.items()]
        buttons = ipywidgets.HBox([self.start_button, self.stop_button])
        controls = [*self.choices.values(), *self.sliders.values(), buttons, self.status, self.progress]
        pictures = ipywidgets.HBox(shown, layout={"flex_flow": "row wrap", "align_items": "flex-start"})
        super().__init__([*controls, pictures], layout={"align_items": "flex-start"})

    @property
    def best(self) -> np.ndarray:
        """The picture with the lowest loss of the latest run."""
        return self._best.image

    @property
    def best_step(self) -> int:
        """The step of `best`."""
        return self._best.step

    @property
    def best_loss(self) -> float:
        """The loss of `best`."""
        return self._best.loss

    @property
    def busy(self) -> bool:
        """Whether a run goes on."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin a run with the settings chosen; nothing happens while one goes on."""
        if self.busy:
            return
        images = [self._images[name][choice.value] for name, choice in self.choices.items()]
        weights = {name: slider.value for name, slider in self.sliders.items()}
        self._stopping = threading.Event()
        self._rest(True)
        self.status.value = _said(f"Running: {self._words()} …")
        self.progress.value = ""
        self._thread = threading.Thread(target=self._run, args=(images, weights, self._stopping), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the run to stop after its present slice; the best picture so far is kept."""
        self._stopping.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the run ends, at most so long; whether it has ended."""
        if self._thread is not None:
            self._thread.join(seconds)
        return not self.busy

    def close(self) -> None:
        """Stop the run and take the widget away."""
        self.stop()
        super().close()

    def _run(self, images: list[Any], weights: dict[str, float], stopping: threading.Event) -> None:
        """One run, in its own thread: pictures as they come, then the best, and how it ended."""
        best, last, entries = None, 0.0, None
        begun = time.perf_counter()
        try:
            entries = self._transfer(*images, **weights)
            ended = "Done"
            for result in results(iter(entries)):
                if best is None or result.loss < best.loss:
                    best = self._best = result
                self.progress.value = _numbers(result, best, time.perf_counter() - begun)
                if stopping.is_set():
                    ended = f"Stopped at step {result.step:,}"
                    break
                if time.perf_counter() - last > REDRAWN:
                    last = time.perf_counter()
                    self._show(result, f"at step {result.step:,}")
            message, failed = (f"{ended}.", False) if best else ("transfer yielded no picture.", True)
        except RunError as error:
            message, failed = f"Stopped: {error}.", True
        except (
            BaseException
        ) as error:  # whatever the reader's own function raises; a thread has nobody to pass it on to
            message, failed = f"transfer failed: {type(error).__name__}: {error}.", True
        finally:
            _close(entries)
        if best is not None:
            self._show(best, f"the best, of step {best.step:,}")
            message += f" The picture is the best: step {best.step:,}, loss {best.loss:.4g}."
        else:
            message += " The picture is of the run before."
        self.status.value = _said(message, failed)
        self._rest(False)

    def _rest(self, running: bool) -> None:
        """Let the controls rest while a run goes on; then only Stop can be pressed."""
        for part in (*self.choices.values(), *self.sliders.values(), self.start_button):
            part.disabled = running
        self.stop_button.disabled = not running

    def _show(self, result: Result, words: str) -> None:
        self.views["result"].value = _png(result.image)
        self.views["result"].tooltip = f"result {words}"

    def _show_choices(self) -> None:
        for name, choice in self.choices.items():
            self.views[name].value = _png(self._images[name][choice.value])
            self.views[name].tooltip = f"{name}: {choice.value}"

    def _words(self) -> str:
        parts = [f"{choice.value} ({name})" for name, choice in self.choices.items()]
        return ", ".join(parts + [f"{LABELS[name]} {slider.value:.3g}" for name, slider in self.sliders.items()])


def _close(entries: Any) -> None:
    """End a generator that was left before its end, whatever it raises then."""
    import contextlib

    if hasattr(entries, "close"):
        with contextlib.suppress(Exception):
            entries.close()


def _layout() -> dict[str, Any]:
    return {"style": {"description_width": "150px"}, "layout": {"width": "440px", "max_width": "100%"}}


def _slider(name: str, low: float, high: float, start: float) -> Any:
    """A slider whose steps multiply."""
    first, last = math.log10(low), math.log10(high)
    step = (last - first) / STEPS
    before = math.log10(start) - first  # a browser would move a start between two steps to the next one
    step = before / round(before / step) if before > step else step
    settings = {"min": first, "max": last, "step": step, "readout_format": ".2g"}
    return ipywidgets.FloatLogSlider(start, base=10, description=LABELS[name], **settings, **_layout())


def _view(height: int) -> Any:
    return Picture(format="png", layout={"height": f"{height}px", "max_width": "100%", "object_fit": "contain"})


def _captioned(view: Any, name: str) -> Any:
    return ipywidgets.VBox([ipywidgets.HTML(f"<b>{name}</b>"), view], layout={"margin": "0 12px 0 0"})


def _pixels(image: Any) -> np.ndarray:
    """An image (H, W, 3) as uint8."""
    return image_grids.to_pixels(np.asarray(image)[None])[0]


def _png(image: Any) -> bytes:
    """An image as a PNG, quickly."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(_pixels(image))).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _numbers(result: Result, best: Result, seconds: float) -> str:
    """The progress in numbers."""
    text = (
        f"step {result.step:,} · loss {result.loss:.4g} · best {best.loss:.4g} (step {best.step:,}) · {seconds:.1f} s"
    )
    return f"<div style='font-variant-numeric:tabular-nums'>{text}</div>"


def _said(text: str, failed: bool = False) -> str:
    """A line that screen readers announce; text of errors is safe in it."""
    style = " style='color:#a12a00;background:#fff;font-weight:600'" if failed else ""
    return f'<div role="status"{style}>{html.escape(text)}</div>'
