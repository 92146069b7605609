"""Formulas as SVG pictures in a page's text, drawn by matplotlib's mathtext: they need no script and no network."""

import functools
import html
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

AXIS = 4.0  # points from the baseline up to the middle of a fraction's bar
SIZE = 16.0  # points at which formulas are laid out; the page scales them by em
_REPLACED = (
    (r"\\(?:lVert|rVert|Vert|\|)", r"\\Vert "),
    (r"\\[lr]vert|\\vert", r"\\vert "),
    (r"\\(?:bigl|bigr|Bigl|Bigr|biggl|biggr|Biggl|Biggr|big|Big|bigg|Bigg)(?![a-zA-Z])", ""),
    (r"\\(?:tfrac|dfrac)(?![a-zA-Z])", r"\\frac"),
    (r"\\frac\s*(\\[a-zA-Z]+|[^\s{\\])", r"\\frac{\1}"),
    (r"(\\frac\{[^{}]*\})\s*(\\[a-zA-Z]+|[^\s{\\])", r"\1{\2}"),
    (r"\\sqrt\s*(\\[a-zA-Z]+|[^\s{\\\[])", r"\\sqrt{\1}"),
    (r"\\(mathbb|mathcal|mathrm|mathbf|boldsymbol)\s+([A-Za-z])", r"\\\1{\2}"),
    (r"\\text(?:rm|bf|it)?\{([^{}]*)\}", lambda match: r"\mathrm{" + match[1].replace(" ", r"\ ") + "}"),
    (r"\\operatorname\*?\{([^{}]*)\}", r"\\mathrm{\1}"),
    (r"\\mathbb\{1\}", "1"),
    (r"\\le(?![a-zA-Z])", r"\\leq"),
    (r"\\ge(?![a-zA-Z])", r"\\geq"),
    (r"\\ne(?![a-zA-Z])", r"\\neq"),
    (r"\\(?:lbrace|\{)", r"\\{"),
    (r"\\mid(?![a-zA-Z])", r"\\vert "),
    (r"\\odot(?![a-zA-Z])", r"\\odot "),
    (r"\\(?:displaystyle|textstyle|limits|nolimits)(?![a-zA-Z])", ""),
    (r"\\tag\{([^{}]*)\}", r"\\qquad (\1)"),
)


_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.S)
_MATH = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+?)\$", re.S)


def replaced(text: str, replace: Callable[[str, bool], str]) -> str:
    """Markdown with every formula replaced by what `replace(formula, block)` gives; code is left alone."""
    pieces = _CODE.split(text)
    return "".join(
        piece if at % 2 else _MATH.sub(lambda match: replace(match[1] or match[2], bool(match[1])), piece)
        for at, piece in enumerate(pieces)
    )


def set_aside(text: str, pictures: list[str]) -> str:
    """Markdown with a mark in the place of each formula, whose picture is added to `pictures`; see `put_back`."""

    def mark(formula: str, block: bool) -> str:
        pictures.append(picture(formula, block))
        return f"\u27e6{len(pictures) - 1}\u27e7"

    return replaced(text, mark)


def put_back(page: str, pictures: list[str]) -> str:
    """The HTML of a text from `set_aside`, with the pictures in the places of their marks."""
    page = re.sub(r"<p>\s*\u27e6(\d+)\u27e7\s*</p>", lambda match: pictures[int(match[1])], page)
    return re.sub(r"\u27e6(\d+)\u27e7", lambda match: pictures[int(match[1])], page)


def picture(formula: str, block: bool = False) -> str:
    """A formula (LaTeX) as SVG with the formula as its alternative text; its source where mathtext can't draw it."""
    rows = _rows(formula) if block else [formula]
    drawn = [_drawn(" ".join(row.split()), formula) for row in rows]
    if not all(drawn):
        kind = "block" if block else "inline"
        return f'<code class="formula {kind}">{html.escape(" ".join(formula.split()))}</code>'
    if not block:
        return drawn[0]
    return '<p class="formula">' + "<br>".join(drawn) + "</p>"


def _rows(formula: str) -> list[str]:
    """The rows of an aligned or gathered block."""
    inner = re.sub(r"\\(?:begin|end)\{(?:aligned|align\*?|gathered|split)\}", "", formula)
    if inner == formula:
        return [formula]
    return [row.replace("&", "") for row in re.split(r"\\\\(?:\[[^\]]*\])?", inner) if row.strip()]


def _underbraces(row: str) -> str:
    r"""\underbrace{x}_{y} as y set under x."""
    while (start := row.find(r"\underbrace{")) >= 0:
        above, rest = _braced(row[start + len(r"\underbrace") :])
        below, rest = _braced(rest[1:]) if rest.startswith("_{") else (r"\ ", rest)
        row = row[:start] + rf"\underset{{{below}}}{{{above}}}" + rest
    return row


def _braced(text: str) -> tuple[str, str]:
    """What the first pair of braces holds, and what follows it."""
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if not depth:
            return text[1:at], text[at + 1 :]
    return text[1:], ""


