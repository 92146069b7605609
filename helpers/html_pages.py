"""A notebook as one HTML page that needs no network: its figures keep their alternative text, its formulas are pictures."""

from __future__ import annotations

import base64
import copy
import mimetypes
import re
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import formulas

if TYPE_CHECKING:
    from nbformat import NotebookNode

# nbconvert's own page leaves out the alternative text that an output's metadata holds; these blocks put it in.
IMAGE = """
{%- block data_NAME scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output {{ extra_class }}">
<img src="data:image/KIND;base64,{{ output.data['image/KIND'] | escape_html }}"
{%- for name in ('alt', 'width', 'height') -%}
{%- set value = output | get_metadata(name, 'image/KIND') -%}
{%- if value is not none %} {{ name }}="{{ value | escape_html }}"{% endif -%}
{%- endfor %}>
</div>
{%- endblock -%}
"""
KINDS = {"png": "png", "jpg": "jpeg"}  # nbconvert's name of the block → the kind of image
# The theme's grey prompts, its comments, numbers and operators are too pale on their grounds (contrast 2.2 to 4.4; WCAG wants
# 4.5), and it tells links in a text by their colour alone.
STYLE = """
:root {
  --jp-mirror-editor-comment-color: #2f6f6f;
  --jp-mirror-editor-number-color: #007000;
  --jp-mirror-editor-operator-color: #8e00e6;
  --jp-cell-prompt-not-active-font-color: #5c5c5c;
  --jp-cell-prompt-not-active-opacity: 1;
}
.jp-Notebook .jp-RenderedHTMLCommon a:any-link { text-decoration: underline; }
svg.math { fill: currentColor; max-width: 100%; font-size: 1.2em; }
.jp-RenderedHTMLCommon p.formula { text-align: center; }
"""
TEMPLATE = (
    "{%- extends 'lab/index.html.j2' -%}"
    + "".join(IMAGE.replace("NAME", name).replace("KIND", kind) for name, kind in KINDS.items())
    + "{%- block html_head_js_mathjax -%}{%- endblock -%}{%- block html_head_js -%}{%- endblock -%}"
    + "{%- block html_head_js_mermaidjs -%}{%- endblock -%}"
    + f"{{%- block html_head_css -%}}<style>{STYLE}</style>{{%- endblock -%}}"
)


def page(notebook: NotebookNode, folder: Path | None = None) -> str:
    """Convert a notebook to a self-contained HTML page; a widget without stored state shows its static figure.

    folder: where the notebook lies, for pictures that its prose links to.
    """
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(raw_template=TEMPLATE, embed_images=True)
    about = {"path": str(folder or ""), "name": _title(notebook)}
    notebook, pictures = copy.deepcopy(notebook), []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = formulas.set_aside(cell.source, pictures)
    text = formulas.put_back(exporter.from_notebook_node(notebook, {"metadata": about})[0], pictures)
    text = re.sub(r"<th([^>]*)></th>", r"<td\1></td>", text)  # the corner of a table is no heading
    return text if folder is None else _embedded(text, folder)


def _embedded(text: str, folder: Path) -> str:
    """The page with the pictures that it links to in it; nbconvert takes only those that lie below the folder."""

    def embed(match: re.Match[str]) -> str:
        file = (folder / match[2]).resolve()
        if not file.is_file():
            return match[0]
        kind = mimetypes.guess_type(file.name)[0] or "image/png"
        return f'{match[1]}"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"'

    return re.sub(r'(<img [^>]*?src=)"((?!data:|https?:)[^"]+)"', embed, text)


def _title(notebook: NotebookNode) -> str:
    """The first heading of the notebook's prose."""
    headings = (re.search(r"^#+ (.+)$", cell.source, re.M) for cell in notebook.cells if cell.cell_type == "markdown")
    return next((found[1].strip() for found in headings if found), "Notebook")
