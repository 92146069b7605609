"""Styles made of repeated shapes: glass, waves, halftone, mosaic, weave, scales."""

from __future__ import annotations

import numpy as np

from helpers.drawing_sheet import Sheet, along, colours, mix, step


def stained_glass(sheet: Sheet) -> np.ndarray:
    """Glowing panes of many colours between dark leads."""
    from scipy.spatial import cKDTree

    palette = colours("c8102e e8532b f5a623 f9d648 1e8f4e 0f6f8c 1746a2 3f2b96 8e2a8b 49b6d6")
    seeds = sheet.points(0.1, jitter=0.95)
    tint = sheet.chosen(palette, len(seeds)) * (0.8 + 0.35 * sheet.rng.random((len(seeds), 1)))
    warp = [0.035 * (sheet.noise(5) - 0.5) for _ in range(2)]
    places = np.stack([sheet.x + warp[0], sheet.y + warp[1]], axis=-1).reshape(-1, 2)
    distances, found = cKDTree(seeds).query(places, k=2, workers=-1)
    between = np.linalg.norm(seeds[found[:, 0]] - seeds[found[:, 1]], axis=1)
    edge = (np.diff(distances**2, axis=1)[:, 0] / (2 * between)).reshape(sheet.x.shape)  # to the border of two panes
    pane = found[:, 0].reshape(sheet.x.shape)
    streaks = sheet.noise(22, octaves=2, stretch=(1, 4))
    glow = 0.55 + 0.75 * step(edge, 0.02, 0.07) + 0.5 * (streaks - 0.5)
    picture = np.clip(tint[pane] * glow[..., None], 0, 1)
    picture = mix(picture, np.float32(1), 0.3 * step(edge, 0.04, 0.05) * step(streaks, 0.62, 0.2))
    lead = mix(colours("0b0a10")[0], colours("4a4852")[0], step(-edge, -0.0015, 0.003))
    return mix(lead, picture, step(edge, 0.0065, 0.003))


def waves(sheet: Sheet) -> np.ndarray:
    """Rolling waves as in a woodcut: blue bands with dark outlines and crests of foam."""
    inks = colours("f3ead3 8fb8c9 4f8fb5 2a5f95 173f73 4f8fb5 8fb8c9 2a5f95")
    dark, cream = colours("0d2147 f6eedb")
    x, y = sheet.x + 0.05 * (sheet.noise(3) - 0.5), sheet.y + 0.05 * (sheet.noise(3) - 0.5)
    lean = x + 0.1 * np.sin(2 * np.pi * (y * 2.2 + x)) + 0.25 * y  # the crests lean over
    swell = 0.055 * np.sin(2 * np.pi * 2.6 * lean) + 0.025 * np.sin(2 * np.pi * 5.7 * lean + 1.3 + 7 * y)
    place = (y + swell) * 6.5
    band = np.floor(place)
    inside = place - band
    scallop = np.abs(np.sin(np.pi * (17 * lean + 0.37 * band)))  # claws of foam
    foam = 0.17 + 0.13 * scallop
    stripe = np.clip((inside - foam) / (1 - foam), 0, 1) * 6
    picture = inks[(np.floor(stripe).astype(np.int32) + 1 + (band.astype(np.int32) % 2)) % len(inks)]
    line = np.abs(stripe - np.round(stripe))
    picture = mix(picture, dark, 0.85 * (1 - step(line, 0.10, 0.09)) * step(inside, 0.3, 0.02))
    shade = step(scallop, 0.45, 0.3)[..., None] * (colours("bcd5dc")[0] - cream) * step(inside, 0.12, 0.1)[..., None]
    picture = mix(cream + shade, picture, step(inside - foam, 0, 0.03))
    outline = 1 - step(np.abs(inside - foam), 0.035, 0.03)
    picture = mix(picture, dark, np.maximum(outline, 1 - step(np.minimum(inside, 1 - inside), 0.05, 0.03)))
    return picture * (0.94 + 0.12 * sheet.noise(60, octaves=2, stretch=(8, 1)))[..., None]


