"""Drawings of networks as SVG: boxes as large as their tensors, arrows that say what happens, text that can be read.

A drawing is made of nodes (`tensor`, `vector`, `block`, `sign`). `Diagram.row` places them from left to right, with an
arrow between two of them for every string in the list; `Diagram.arrow`, `bracket` and `text` add the rest. The picture
is as large as what is on it. The same script gives the same bytes.

    d = Diagram("Autoencoder", "An image becomes two numbers and an image again.")
    d.row([tensor((28, 28, 1), "x"), "conv", vector(2, "z", role="latent")])
    d.save("01_autoencoder")

`python images/diagram.py` draws all pictures anew: it runs every script `images/draw_*.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

FOLDER = Path(__file__).resolve().parent
INK, SOFT_INK = "#1A1A1A", "#4A4A4A"  # on white and on every fill below: contrast above 7 to 1
FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
ROLES = {  # role → (fill, edge); the edges are Okabe and Ito's colours
    "data": ("#D3E5F2", "#0072B2"),
    "fake": ("#FADFCF", "#D55E00"),
    "features": ("#E8E8E8", "#6E6E6E"),
    "latent": ("#FBE9C4", "#B87A00"),
    "G": ("#CDEBE0", "#009E73"),
    "D": ("#F5E1EB", "#B0588F"),
    "label": ("#E2F1FB", "#3B8FC0"),
    "noise": ("#FFFFFF", "#6E6E6E"),
    "plain": ("#FFFFFF", "#1A1A1A"),
}
NAME_SIZE, TEXT_SIZE, GAP = 15, 12.5, 8


@dataclass
class Node:
    """A thing to draw: `left, top` are set when it is placed; `width, height` include a cuboid's depth."""

    kind: str
    width: float
    height: float
    name: str = ""
    caption: str = ""
    role: str = "features"
    depth: float = 0.0
    cells: int = 0
    left: float = 0.0
    top: float = 0.0

    @property
    def middle(self) -> float:
        """The height at which arrows arrive and leave."""
        return self.top + self.depth / 2 + self.height / 2

    @property
    def centre(self) -> float:
        """The horizontal centre."""
        return self.left + self.width / 2

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.height


def tensor(
    shape: tuple[int, int, int], name: str = "", role: str = "features", scale: float = 4.0, caption: str | None = None
) -> Node:
    """A cuboid for feature maps (H, W, C): height and depth follow H and W, thickness grows with log₂ C."""
    height, width, channels = shape
    face, depth = max(12.0, height * scale), max(4.0, width * scale * 0.28)
    thick = 7 + 5 * math.log2(max(1, channels))
    text = "×".join(map(str, shape)) if caption is None else caption
    return Node("tensor", thick + depth, face + depth, name, text, role, depth)


def vector(n: int, name: str = "", role: str = "features", caption: str | None = None) -> Node:
    """A column for n numbers, taller for more; up to 16 are drawn as single cells."""
    height = 12.0 * n if n <= 8 else min(170.0, 96 + 9 * math.log2(n / 8) * (1 if n > 16 else 1.5))
    return Node("vector", 16, height, name, str(n) if caption is None else caption, role, cells=n if n <= 16 else 0)


def block(text: str, role: str = "plain", name: str = "", caption: str = "", width: float | None = None) -> Node:
    """A rounded box with text (lines parted by a newline) for a whole network or a function."""
    lines = text.split("\n")
    wide = width or max(_width(line, TEXT_SIZE + 1) for line in lines) + 24
    return Node("block:" + text, wide, 18 * len(lines) + 18, name, caption, role)


def sign(text: str, role: str = "plain", name: str = "", caption: str = "") -> Node:
    """A circle with an operator such as + or ×."""
    return Node("sign:" + text, 26, 26, name, caption, role)


