"""Slides from a lesson's notebook: one HTML file that holds its figures, works by keyboard and without a network.

A heading begins a slide, with the first sentences under it, its equations, lists and tables; each figure is a slide of its own,
with what the text says of it. Quizzes and exercises give one slide each, without answers.
"""

import base64
import html
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers import lessons
from release_pages import as_html

SENTENCES = 2
CELLS = 45  # of a table; a larger one is for reading, not for a wall


@dataclass
class Slide:
    """A heading and what stands under it (HTML)."""

    title: str
    parts: list[str] = field(default_factory=list)
    level: int = 2


def page(notebook: Any, lesson: str, folder: Path) -> str:
    """The slides of an executed notebook. folder: where it lies, for the pictures that its prose links to."""
    front = lessons.front_matter(lesson)
    kind = "Project" if lessons.is_project(lesson) else "Lesson"
    title = f"{kind} {front['number']}: {front['title']}" if front["number"] else front["title"]
    slides = [Slide(title, [as_html(front["promise"])], level=1), *_body(notebook, folder)]
    sections = "\n".join(_section(slide) for slide in slides if slide.parts)
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


def _section(slide: Slide) -> str:
    head = f'<h{slide.level} tabindex="-1">{_inline(slide.title)}</h{slide.level}>'
    return f"<section>\n{head}\n" + "\n".join(slide.parts) + "\n</section>"


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
                    waiting.parts[-1] = waiting.parts[-1].replace("<figcaption></figcaption>", _caption(text))
                    waiting = None
                    slides[-1:] = [slides[-1], Slide(title, _blocks(text, folder, only_blocks=True))]
                    continue
                slides[-1].parts += _blocks(text, folder, only_blocks=bool(slides[-1].parts))
        elif not skipped and title != "Exercises":
            for output in cell.get("outputs", []):
                picture = _figure(output)
                if picture:
                    waiting = Slide(title, [picture])
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


def _blocks(text: str, folder: Path, only_blocks: bool) -> list[str]:
    """First sentences, and all equations, lists, small tables and pictures. only_blocks: without the sentences."""
    out, said = [], only_blocks
    for block in re.split(r"\n\s*\n", text.strip()):
        block = block.strip()
        picture = re.fullmatch(r"!\[([^\]]*)\]\(([^)]+)\)", block)
        equations = re.findall(r"\$\$.+?\$\$", block, re.S)
        if not block or block.startswith("```"):
            continue
        if picture:
            out.append(_linked_picture(picture[1], folder / picture[2]))
        elif block.startswith("|"):
            out += [as_html(block)] if block.count("|") <= CELLS else []
        elif re.match(r"([-*]|\d+\.) ", block):
            out.append(as_html(block))
        else:
            if not said:
                out.append(as_html(sentences(re.sub(r"\$\$.+?\$\$", "", block, flags=re.S))))
                said = True
            out += [as_html(equation) for equation in equations]
    return [part for part in out if part.strip()]


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


def _exercises(text: str) -> list[str]:
    """One line an exercise: its number, kind and minutes, and its first sentence."""
    rows = []
    for match in re.finditer(r"\*\*(Exercise \d+ \([^)]*\))[.:]?\*\*\s*(.*?)(?=\n\s*\n|$)", text, re.S):
        rows.append(as_html(f"**{match[1]}.** {sentences(match[2], 1)}"))
    return rows
