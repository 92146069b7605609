"""Styles made by a hand: brush strokes, pencil hatching, watercolour, marbled paper, dots of paint."""

from __future__ import annotations

from typing import Any

import numpy as np

from helpers.drawing_sheet import Sheet, along, colours, lit, mix, step


def brush_strokes(sheet: Sheet) -> np.ndarray:
    """Thick strokes of oil that follow swirls of a night sky, blue with yellow lights."""
    palette = colours("0b1d51 12337a 1f5aa6 3f8fc4 8cc5d6 e9e6b8 f7d046 f2a51f")
    centres = sheet.points(0.36, jitter=0.7, margin=0.2)
    turns = np.where(sheet.rng.random(len(centres)) < 0.5, 1.0, -1.0)
    current = sheet.rng.random(2) * 6
    spacing, steps, length = 0.018, 6, 0.09
    starts = sheet.points(spacing, jitter=1.6, margin=0.06)
    starts = starts[sheet.rng.permutation(len(starts))]
    fine = sheet.rng.random((len(starts), 3))
    tone = 0.62 * sheet.noise(4.2, octaves=2, within=starts.T) + 0.12 * fine[:, 0]
    gaps = np.linalg.norm(starts[:, None] - centres[None], axis=-1)
    rings = 0.5 + 0.5 * np.cos(gaps.min(axis=1) / 0.018 + 3 * fine[:, 1])
    tone = tone + 0.62 * np.exp(-((gaps.min(axis=1) / 0.085) ** 2)) + 0.16 * rings * np.exp(-gaps.min(axis=1) / 0.15)
    tints = along(palette, np.clip(tone - 0.08, 0, 1)[:, None])[:, 0]
    path = [starts]
    for _ in range(steps):
        path.append(path[-1] + length / steps * _flow(path[-1], centres, turns, current))
    path = np.stack(path, axis=1) - (path[steps // 2] - starts)[:, None]  # the stroke's middle lies at its start
    return _painted(sheet, path, tints, 0.0145 * (0.75 + 0.6 * fine[:, 2]))


def _flow(places: np.ndarray, centres: np.ndarray, turns: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Unit vectors (N, 2): around each centre, and in waves away from all of them."""
    away = places[:, None] - centres[None]
    near = np.exp(-(away**2).sum(-1) / 0.017)
    around = np.stack([-away[..., 1], away[..., 0]], axis=-1) * (turns * near)[..., None] * 22
    x, y = places.T
    wind = np.stack([np.ones_like(x), 0.8 * np.sin(7 * x + current[0]) + 0.5 * np.sin(9 * y + current[1])], axis=-1)
    total = around.sum(axis=1) + 0.55 * wind
    return total / np.linalg.norm(total, axis=1, keepdims=True).clip(1e-6)


def _painted(sheet: Sheet, path: np.ndarray, tints: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Strokes in order, each with a dark and a light edge, as thick paint has. path (N, steps, 2) in units."""
    from PIL import Image, ImageDraw

    base = tuple(int(v) for v in 255 * np.median(tints, axis=0) * 0.7)
    image = Image.new("RGB", (sheet.size, sheet.size), base)
    draw = ImageDraw.Draw(image)
    pixels = path / sheet.pixel
    along_ = pixels[:, -1] - pixels[:, 0]
    side = np.stack([-along_[:, 1], along_[:, 0]], axis=-1) / np.linalg.norm(along_, axis=1, keepdims=True).clip(1e-6)
    side *= np.where(side.sum(axis=1, keepdims=True) > 0, -1, 1)  # towards the light, up and left
    for line, tint, wide, to in zip(pixels, tints, widths / sheet.pixel, side, strict=True):
        for shift, factor, share in ((-0.22, 0.6, 0.9), (0.0, 1.0, 0.8), (0.24, 1.28, 0.26)):
            colour = tuple(int(v) for v in np.clip(255 * tint * factor + 18 * (factor > 1), 0, 255))
            points = [tuple(place) for place in (line + shift * wide * to).tolist()]
            thick = max(1, round(wide * share))
            draw.line(points, fill=colour, width=thick)
            for x, y in (points[0], points[-1]) if thick > 3 else ():
                draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=colour)
    return np.asarray(image, dtype=np.float32) / 255


def pencil(sheet: Sheet) -> np.ndarray:
    """Hatching with pencils: more layers of crossing lines where the tone is darker."""
    paper = colours("f7f1e3")[0]
    grain = sheet.noise(110, octaves=2)
    tone = step(sheet.noise(4, octaves=3), 0.5, 0.5)
    picture = np.broadcast_to(paper, (*sheet.x.shape, 3))
    layers = (
        (38, 0.0155, 0.05, "3a3a44"),
        (-32, 0.0165, 0.35, "2b2b33"),
        (84, 0.0145, 0.58, "7a2e1d"),
        (8, 0.013, 0.76, "1d1d24"),
    )
    for degrees, pitch, from_, ink in layers:
        angle = np.deg2rad(degrees)
        u = np.cos(angle) * sheet.x + np.sin(angle) * sheet.y
        v = np.cos(angle) * sheet.y - np.sin(angle) * sheet.x
        v = v + 0.03 * (sheet.noise(3, within=(u + 9, v + 9)) - 0.5)
        number = np.floor(v / pitch)
        inside = v / pitch - number - 0.5
        jitter = 0.35 * (sheet.noise(1, within=(number * 7.31, number * 3.17)) - 0.5)
        press = sheet.noise(9, within=(u + number * 0.77 + 50, number * 5.1 + 400))  # strokes begin and end
        width = 0.12 + 0.2 * press
        line = 1 - step(np.abs(inside - jitter), width, 0.16)
        share = line * step(tone, from_, 0.25) * (0.45 + 0.55 * press) * step(grain, 0.30, 0.35)
        picture = mix(picture, colours(ink)[0], 0.95 * share)
    return picture * (0.97 + 0.06 * grain)[..., None]


def watercolour(sheet: Sheet) -> np.ndarray:
    """Blots of transparent paint with dark rims on rough paper."""
    palette = colours("1f77b4 e4572e f3a712 2a9d8f 8e44ad e63976 4cb5ae")
    paper = colours("fcf8ee")[0]
    warp = [0.05 * (sheet.noise(7, octaves=3) - 0.5) for _ in range(2)]
    grain = sheet.noise(70, octaves=3)
    flow = sheet.noise(8, octaves=3)
    absorbed = np.zeros((*sheet.x.shape, 3), dtype=np.float32)  # the logarithm of what the paint lets through
    places = sheet.points(0.105, jitter=1.3)
    tints = sheet.chosen(palette, len(places))
    for (cx, cy), tint, chance in zip(places, tints, sheet.rng.random((len(places), 2)), strict=True):
        reach = 0.045 + 0.06 * chance[0]
        rows, columns = (_window(sheet, c, reach + 0.06) for c in (cy, cx))
        if rows.stop <= rows.start or columns.stop <= columns.start:
            continue
        cut = rows, columns
        distance = np.hypot(sheet.x[cut] + warp[0][cut] - cx, sheet.y[cut] + warp[1][cut] - cy) / reach
        inside = 1 - step(distance, 1.0, 0.06)
        rim = np.exp(-(((distance - 0.96) / 0.055) ** 2)) * (distance < 1.03)
        depth = inside * (0.3 + 0.5 * chance[1] + 0.5 * (flow[cut] - 0.5)) + 0.75 * rim * inside
        absorbed[cut] += depth[..., None] * np.log(np.clip(tint, 0.06, 1))
    picture = paper * np.exp(absorbed * (0.75 + 0.6 * (grain - 0.5))[..., None])
    return lit(np.clip(picture, 0, 1), grain * 3, 0.2)


def _window(sheet: Sheet, centre: float, reach: float) -> slice:
    """The rows or columns of pixels around a place."""
    first, last = (int(np.clip(round(v / sheet.pixel), 0, sheet.size)) for v in (centre - reach, centre + reach))
    return slice(first, last)


def marbled(sheet: Sheet) -> np.ndarray:
    """Marbled paper: drops of colour drawn out by combs into feathers."""
    palette = colours("7b1e3b c8553d f4d9a0 1d3557 2a7f86 f7f3e3 e0a030")
    x, y = np.array(sheet.x), np.array(sheet.y)
    y = y + 0.012 * np.sin(2 * np.pi * 3 * x + 6 * sheet.rng.random())
    x = x + 0.07 * (sheet.noise(3.0, octaves=2) - 0.5)
    y = y + 0.07 * (sheet.noise(3.0, octaves=2) - 0.5)
    pitch = 0.11
    for turn, (wide, pull) in enumerate(((pitch, 0.1), (pitch / 2, 0.055), (pitch, 0.06))):
        comb = np.modf(x / wide + 40 + 0.25 * turn)[0] - 0.5  # teeth that draw the paint up or down
        sign = np.where(np.floor(x / wide + 40 + 0.25 * turn) % 2 == 0, 1.0, -1.0) if turn != 1 else 1.0
        y = y + sign * pull * np.exp(-np.abs(comb) * 5)
    t = (y + 0.03 * sheet.noise(9, octaves=2, within=(x, y))) / 0.0165
    vein = np.floor(t)
    inside = t - vein
    order = sheet.rng.integers(0, len(palette), 4096)
    order[1:] = np.where(order[1:] == order[:-1], (order[1:] + 1) % len(palette), order[1:])
    here, next_ = (palette[order[(vein.astype(np.int64) + k) % 4096]] for k in (0, 1))
    picture = mix(here, next_, step(inside, 0.9, 0.2))
    picture = mix(picture, colours("2a1a1f")[0], 0.55 * (1 - step(np.abs(inside - 0.9), 0.06, 0.1)))
    return picture * (0.95 + 0.1 * sheet.noise(80))[..., None]


def pointillism(sheet: Sheet) -> np.ndarray:
    """Dots of pure paint, warm beside cold, whose mean changes slowly."""
    from PIL import Image, ImageDraw

    warm, cold = colours("f6c945 f08a24 e4572e f7e3a1 d7427a"), colours("1d4e9e 2a86c8 2f9e77 5b3f9b 7cc6d8")
    image = Image.new("RGB", (sheet.size, sheet.size), (243, 234, 214))
    draw = ImageDraw.Draw(image)
    for spacing, radius in ((0.027, 0.019), (0.02, 0.0125), (0.022, 0.0095)):
        places = sheet.points(spacing, jitter=1.0, margin=0.03)
        places = places[sheet.rng.permutation(len(places))]
        tone = sheet.noise(3.0, octaves=2, within=places.T)
        light = sheet.noise(4.0, octaves=2, within=places.T + 7)
        is_warm = sheet.rng.random(len(places)) < step(tone, 0.5, 0.35) * 0.8 + 0.1
        pick = np.clip((light * 6 - 0.5 + sheet.rng.normal(0, 0.9, len(places))).astype(int), 0, 4)
        tints = np.where(is_warm[:, None], warm[pick], cold[pick])
        sizes = radius * (0.75 + 0.5 * sheet.rng.random(len(places)))
        _dots(draw, places / sheet.pixel, sizes / sheet.pixel, tints)
    return np.asarray(image, dtype=np.float32) / 255


def _dots(draw: Any, places: np.ndarray, radii: np.ndarray, tints: np.ndarray) -> None:
    for (x, y), r, tint in zip(places.tolist(), radii.tolist(), (255 * tints).astype(int).tolist(), strict=True):
        draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(tint))
