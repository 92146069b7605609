"""Slides from a lesson's notebook: one HTML file that holds its figures, works by keyboard and without a network.

A heading begins a slide, with the first sentences under it, its equations, lists and tables; each figure is a slide of its own,
with what the text says of it. Exercises give a line each, without answers; quizzes none. What is too long for one slide goes on
to the next, list item by list item and row by row.
"""

import base64
import html
import itertools
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers import lessons
from release_pages import as_html

SENTENCES = 2
LINES = 14.5  # lines of text that a slide has under its title, as release_slides.css sets them
LETTERS = 88  # of such a line
PICTURE = 10.0  # lines that a picture takes beside text; it shrinks to what is left


@dataclass
class Part:
    """A piece of a slide (HTML) that isn't cut, and about how many lines it takes.

    around: what stands before and after a run of parts of the same list or table; the parts of a run lie side by side.
    """

    html: str
    lines: float
    around: tuple[str, str] = ("", "")
    run: int = 0


@dataclass
class Slide:
    """A heading and what stands under it."""

    title: str
    parts: list[Part] = field(default_factory=list)
    level: int = 2


def page(notebook: Any, lesson: str, folder: Path) -> str:
    """The slides of an executed notebook. folder: where it lies, for the pictures that its prose links to."""
    front = lessons.front_matter(lesson)
    kind = "Project" if lessons.is_project(lesson) else "Lesson"
    title = f"{kind} {front['number']}: {front['title']}" if front["number"] else front["title"]
    slides = [Slide(title, [_text(front["promise"])], level=1), *joined(_body(notebook, folder))]
    sections = "\n".join(_section(part) for slide in slides for part in split(slide))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{html.escape(title)}: slides</title>\n'
        f"<style>{_beside('.css')}</style>\n</head>\n<body>\n<main>\n{sections}\n</main>\n"
        '<nav aria-label="Slides"><button type="button">Back</button><button type="button">Next</button>'
        '<span>Arrow keys, Home, End</span><output aria-live="polite"></output></nav>\n'
        f"<script>{_beside('.js')}</script>\n</body>\n</html>\n"
    )


def _beside(ending: str) -> str:
    """The file beside this one with another ending."""
    return "\n" + Path(__file__).with_suffix(ending).read_text(encoding="utf-8")


def joined(slides: list[Slide]) -> list[Slide]:
    """The slides that hold something, a few lines of text together with the figure that follows them."""
    out: list[Slide] = []
    for slide in filter(lambda slide: slide.parts, slides):
        before = out[-1].parts if out and out[-1].title == slide.title else []
        few = 0 < sum(part.lines for part in before) <= LINES - PICTURE
        if few and len(slide.parts) == 1 and _is_figure(slide.parts[0]) and not any(map(_is_figure, before)):
            slide.parts[0].lines = PICTURE
            before += slide.parts
        else:
            out.append(slide)
    return out


def _is_figure(part: Part) -> bool:
    return part.html.startswith("<figure")


def split(slide: Slide) -> list[Slide]:
    """The slide as one or more that hold at most LINES lines each, where no single part is longer."""
    out, room = [Slide(slide.title, [], slide.level)], LINES
    for at, part in enumerate(slide.parts):
        needed = part.lines
        if part.run and not (out[-1].parts and out[-1].parts[-1].run == part.run):  # a list or table begins here
            head = 2.0 if part.around[0].startswith("<table") else 0.0
            needed += head + sum(one.lines for one in slide.parts[at + 1 : at + 3] if one.run == part.run)
        else:
            head = 0.0
        if out[-1].parts and needed > room:
            out.append(Slide(f"{slide.title} (continued)", [], slide.level))
            room = LINES
            head = 2.0 if part.around[0].startswith("<table") else 0.0
        out[-1].parts.append(part)
        room -= part.lines + head
    return out


def _section(slide: Slide) -> str:
    body = []
    for _, run in itertools.groupby(enumerate(slide.parts), lambda one: one[1].run or -1 - one[0]):
        parts = [part for _, part in run]
        body.append(parts[0].around[0] + "\n".join(part.html for part in parts) + parts[0].around[1])
    head = f'<h{slide.level} tabindex="-1">{_inline(slide.title)}</h{slide.level}>'
    return f"<section>\n{head}\n" + "\n".join(body) + "\n</section>"


def _text(markdown: str) -> Part:
    """A paragraph, or formulas on lines of their own."""
    page = as_html(markdown)
    high = sum(float(em) for em in re.findall(r"height:([\d.]+)em", page)) if 'class="formula"' in page else 0
    return Part(page, 1.0 + high * 1.15 / 1.4 if high else 0.6 + math.ceil(_letters(page) / LETTERS))


