"""A notebook as one HTML page whose figures keep their alternative text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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
TEMPLATE = "{%- extends 'lab/index.html.j2' -%}" + "".join(
    IMAGE.replace("NAME", name).replace("KIND", kind) for name, kind in KINDS.items()
)


def page(notebook: NotebookNode, folder: Path | None = None) -> str:
    """Convert a notebook to a self-contained HTML page; a widget without stored state shows its static figure.

    folder: where the notebook lies, for pictures that its prose links to.
    """
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(raw_template=TEMPLATE, embed_images=True)
    return exporter.from_notebook_node(notebook, {"metadata": {"path": str(folder or "")}})[0]
