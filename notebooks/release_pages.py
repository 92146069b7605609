"""Markdown as HTML for an instructor's pages: formulas as pictures, one plain style, no script and no network needed."""

import html
import re
from pathlib import Path

import release_math

_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.S)
_MATH = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+?)\$", re.S)


def as_html(text: str) -> str:
    """Markdown (tables, lists, code, formulas) as HTML."""
    import mistune

    pictures: list[str] = []

    def keep(match: re.Match[str]) -> str:
        pictures.append(release_math.picture(match[1] or match[2], block=bool(match[1])))
        return f"\u27e6{len(pictures) - 1}\u27e7"

    pieces = _CODE.split(text)
    text = "".join(piece if at % 2 else _MATH.sub(keep, piece) for at, piece in enumerate(pieces))
    page = str(mistune.create_markdown(plugins=["table"])(text)).replace("<th></th>", "<td></td>")
    page = re.sub(r"<p>\s*\u27e6(\d+)\u27e7\s*</p>", lambda match: pictures[int(match[1])], page)
    return re.sub(r"\u27e6(\d+)\u27e7", lambda match: pictures[int(match[1])], page)


def page(title: str, text: str) -> str:
    """A whole page from Markdown."""
    style = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{html.escape(title)}</title>\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n{as_html(text)}</main>\n</body>\n</html>\n"
    )