def _letters(page: str) -> int:
    """How many letters a piece of HTML shows, with two thirds of a formula's source as its width."""
    page = re.sub(r'<svg[^>]*aria-label="([^"]*)".*?</svg>', lambda match: "x" * (2 * len(match[1]) // 3), page)
    return len(html.unescape(re.sub(r"<[^>]+>", "", page)).strip())


def _list(block: str, run: int) -> list[Part]:
    """A list, one part an item."""
    items = re.split(r"(?m)^(?=(?:[-*]|\d+\.) )", block)
    out = []
    for item in filter(str.strip, items):
        page = as_html(item).strip()
        around = re.fullmatch(r"(<([ou])l[^>]*>)\s*(.*?)\s*(</\2l>)", page, re.S)
        out.append(Part(around[3], 0.25 + math.ceil(_letters(page) / (LETTERS - 4)), (around[1], around[4]), run))
    return out


def _table(block: str, run: int) -> list[Part]:
    """A table, one part a row; each slide that holds some of its rows repeats its head."""
    page = as_html(block).strip()
    head, rows = page.partition("<tbody>")[::2]
    out = []
    for row in re.findall(r"<tr>.*?</tr>", rows, re.S):
        columns = row.count("<td")
        lines = math.ceil(_letters(row) / (1.15 * LETTERS - 4 * columns))
        out.append(Part(row, 0.4 + 0.85 * lines, (head + "<tbody>\n", "\n</tbody></table>"), run))
    return out


def _inline(text: str) -> str:
    return re.sub(r"^<p>(.*)</p>\s*$", r"\1", as_html(text), flags=re.S).replace("\n", " ")


def _body(notebook: Any, folder: Path) -> list[Slide]:
    slides: list[Slide] = []
    title, skipped, waiting = "", True, None
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for heading, text in _pieces(cell.source):
                if heading:
                    title, waiting = heading, None
                    skipped = heading in {"Before you start", "References"}
                    slides.append(Slide(title))
                if skipped:
                    continue
                if title == "Exercises":
                    slides[-1].parts += _exercises(text)
                    continue
                if waiting is not None and text.strip():
                    figure = waiting.parts[-1]
                    figure.html = figure.html.replace("<figcaption></figcaption>", _caption(text))
                    waiting = None
                    slides[-1:] = [slides[-1], Slide(title, _blocks(text, folder, only_blocks=True))]
                    continue
                slides[-1].parts += _blocks(text, folder, only_blocks=bool(slides[-1].parts))
        elif not skipped and title != "Exercises":
            for output in cell.get("outputs", []):
                picture = _figure(output)
                if picture:
                    waiting = Slide(title, [Part(picture, LINES)])
                    slides.append(waiting)
    return slides


def _pieces(source: str) -> list[tuple[str, str]]:
    """A cell's text cut at its headings of the second and third level: (heading or "", text)."""
    out, heading = [], ""
    for at, piece in enumerate(re.split(r"(?m)^#{2,3} (.+)$", source)):
        if at % 2:
            heading = piece.strip()
        elif heading or piece.strip():
            out.append((heading, piece))
            heading = ""
    return [] if source.startswith("# ") else out


def _blocks(text: str, folder: Path, only_blocks: bool) -> list[Part]:
    """First sentences, and all equations, lists, tables and pictures. only_blocks: without the sentences."""
    out: list[Part] = []
    said = only_blocks
    for run, block in enumerate(re.split(r"\n\s*\n", text.strip()), 1):
        block = block.strip()
        picture = re.fullmatch(r"!\[([^\]]*)\]\(([^)]+)\)", block)
        equations = re.findall(r"\$\$.+?\$\$", block, re.S)
        if not block or block.startswith("```"):
            continue
        if picture:
            out.append(Part(_linked_picture(picture[1], folder / picture[2]), PICTURE))
        elif block.startswith("|"):
            out += _table(block, run)
        elif re.match(r"([-*]|\d+\.) ", block):
            out += _list(block, run)
        else:
            if not said:
                out.append(_text(sentences(re.sub(r"\$\$.+?\$\$", "", block, flags=re.S))))
                said = True
            out += [_text(equation) for equation in equations]
    return [part for part in out if part.html.strip()]


def sentences(text: str, count: int = SENTENCES) -> str:
    """The first sentences of a paragraph; a full stop within code or a formula ends none."""
    text = " ".join(text.split())
    ends = [
        match.end()
        for match in re.finditer(r"[.?!:](?=\s+[A-Z`*$]|$)", re.sub(r"`[^`]*`|\$[^$]*\$", _same_length, text))
    ]
    return text[: ends[count - 1]] if len(ends) >= count else text


def _same_length(match: re.Match[str]) -> str:
    return "x" * len(match[0])


def _caption(text: str) -> str:
    first = text.strip().split("\n\n")[0]
    return (
        f"<figcaption>{_inline(sentences(first))}</figcaption>"
        if not first.startswith(("|", "-", "```", "$$", "!"))
        else ""
    )


def _figure(output: Any) -> str:
    """A picture among a cell's outputs, with its alternative text; a caption comes later."""
    data, metadata = output.get("data", {}), output.get("metadata", {})
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            alt = html.escape(metadata.get(kind, {}).get("alt", ""))
            body = "".join(data[kind]).replace("\n", "")
            return f'<figure><img src="data:{kind};base64,{body}" alt="{alt}"><figcaption></figcaption></figure>'
    return ""


def _linked_picture(alt: str, file: Path) -> str:
    kind = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg"}.get(file.suffix)
    if kind is None or not file.is_file():
        return ""
    body = base64.b64encode(file.read_bytes()).decode()
    return f'<figure><img src="data:{kind};base64,{body}" alt="{html.escape(alt)}"></figure>'


def _exercises(text: str) -> list[Part]:
    """One line an exercise: its number, kind and minutes, and its first sentence."""
    rows = []
    for match in re.finditer(r"\*\*(Exercise \d+ \([^)]*\))[.:]?\*\*\s*(.*?)(?=\n\s*\n|$)", text, re.S):
        rows.append(_text(f"**{match[1]}.** {sentences(match[2], 1)}"))
    return rows