class Diagram:
    """A drawing that grows with what is put on it. title and description are read out where it can't be seen."""

    def __init__(self, title: str, description: str) -> None:
        if not title.strip() or not description.strip():
            raise ValueError("a diagram needs a title and a description, for those who can't see it")
        self.title, self.description = title, " ".join(description.split())
        self._parts: list[str] = []
        self._box = [math.inf, math.inf, -math.inf, -math.inf]

    def row(self, items: Sequence[Node | str], x: float = 0, y: float = 0, gap: float = 26) -> list[Node]:
        """Place nodes from left to right, centred on the height y, from x on; a string between two is an arrow's label.

        An empty string is an arrow without a label; two nodes in sequence stand side by side. Returns the nodes.
        """
        nodes: list[Node] = []
        label: str | None = None
        for item in items:
            if isinstance(item, str):
                label = item
                continue
            half = max(0.0, (_widest(item.name, item.caption) - item.width) / 2) if item.kind != "text" else 0.0
            if nodes:
                last = nodes[-1]
                overhang = max(0.0, (_widest(last.name, last.caption) - last.width) / 2)
                wanted = overhang + half + 10 if label is None else max(gap, _widest(label) + 22, overhang + half + 14)
                x = last.right + wanted
            nodes.append(self.place(item, x, y))
            if label is not None:
                self.arrow(nodes[-2], nodes[-1], label)
            label = None
        return nodes

    def place(self, node: Node, x: float, y: float) -> Node:
        """Draw one node with its left edge at x, its middle at y; returns it with its position."""
        node.left, node.top = x, y - node.height / 2 - node.depth / 2
        fill, edge = ROLES[node.role]
        style = f'fill="{fill}" stroke="{edge}" stroke-width="1.4" stroke-linejoin="round"'
        kind, _, text = node.kind.partition(":")
        if kind == "tensor":
            self._cuboid(node, style)
        elif kind == "vector":
            self._column(node, style)
        elif kind == "sign":
            self._add(f'<circle cx="{_n(node.centre)}" cy="{_n(node.middle)}" r="13" {style}/>')
            self.text(node.centre, node.middle + 5, text, NAME_SIZE)
        else:
            self._add(
                f'<rect x="{_n(x)}" y="{_n(node.top)}" width="{_n(node.width)}" height="{_n(node.height)}" '
                f'rx="7" {style}/>'
            )
            lines = text.split("\n")
            self.text(node.centre, node.middle - 9 * (len(lines) - 1) + 4.5, text, TEXT_SIZE + 1, step=18)
        self._grow(node.left, node.top, node.right, node.bottom)
        if node.name:
            lines = node.name.split("\n")
            self.text(node.centre, node.top - GAP - 17 * (len(lines) - 1), node.name, NAME_SIZE, weight="bold", step=17)
        if node.caption:
            self.text(node.centre, node.bottom + GAP + TEXT_SIZE, node.caption, TEXT_SIZE, colour=SOFT_INK)
        return node

    def arrow(
        self,
        start: Node | tuple[float, float],
        end: Node | tuple[float, float],
        label: str = "",
        dashed: bool = False,
        colour: str = INK,
        bend: float | None = None,
    ) -> None:
        """An arrow from node to node (right edge to left edge) or between points, its label above the middle.

        bend: the height of a horizontal stretch, for an arrow that goes round other nodes, from bottom or top edges.
        """
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        if bend is not None and isinstance(start, Node) and isinstance(end, Node):
            points = [
                (n.centre, (n.bottom + 28 if n.caption else n.bottom + 5) if bend > n.bottom else n.top - 26)
                for n in (start, end)
            ]
            path = [points[0], (points[0][0], bend), (points[1][0], bend), points[1]]
            label_at = ((points[0][0] + points[1][0]) / 2, bend - 6)
        else:
            a = (start.right + 5, start.middle) if isinstance(start, Node) else start
            b = (end.left - 5, end.middle) if isinstance(end, Node) else end
            path, label_at = [a, b], ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2 - 7)
        route = " ".join(f"{'ML'[i > 0]}{_n(px)} {_n(py)}" for i, (px, py) in enumerate(_shortened(path, 7)))
        self._add(f'<path d="{route}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>')
        self._head(path[-2], path[-1], colour)
        for px, py in path:
            self._grow(px, py, px, py)
        if label:
            lines = label.split("\n")
            self.text(label_at[0], label_at[1] - 15 * (len(lines) - 1), label, TEXT_SIZE, colour=SOFT_INK, step=15)

    def bracket(self, left: float, right: float, y: float, label: str, above: bool = True, role: str = "plain") -> None:
        """A bracket over (or under) a stretch of the drawing, with a name such as "encoder"."""
        tick = 7 if above else -7
        colour = ROLES[role][1]
        self._add(
            f'<path d="M{_n(left)} {_n(y + tick)} V{_n(y)} H{_n(right)} V{_n(y + tick)}" fill="none" '
            f'stroke="{colour}" stroke-width="1.6"/>'
        )
        self._grow(left, y, right, y)
        self.text((left + right) / 2, y - 8 if above else y + 18, label, NAME_SIZE, weight="bold")

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = TEXT_SIZE,
        anchor: str = "middle",
        weight: str = "normal",
        colour: str = INK,
        step: float = 17,
        italic: bool = False,
    ) -> None:
        """Text with its baseline at y; lines are parted by newlines. anchor: start, middle or end."""
        slant = ' font-style="italic"' if italic else ""
        for i, line in enumerate(text.split("\n")):
            wide = _width(line, size)
            left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
            self._grow(left, y + i * step - size, left + wide, y + i * step + 4)
            self._add(
                f'<text x="{_n(x)}" y="{_n(y + i * step)}" font-size="{_n(size)}" text-anchor="{anchor}" '
                f'font-weight="{weight}"{slant} fill="{colour}">{escape(line)}</text>'
            )

    def svg(self, margin: float = 18) -> str:
        """The drawing as SVG text."""
        left, top, right, bottom = self._box
        if right < left:
            raise ValueError("the diagram is empty: place nodes or text first")
        view = [_n(v) for v in (left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin)]
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{" ".join(view)}" width="{view[2]}" height="{view[3]}" '
                f'role="img" aria-labelledby="title desc" font-family="{FONT}">',
                f'<title id="title">{escape(self.title)}</title>',
                f'<desc id="desc">{escape(self.description)}</desc>',
                f'<rect x="{view[0]}" y="{view[1]}" width="{view[2]}" height="{view[3]}" fill="#FFFFFF"/>',
                *self._parts,
                "</svg>",
                "",
            ]
        )

    def save(self, name: str, folder: Path | None = None) -> Path:
        """Write NAME.svg into images/ or another folder; returns the path."""
        path = (folder or FOLDER) / f"{name}.svg"
        path.write_text(self.svg(), encoding="utf-8", newline="\n")
        return path

    def _add(self, part: str) -> None:
        self._parts.append(part)

    def _grow(self, left: float, top: float, right: float, bottom: float) -> None:
        box = self._box
        self._box = [min(box[0], left), min(box[1], top), max(box[2], right), max(box[3], bottom)]

    def _cuboid(self, node: Node, style: str) -> None:
        """Front face, top face and right face; the front face stands in front, at the lower left."""
        x, y, d = node.left, node.top + node.depth, node.depth
        w, h = node.width - d, node.height - d
        faces = [
            [(x, y), (x + w, y), (x + w, y + h), (x, y + h)],
            [(x, y), (x + d, y - d), (x + w + d, y - d), (x + w, y)],
            [(x + w, y), (x + w + d, y - d), (x + w + d, y + h - d), (x + w, y + h)],
        ]
        for points, opacity in zip(faces, ("1", "0.75", "0.55"), strict=True):
            corners = " ".join(f"{_n(a)},{_n(b)}" for a, b in points)
            self._add(f'<polygon points="{corners}" {style} fill-opacity="{opacity}"/>')

    def _column(self, node: Node, style: str) -> None:
        """A rectangle, with its cells where there are few."""
        x, y, w, h = node.left, node.top, node.width, node.height
        self._add(f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(w)}" height="{_n(h)}" {style}/>')
        edge = ROLES[node.role][1]
        for i in range(1, node.cells):
            at = _n(y + h * i / node.cells)
            self._add(f'<path d="M{_n(x)} {at} H{_n(x + w)}" stroke="{edge}" stroke-width="1"/>')

    def _head(self, before: tuple[float, float], tip: tuple[float, float], colour: str) -> None:
        """An arrow's head at tip, seen from the point before."""
        angle = math.atan2(tip[1] - before[1], tip[0] - before[0])
        corners = [tip, *((tip[0] - 9 * math.cos(angle + s), tip[1] - 9 * math.sin(angle + s)) for s in (-0.42, 0.42))]
        self._add(f'<polygon points="{" ".join(f"{_n(a)},{_n(b)}" for a, b in corners)}" fill="{colour}"/>')


def _n(value: float) -> str:
    """A number with at most one decimal, the same on every machine."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def _width(text: str, size: float) -> float:
    """About how wide a line of text is."""
    return sum(0.34 if c in "iljtf.,:;|()[]' ₁₂" else 0.9 if c in "mwMW×→" else 0.58 for c in text) * size


def _widest(*texts: str) -> float:
    """About how wide the widest line of some texts is."""
    return max(_width(line, TEXT_SIZE) for text in texts for line in text.split("\n"))


def _shortened(path: list[tuple[float, float]], by: float) -> list[tuple[float, float]]:
    """The path with its last stretch shorter, so that the line ends inside the arrow's head."""
    (ax, ay), (bx, by_) = path[-2:]
    length = math.hypot(bx - ax, by_ - ay) or 1.0
    return [*path[:-1], (bx - (bx - ax) * by / length, by_ - (by_ - ay) * by / length)]


def main() -> None:
    """Run every drawing script beside this file."""
    import runpy

    for script in sorted(FOLDER.glob("draw_*.py")):
        print(script.name)
        runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    main()
