"""Markdown as HTML for an instructor's pages: formulas as pictures, one plain style, no script and no network needed."""

import html
from pathlib import Path

from helpers import formulas


def as_html(text: str) -> str:
    """Markdown (tables, lists, code, formulas) as HTML."""
    import mistune

    pictures: list[str] = []
    text = formulas.set_aside(text, pictures)
    page = str(mistune.create_markdown(plugins=["table"])(text)).replace("<th></th>", "<td></td>")
    return formulas.put_back(page, pictures)


def page(title: str, text: str) -> str:
    """A whole page from Markdown."""
    style = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{html.escape(title)}</title>\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n{as_html(text)}</main>\n</body>\n</html>\n"
    )
