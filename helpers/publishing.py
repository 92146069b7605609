"""How a figure reaches a notebook: as a small PNG or JPEG with alternative text. `show` is the only way."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


UNSEEN = 1.0, 16  # errors of a palette that can't be seen, of 255: the mean, and what 99.5 % of all pixels stay below
HARDLY_SEEN = 5.0, 32  # errors to put up with where a picture is large in bytes, as sheets of noisy samples are
LARGE = 60_000  # bytes; a notebook with all its outputs stays below 1.5 MB
JPEG_FROM, JPEG_QUALITY = 20_000, 72  # a figure of so many bytes or more becomes a JPEG of this quality,
JPEG_WORTH = 0.85  # where that takes at most this share of the bytes of its PNG


def png_bytes(fig: Figure) -> bytes:
    """Render a figure as a PNG, see `encode_png`; same figure, same bytes."""
    return encode_png(_rendered(fig))


def figure_bytes(fig: Figure) -> bytes:
    """Render a figure as a PNG; a photograph or painted picture, which takes many bytes, as a JPEG if that is smaller."""
    from PIL import Image

    pixels = _rendered(fig)
    png = encode_png(pixels)
    if len(png) < JPEG_FROM:
        return png
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="JPEG", quality=JPEG_QUALITY)
    jpeg = out.getvalue()
    return jpeg if len(jpeg) <= JPEG_WORTH * len(png) else png


def _rendered(fig: Figure) -> np.ndarray:
    """A figure's pixels (H, W, 3), uint8."""
    from PIL import Image

    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=fig.dpi, facecolor="white", metadata={"Software": None})
    return np.asarray(Image.open(buffer).convert("RGB"))


def encode_png(pixels: np.ndarray) -> bytes:
    """Write pixels (H, W, 3) or (H, W, 1), uint8, as a small PNG without metadata; grey ones stay exact.

    Coloured ones get a palette of 256 colours where that can't be seen; large ones also where it hardly can.
    """
    from PIL import Image

    grey = bool((pixels == pixels[..., :1]).all())
    picture = Image.fromarray(np.ascontiguousarray(pixels[..., 0]) if grey else pixels)
    if picture.mode == "RGB":
        picture = _kept(picture, picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE), UNSEEN)
        if len(_as_png(picture)) > LARGE:
            whole = Image.fromarray(np.ascontiguousarray(pixels))
            # MAXCOVERAGE: rare colours count too, such as hair in a sheet of faces
            fitted = whole.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
            picture = _kept(whole, fitted, HARDLY_SEEN, otherwise=picture)
    return _as_png(picture)


def _kept(picture: Any, fitted: Any, bounds: tuple[float, float], otherwise: Any = None) -> Any:
    """A picture with a palette where the mean error and that of 99.5 % of all values are within bounds, or else the other."""
    error = np.abs(np.asarray(fitted.convert("RGB"), dtype=np.int16) - np.asarray(picture))
    within = error.mean() < bounds[0] and np.percentile(error, 99.5) <= bounds[1]
    return fitted if within else otherwise or picture


def _as_png(picture: Any) -> bytes:
    """A PIL image as a PNG."""
    out = io.BytesIO()
    picture.save(out, format="PNG", optimize=True)
    return out.getvalue()


def show(fig: Figure, alt: str) -> None:
    """Display a figure with alternative text, see `figure_bytes`, then close it.

    alt says in a sentence what the figure shows, for those who cannot see it. It is stored in the output's metadata
    (where nbconvert's templates look for it) and as the output's plain text. ValueError when it is empty.
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError('plotting.show(fig, alt="…") needs alternative text: one sentence that says what is seen')
    if not hasattr(fig, "savefig"):
        raise TypeError(f"plotting.show needs a matplotlib Figure, not {type(fig).__name__}")
    publish_picture(figure_bytes(fig), " ".join(alt.split()))
    fig.clear()
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(fig)


def publish_picture(
    picture: bytes, alt: str, views: Mapping[str, Any] | None = None, view_metadata: Mapping[str, Any] | None = None
) -> None:
    """Send one output to the notebook: a PNG or JPEG with its alt text, and other views (mime type → data) of it."""
    data, metadata = picture_bundle(picture, alt)
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        print(f"[figure: {alt}]")
        return
    from IPython.display import display

    display({**data, **(views or {})}, metadata={**metadata, **(view_metadata or {})}, raw=True)


def picture_bundle(picture: bytes, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The mime bundle and its metadata of a PNG or JPEG with alt text, width and height (pixels)."""
    import base64

    from PIL import Image

    opened = Image.open(io.BytesIO(picture))
    width, height = opened.size
    kind = f"image/{(opened.format or 'png').lower()}"
    data = {kind: base64.b64encode(picture).decode("ascii"), "text/plain": f"Figure: {alt}"}
    return data, {kind: {"alt": alt, "width": width, "height": height}}