def halftone(sheet: Sheet) -> np.ndarray:
    """A printed comic: fields of dots in strong inks, larger where the tone is darker, between bold outlines."""
    fields = [  # paper, dots
        colours(pair) for pair in ("fdf6e3 e2231a", "ffd91a e2231a", "fdf6e3 0a6ebd", "7fd0f0 0a3f9c", "ffb6c8 d4145a")
    ]
    pitch, angle = 0.03, np.deg2rad(30)
    x, y = (place + 0.06 * (sheet.noise(4) - 0.5) for place in (sheet.x, sheet.y))
    height = 13 * sheet.noise(2.6, octaves=2, within=(x, y))
    level = np.floor(height).astype(np.int32)
    u = (np.cos(angle) * sheet.x + np.sin(angle) * sheet.y) / pitch
    v = (np.cos(angle) * sheet.y - np.sin(angle) * sheet.x) / pitch
    u = u + 0.5 * (np.round(v) % 2)  # rows in turn, as bees build
    tone = 0.16 + 0.3 * step(sheet.noise(5), 0.5, 0.7)
    dot = step(tone - np.hypot(u - np.round(u), v - np.round(v)), 0, 2 * sheet.pixel / pitch)
    paper, ink = (np.stack([field[k] for field in fields])[level % len(fields)] for k in (0, 1))
    picture = mix(paper, ink, dot)
    slope = np.hypot(*np.gradient(height, sheet.pixel)) + 1e-3
    outline = np.abs(height - np.round(height)) / slope  # in units
    return mix(colours("111116")[0], picture, step(outline, 0.0075 + 0.006 * (sheet.noise(6) - 0.5), 0.004))