@dataclass(frozen=True)
class _Box:
    """Outlines in points, y upwards from the baseline, with the codes of matplotlib's paths."""

    points: np.ndarray
    codes: list[int]
    width: float
    above: float
    below: float

    def moved(self, x: float, y: float) -> "_Box":
        """The same, shifted; its width counts from the old origin."""
        return _Box(self.points + (x, y), self.codes, self.width + x, self.above + y, self.below - y)


@functools.cache
def _drawn(row: str, label: str) -> str:
    box = _row(_underbraces(row))
    if box is None:
        return ""
    pad = 1.0
    view = f"{-pad:.2f} {-box.above - pad:.2f} {box.width + 2 * pad:.2f} {box.above + box.below + 2 * pad:.2f}"
    height, drop = (box.above + box.below + 2 * pad) / SIZE, -(box.below + pad) / SIZE
    style = f"height:{height:.3f}em;vertical-align:{drop:.3f}em"
    name, path = html.escape(" ".join(label.split())), _path(box.points, box.codes)
    return f'<svg class="math" role="img" aria-label="{name}" viewBox="{view}" style="{style}"><path d="{path}"/></svg>'


def _row(row: str) -> _Box | None:
    """A row without or with matrices; None where mathtext can't draw one of its parts."""
    parts = re.split(r"\\begin\{pmatrix\}(.*?)\\end\{pmatrix\}", row)
    boxes = [
        _matrix(part) if at % 2 else _mathtext(part)
        for at, part in enumerate(parts)
        if at % 2 or part.strip() or not row
    ]
    return None if None in boxes or not boxes else _beside(boxes, gap=0.25 * SIZE)


def _mathtext(row: str) -> _Box | None:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    for pattern, replacement in _REPLACED:
        row = re.sub(pattern, replacement, row)
    font = FontProperties(family="DejaVu Sans", size=SIZE, math_fontfamily="stix")
    try:
        width, height, depth = text_to_path.get_text_width_height_descent(f"${row}$", font, ismath=True)
        points, codes = text_to_path.get_text_path(font, f"${row}$", ismath=True)
    except ValueError:
        return None
    scale = SIZE / text_to_path.FONT_SCALE
    return _Box(np.asarray(points, dtype=float).reshape(-1, 2) * scale, list(codes), width, height - depth, depth)


def _beside(boxes: list[_Box], gap: float) -> _Box:
    """Boxes on one baseline, one after another."""
    placed, x = [], 0.0
    for box in boxes:
        placed.append(box.moved(x, 0.0))
        x = placed[-1].width + gap
    return _together(placed)


def _together(placed: list[_Box]) -> _Box:
    return _Box(
        np.concatenate([box.points for box in placed]),
        [code for box in placed for code in box.codes],
        *(max(getattr(box, side) for box in placed) for side in ("width", "above", "below")),
    )


def _matrix(text: str) -> _Box | None:
    """Entries in rows and columns, centred in their columns, between round brackets."""
    cells = [[_mathtext(cell) for cell in line.split("&")] for line in text.split(r"\\") if line.strip()]
    if any(cell is None for line in cells for cell in line):
        return None
    widths = [max(line[at].width for line in cells if at < len(line)) for at in range(max(map(len, cells)))]
    step = 1.35 * SIZE
    above = step * len(cells) / 2 + AXIS
    bracket, x = 0.35 * SIZE, 0.35 * SIZE + 0.15 * SIZE
    placed = [_bracket(above, 2 * AXIS - above, 0.0, bracket)]
    for at, width in enumerate(widths):
        for number, line in enumerate(cells):
            if at < len(line):
                centre = above - step * (number + 0.5) - AXIS
                placed.append(line[at].moved(x + (width - line[at].width) / 2, centre))
        x += width + 0.8 * SIZE
    x -= 0.65 * SIZE
    placed.append(_bracket(above, 2 * AXIS - above, x + bracket, x))
    return _together(placed)


def _bracket(top: float, bottom: float, middle: float, ends: float) -> _Box:
    """A round bracket as a crescent from `top` to `bottom`: x is `middle` half-way and `ends` at the tips."""
    bend, thick = 2 * middle - ends, 0.07 * SIZE * (1 if ends > middle else -1)
    points = [
        (ends, top),
        (bend, (top + bottom) / 2),
        (ends, bottom),
        (bend + 2 * thick, (top + bottom) / 2),
        (ends, top),
    ]
    return _Box(np.array([*points, (0.0, 0.0)]), [1, 3, 3, 3, 3, 79], max(middle, ends), top, -bottom)


def _path(points: np.ndarray, codes: list[int]) -> str:
    """Outlines as the d of an SVG path; y points down there."""
    letters, counts = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}, {1: 1, 2: 1, 3: 2, 4: 3, 79: 1}
    out, at = [], 0
    while at < len(codes):
        code = int(codes[at])
        if code == 79:
            out.append("Z")
        else:
            xy = " ".join(f"{x:.2f} {-y:.2f}" for x, y in points[at : at + counts[code]])
            out.append(f"{letters[code]}{xy}")
        at += counts[code]
    return "".join(out)
