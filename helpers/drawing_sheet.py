"""A sheet to draw textures on: coordinates, smooth noise and scattered points that don't depend on its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

LATTICE = 64  # random values along each side of a noise, which repeats after so many cells


@dataclass
class Sheet:
    """A square of size × size pixels, 1 / scale units wide: the same random numbers give the same picture at any size."""

    size: int
    scale: float
    rng: np.random.Generator

    @property
    def extent(self) -> float:
        """The side in units; a texture is drawn in units, so a smaller scale shows more of it."""
        return 1 / self.scale

    @property
    def pixel(self) -> float:
        """The side of a pixel in units."""
        return self.extent / self.size

    @cached_property
    def x(self) -> np.ndarray:
        """The place of each pixel from left to right, (size, size), in units."""
        line = (np.arange(self.size, dtype=np.float32) + 0.5) * np.float32(self.pixel)
        return np.broadcast_to(line, (self.size, self.size))

    @property
    def y(self) -> np.ndarray:
        """The place of each pixel from top to bottom, (size, size), in units."""
        return self.x.T

    def noise(self, cells: float, octaves: int = 1, stretch: tuple[float, float] = (1, 1), within: Any = None) -> Any:
        """Smooth random values of about [0, 1] at each pixel, or at the places `within`, (x, y).

        cells: hills and valleys per unit. octaves: finer noises of half the weight each. stretch: of the hills along x
        and y. Each call takes new random numbers.
        """
        x, y = (self.x, self.y) if within is None else within
        total, weight = np.zeros(np.shape(x), dtype=np.float32), 0.0
        for octave in range(octaves):
            values = self.rng.random((LATTICE, LATTICE), dtype=np.float32)
            frequency = cells * 2**octave
            total += _between(values, x * (frequency / stretch[0]), y * (frequency / stretch[1])) * 0.5**octave
            weight += 0.5**octave
        return total / weight

    def points(self, spacing: float, jitter: float = 0.9, margin: float = 0.15) -> np.ndarray:
        """Scattered points (N, 2) with about `spacing` between them, also a little around the sheet, in units."""
        steps = np.arange(np.floor(-margin / spacing), np.ceil((self.extent + margin) / spacing))
        grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        return (grid + 0.5 + jitter * (self.rng.random(grid.shape) - 0.5)) * spacing

    def chosen(self, palette: np.ndarray, n: int, shares: Any = None) -> np.ndarray:
        """Colours (n, 3), each drawn from the palette."""
        return palette[self.rng.choice(len(palette), size=n, p=shares)]


def _between(values: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Values of a repeating lattice, smoothly interpolated."""
    x0, y0 = np.floor(x), np.floor(y)
    u, v = _eased(x - x0), _eased(y - y0)
    i, j = x0.astype(np.int32) % LATTICE, y0.astype(np.int32) % LATTICE
    i1, j1 = (i + 1) % LATTICE, (j + 1) % LATTICE
    upper = values[j, i] * (1 - u) + values[j, i1] * u
    lower = values[j1, i] * (1 - u) + values[j1, i1] * u
    return upper * (1 - v) + lower * v


def _eased(t: np.ndarray) -> np.ndarray:
    return t * t * t * (t * (6 * t - 15) + 10)


def colours(text: str) -> np.ndarray:
    """A palette (n, 3), float in [0, 1], from hexadecimal colours such as "1b3a6b f2e8cf"."""
    return np.array([[int(word[i : i + 2], 16) / 255 for i in (0, 2, 4)] for word in text.split()], dtype=np.float32)


def step(x: Any, edge: float, width: float) -> Any:
    """0 below the edge and 1 above it, eased over `width`."""
    t = np.clip((x - edge) / width + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def mix(a: Any, b: Any, share: np.ndarray) -> np.ndarray:
    """Colours a where share is 0, b where it is 1; share (H, W)."""
    share = share[..., None]
    return a * (1 - share) + b * share


def along(palette: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The colour at t in [0, 1] of a palette that runs smoothly from its first colour to its last."""
    place = np.clip(t, 0, 1) * (len(palette) - 1)
    first = np.minimum(place.astype(np.int32), len(palette) - 2)
    return mix(palette[first], palette[first + 1], (place - first).astype(np.float32))


def lit(picture: np.ndarray, height: np.ndarray, strength: float) -> np.ndarray:
    """The picture as if its surface had this height and light came from the upper left. height: in pixels."""
    slope_y, slope_x = np.gradient(height)
    return picture * (1 + strength * np.clip(slope_x + slope_y, -1, 1))[..., None]
