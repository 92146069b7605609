"""Formulas as SVG pictures in a page's text, drawn by matplotlib's mathtext: they need no script and no network."""

import functools
import html
import re

import numpy as np

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


@functools.cache
def _drawn(row: str, label: str) -> str:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    row = _underbraces(row)
    for pattern, replacement in _REPLACED:
        row = re.sub(pattern, replacement, row)
    font = FontProperties(family="DejaVu Sans", size=SIZE, math_fontfamily="stix")
    try:
        width, height, depth = text_to_path.get_text_width_height_descent(f"${row}$", font, ismath=True)
        points, codes = text_to_path.get_text_path(font, f"${row}$", ismath=True)
    except ValueError:
        return ""
    scale = SIZE / text_to_path.FONT_SCALE
    path = _path(np.asarray(points, dtype=float) * scale, codes)
    pad = 1.0
    box = f"{-pad:.2f} {-(height - depth) - pad:.2f} {width + 2 * pad:.2f} {height + 2 * pad:.2f}"
    style = f"height:{(height + 2 * pad) / SIZE:.3f}em;vertical-align:{-(depth + pad) / SIZE:.3f}em"
    name = html.escape(" ".join(label.split()))
    return f'<svg class="math" role="img" aria-label="{name}" viewBox="{box}" style="{style}"><path d="{path}"/></svg>'


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
