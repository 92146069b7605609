"""A film of frames in one output: playable without a kernel and offline, and a strip of stills where scripts don't run.

The output has two faces. Its HTML holds at most six frames as pictures with captions, which is what a reader sees where
scripts are taken out; a script puts a player in their place. Its PNG is the same strip for those who show no HTML.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers import image_grids, publishing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STILLS = 6  # frames in the strip
FRAME_BYTES = 200_000  # of all frames together, before base64
STRIP_BYTES = 110_000  # above this the strip is drawn with fewer colours
WIDTH, MOST_SCALE = 640, 4  # a frame on the screen: at most so many pixels across, so many times its size
QUALITIES = (92, 85, 75, 60, 45, 30)

STYLE = """
.NAME {background: #ffffff; color: #1a1a1a; padding: 8px; max-width: 100%; box-sizing: border-box;
  font: 14px/1.4 system-ui, sans-serif}
.NAME .heading {font-weight: 600; margin: 0 0 6px}
.NAME img {image-rendering: pixelated; display: block; max-width: 100%; height: auto}
.NAME .stills {display: flex; flex-wrap: wrap; gap: 10px}
.NAME .stills figure {margin: 0}
.NAME .bar {display: flex; flex-wrap: wrap; align-items: center; gap: 12px; margin-top: 8px}
.NAME button {min-width: 7.5em; min-height: 32px; font: inherit; color: #ffffff; background: #004b75;
  border: 1px solid #004b75; border-radius: 4px; cursor: pointer}
.NAME input {width: 260px; min-height: 24px; accent-color: #004b75; cursor: pointer}
.NAME button:focus-visible, .NAME input:focus-visible {outline: 3px solid #0072b2; outline-offset: 2px}
.NAME output {font-variant-numeric: tabular-nums}
"""


def animation(
    frames: Any,
    labels: Sequence[Any] | None = None,
    alt: str = "",
    title: str | None = None,
    value_range: tuple[float, float] | None = None,
) -> None:
    """Show frames as a film with a play button and a slider; a strip of at most 6 stills where scripts don't run.

    frames: (T, H, W) or (T, H, W, C), uint8 or float in value_range (default 0 … 1), T at least 2, or a list of figures
    of one size. labels: a text a frame, such as "step 300". alt: one sentence that says what is seen and how it changes.
    title: the finding. Nothing plays by itself, and readers who ask for less motion go frame by frame. ValueError names
    what is off.
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError('plotting.animation(frames, alt="…") needs alternative text: what is seen and how it changes')
    pixels = checked_frames(frames, value_range)
    count, alt = len(pixels), " ".join(alt.split())
    if labels is not None and (isinstance(labels, str) or len(labels) != count):
        raise ValueError(f"animation: {count} frames need a list of {count} labels, not {labels!r:.60}")
    texts = [f"frame {i + 1}" for i in range(count)] if labels is None else [str(label) for label in labels]
    strip = smaller(publishing.png_bytes(filmstrip(pixels, texts, title)))
    publishing.publish_picture(strip, alt, {"text/html": page(pixels, texts, alt, title)})


def checked_frames(frames: Any, value_range: tuple[float, float] | None = None) -> np.ndarray:
    """Frames as uint8 pixels (T, H, W, C); figures are drawn. ValueError on fewer than two, or on several sizes."""
    frames = [_drawn(frame) if hasattr(frame, "savefig") else np.asarray(frame) for frame in frames]
    if len(frames) < 2 or frames[0].ndim < 2:
        raise ValueError("animation needs at least 2 frames: (T, H, W) or (T, H, W, C), or a list of figures")
    shapes = sorted({frame.shape for frame in frames})
    if len(shapes) > 1:
        raise ValueError(f"all frames of an animation need one shape, not {' and '.join(map(str, shapes[:3]))}")
    if frames[0].ndim > 3:
        raise ValueError(
            f"a frame is one image (H, W) or (H, W, C), not {shapes[0]}; plotting.compose(images, cols=8) makes one of many"
        )
    return image_grids.to_pixels(np.stack(frames), value_range)


def _drawn(figure: Figure) -> np.ndarray:
    """A figure as pixels (H, W, 3)."""
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi, facecolor="white")
    return np.asarray(Image.open(buffer).convert("RGB"))


def chosen(count: int) -> list[int]:
    """Which of `count` frames are the stills: the first, the last, and evenly between them."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(STILLS, count)).tolist()})


def encoded(pixels: np.ndarray) -> list[str]:
    """Frames (T, H, W, C) as data addresses of WebP files: exact where that is small enough, else as good as fits."""
    for settings in ({"lossless": True}, *({"quality": quality} for quality in QUALITIES)):
        files = [_webp(frame, settings) for frame in pixels]
        if sum(map(len, files)) <= FRAME_BYTES:
            break
    return ["data:image/webp;base64," + base64.b64encode(file).decode("ascii") for file in files]


def _webp(frame: np.ndarray, settings: dict[str, Any]) -> bytes:
    """One frame (H, W, C) as a WebP file."""
    from PIL import Image

    out = io.BytesIO()
    coloured = np.ascontiguousarray(np.broadcast_to(frame, (*frame.shape[:2], 3)))
    Image.fromarray(coloured).save(out, format="WEBP", method=4, **settings)
    return out.getvalue()


def filmstrip(pixels: np.ndarray, labels: Sequence[str], title: str | None = None) -> Figure:
    """The static figure: at most six frames (T, H, W, C) in a row or two, under their labels."""
    from helpers.house_style import DPI

    stills = chosen(len(pixels))
    height, width = pixels.shape[1:3]
    wide = width > 100
    zoom = min(1.0, 320 / width) if wide else max(1, 160 // width)
    return image_grids.image_grid(
        pixels[stills],
        cols=min(len(stills), 3 if wide else STILLS),
        title=title,
        cell_titles=[labels[i] for i in stills],
        size=zoom * max(height, width) / DPI,
    )


def smaller(png: bytes) -> bytes:
    """The same PNG where it is small enough, else one with fewer colours, and halved in size if that is not enough."""
    from PIL import Image

    picture, colours = Image.open(io.BytesIO(png)).convert("RGB"), 64
    while len(png) > STRIP_BYTES and min(picture.size) > 100:
        out = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(out, format="PNG", optimize=True)
        png = out.getvalue()
        if colours > 32:
            colours = 32
        else:
            picture = picture.resize((round(0.8 * picture.width), round(0.8 * picture.height)), Image.Resampling.BOX)
    return png


def page(pixels: np.ndarray, labels: Sequence[str], alt: str, title: str | None = None) -> str:
    """The HTML of a film: stills with captions, and the script that makes a player of them. Each frame is in it once."""
    uris, stills = encoded(pixels), chosen(len(pixels))
    known = "\0".join([*uris, *labels, alt, title or ""])
    name = f"animation-{hashlib.sha256(known.encode()).hexdigest()[:12]}"
    height, width = pixels.shape[1:3]
    figures = "".join(
        f'<figure><img data-frame="{i}" src="{uris[i]}" alt="{html.escape(f"{alt} Shown: {labels[i]}.")}" '
        f'width="{width}" height="{height}"><figcaption>{html.escape(labels[i])}</figcaption></figure>'
        for i in stills
    )
    heading = f'<p class="heading">{html.escape(title)}</p>' if title else ""
    values = {
        "mark": name,
        "width": max(1, min(MOST_SCALE, WIDTH // width)) * width,
        "alt": alt,
        "labels": list(labels),
        "sent": [None if i in stills else uri for i, uri in enumerate(uris)],
    }
    constants = "".join(f"const {key} = {_literal(value)};\n" for key, value in values.items())
    script = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    return (
        f"<style>{STYLE.replace('NAME', name)}</style>\n"
        f'<div class="{name}" role="group" aria-label="{html.escape(f"Animation: {alt}")}">{heading}'
        f'<div class="stills">{figures}</div></div>\n<script>(function () {{\n{constants}{script}}})();</script>'
    )


def _literal(value: Any) -> str:
    """A value as JavaScript that can't end the script element it stands in."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