def mosaic(sheet: Sheet) -> np.ndarray:
    """Small stones in rings around several centres, with light grout between them."""
    from scipy.spatial import cKDTree

    palettes = [
        colours(text)
        for text in (
            "0f4c75 1b6ca8 3282b8 bbe1fa",
            "b5382a d9572b e88d3d f6c667",
            "12664f 2f9c76 8cc6a0 dbe9c5",
            "f3e9d2 e0cfa6 c9a66b 8c6a3f",
            "3b1f4a 6d3b7e a566a8 e0b7d8",
        )
    ]
    row = 0.027
    centres = sheet.points(0.3, jitter=0.8, margin=0.35)
    offset = sheet.rng.random(len(centres))
    hue = sheet.rng.permutation(np.arange(len(centres)) % len(palettes))
    distance, nearest = cKDTree(centres).query(np.stack([sheet.x, sheet.y], axis=-1), workers=-1)
    toward = np.arctan2(sheet.y - centres[nearest, 1], sheet.x - centres[nearest, 0]) / (2 * np.pi) + 0.5
    ring = np.floor(distance / row)
    stones = np.maximum(np.round(2 * np.pi * (ring + 0.5) * 0.85), 1)
    place = toward * stones + np.modf(offset[nearest] + 0.618 * ring)[0]
    stone = np.floor(place)
    across, radial = place - stone, distance / row - ring
    gap = np.minimum(np.minimum(across, 1 - across), np.minimum(radial, 1 - radial))
    hashed = np.sin((stone % stones) * 12.9898 + ring * 78.233 + nearest * 37.719) * 43758.5453
    chance = hashed - np.floor(hashed)
    shade = ((ring // 2 + np.floor(chance * 1.6)) % 4).astype(np.int32)
    picture = np.stack(palettes)[hue[nearest], shade]
    picture = picture * (0.82 + 0.3 * np.modf(chance * 7.3)[0] + 0.12 * (radial - across))[..., None]
    return mix(colours("2b2622")[0] + 0.06 * sheet.noise(90)[..., None], np.clip(picture, 0, 1), step(gap, 0.09, 0.07))


def weave(sheet: Sheet) -> np.ndarray:
    """Strips of woven cloth: blocks of stripes and of steps in few strong colours, thread over thread."""
    palette = colours("f2a900 c8102e 00703c 141414 f7e7b4 1d4f91")
    across, block = 0.125, 0.125
    strip, cell = np.floor(sheet.x / across).astype(np.int32), np.floor(sheet.y / block).astype(np.int32)
    u, v = sheet.x / across - strip, sheet.y / block - cell
    picks = sheet.rng.integers(0, len(palette), (256, 256, 3))
    picks[..., 1] = (picks[..., 0] + 1 + picks[..., 1] % (len(palette) - 1)) % len(palette)
    a, b, c = (palette[picks[cell % 256, strip % 256, k]] for k in range(3))
    stepped = np.abs(np.floor(u * 8) - 3.5) + np.abs(np.floor(v * 8) - 3.5)
    diamond = mix(mix(a, b, (stepped < 5).astype(np.float32)), c, (stepped < 2.5).astype(np.float32))
    stripes = mix(a, b, (np.floor(v * 8) % 2 == 0).astype(np.float32))
    checks = mix(a, c, ((np.floor(u * 4) + np.floor(v * 4)) % 2).astype(np.float32))
    kind = ((strip + cell) % 2 + 2 * (picks[cell % 256, strip % 256, 2] % 2 * ((strip + cell) % 2)))[..., None]
    picture = np.where(kind == 0, stripes, np.where(kind == 1, diamond, checks))
    thread = across / 8
    warp, weft = sheet.x / thread, sheet.y / thread
    over = (np.floor(warp) + np.floor(weft)) % 2 == 0  # which thread lies above
    round_ = np.where(over, np.abs(np.sin(np.pi * warp)), np.abs(np.sin(np.pi * weft)))
    picture = picture * (0.45 + 0.62 * np.sqrt(round_))[..., None]
    seam = np.minimum(u, 1 - u)
    return np.clip(picture * (0.45 + 0.55 * step(seam, 0.015, 0.03))[..., None], 0, 1)


def scales(sheet: Sheet) -> np.ndarray:
    """Overlapping scales of rings, the Japanese pattern of waves (seigaiha), in ink on paper."""
    inks = colours("14213d 1f3f73 2f6690 b23a48")
    paper = colours("f5efe0")[0]
    radius = 0.085
    picture = np.broadcast_to(paper, (*sheet.x.shape, 3)).copy()
    done = np.zeros(sheet.x.shape, dtype=bool)
    x = sheet.x + 0.008 * (sheet.noise(9) - 0.5)
    y = sheet.y + 0.008 * (sheet.noise(9) - 0.5)
    picks = sheet.rng.choice(len(inks), size=(256, 256), p=(0.34, 0.3, 0.24, 0.12))
    last = np.floor(y / (radius / 2)).astype(np.int32)
    for back in range(3, -2, -1):  # the scale whose centre lies lowest covers the others
        row = last + back
        shift = (row % 2) * radius
        column = np.round((x - shift) / (2 * radius)).astype(np.int32)
        distance = np.hypot(x - shift - 2 * radius * column, y - row * radius / 2) / radius
        here = (distance < 1) & ~done
        ink = inks[picks[row % 256, column % 256]]
        ring = np.abs(np.modf(distance * 4 + 0.04)[0] - 0.5)  # four rings
        drawn = step(ring, 0.2, 0.12) * step(distance, 0.1, 0.05)
        drawn = np.maximum(drawn, 1 - step(distance, 0.12, 0.05))
        picture = np.where(here[..., None], mix(paper, ink, drawn), picture)
        done |= here
    fibres = sheet.noise(45, octaves=2, stretch=(3, 1))
    return np.clip(mix(picture, paper, 0.35 * step(fibres, 0.66, 0.2)) * (0.92 + 0.14 * fibres)[..., None], 0, 1)


def neon(sheet: Sheet) -> np.ndarray:
    """Contour lines of a hilly land, glowing in the dark."""
    palette = colours("00e5ff 2979ff d500f9 ff1744 ffea00 00e676 00e5ff")
    x, y = (place + 0.22 * (sheet.noise(3.3, octaves=2) - 0.5) for place in (sheet.x, sheet.y))
    height = sheet.noise(3.1, octaves=2, within=(x, y))
    place = height * 26
    slope = np.hypot(*np.gradient(place, sheet.pixel)) + 1e-3
    distance = np.abs(place - np.round(place)) / slope  # in units
    distance = np.minimum(distance, 0.06)
    colour = along(palette, np.modf(height * 2.3)[0])
    core = np.exp(-((distance / 0.0032) ** 2))
    glow = np.exp(-distance / 0.009)
    picture = colours("06061a")[0] + colour * (0.5 * glow)[..., None]
    return np.clip(mix(picture, 0.35 + 0.65 * colour, core), 0, 1)
