"""The kernel's half of the latent explorer: an anywidget that decodes the place where the reader points."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from helpers import house_style, image_grids, plotting

MOST_POINTS = 2000  # codes drawn behind the pad


class LatentPad(anywidget.AnyWidget):
    """A square in which `position` [z₁, z₂] is moved; `image` is the PNG decoded there.

    decode: float32 (N, 2) → images (N, H, W, C), float in [0, 1]. low, high: [z₁, z₂] at the square's corners. When
    decode fails, `failure` says why, in the widget's line of text, and the image stays. `answers` counts decodings.
    """

    _esm = Path(__file__).with_name("latent_pad.js")
    position = traitlets.List(traitlets.Float(), [0.0, 0.0], minlen=2, maxlen=2).tag(sync=True)
    low = traitlets.List(traitlets.Float(), [-3.0, -3.0]).tag(sync=True)
    high = traitlets.List(traitlets.Float(), [3.0, 3.0]).tag(sync=True)
    points = traitlets.Bytes(b"").tag(sync=True)
    classes = traitlets.Bytes(b"").tag(sync=True)
    names = traitlets.List([]).tag(sync=True)
    colours = traitlets.List(traitlets.Unicode(), house_style.CLASS_COLOURS).tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    image = traitlets.Bytes(b"").tag(sync=True)
    failure = traitlets.Unicode("").tag(sync=True)
    answers = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        decode: Callable[[np.ndarray], Any],
        low: list[float],
        high: list[float],
        label: str,
        labels_z: Any = None,
        labels: Any = None,
        class_names: Any = None,
    ) -> None:
        self._decode = decode
        middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
        super().__init__(low=low, high=high, label=label, position=middle, **_codes(labels_z, labels, class_names))
        self._answer()
        self.observe(self._answer, "position")

    def _answer(self, change: Any = None) -> None:
        """Decode the present position; errors become text, since nobody sees a traceback from a widget."""
        try:
            images = decoded(self._decode, np.array([self.position], dtype=np.float32))
            self.image = plotting.encode_png(images[0])
            self.failure = ""
        except Exception as error:  # whatever the reader's own decoder raises
            self.failure = f"decode failed at this place: {type(error).__name__}: {error}"
        self.answers += 1


def decoded(decode: Callable[[np.ndarray], Any], z: np.ndarray) -> np.ndarray:
    """decode(z) as uint8 pixels (N, H, W, C). Raises ValueError when it gives no images, or another number of them."""
    images = np.asarray(decode(z))
    if images.ndim not in (3, 4) or len(images) != len(z):
        raise ValueError(
            f"decode must turn codes {z.shape} into images ({len(z)}, H, W, C) as NumPy; it gave shape "
            f"{images.shape}. Use run.numpy(...) on tensors"
        )
    return image_grids.to_pixels(images)


def _codes(z: Any, labels: Any, class_names: Any) -> dict[str, Any]:
    """The traits of the scatter behind the pad: at most 2,000 codes, their classes, and each class's median."""
    if z is None:
        return {}
    z = np.asarray(z, dtype=np.float32)
    if z.ndim != 2 or z.shape[1] != 2:
        raise ValueError(f"labels_z must have shape (N, 2), not {z.shape}")
    labels = np.zeros(len(z), dtype=int) if labels is None else np.asarray(labels)
    if labels.shape != (len(z),):
        raise ValueError(f"labels must have shape ({len(z)},) like labels_z, not {labels.shape}")
    values, coded = np.unique(labels, return_inverse=True)
    medians = plotting.label_places(z, [np.median(z[coded == i], axis=0) for i in range(len(values))]).tolist()
    texts = [str(class_names[int(v)]) if class_names is not None else str(v) for v in values]
    names = [[text, median] for text, median in zip(texts, medians, strict=True)] if len(values) > 1 else []
    kept = slice(None, None, max(1, -(-len(z) // MOST_POINTS)))
    return {"points": z[kept].tobytes(), "classes": coded[kept].astype(np.uint8).tobytes(), "names": names}
