"""A notebook as one HTML page whose figures keep their alternative text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

# nbconvert's own page leaves out the alternative text that an output's metadata holds; this block puts it in.
TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block data_png scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output {{ extra_class }}">
<img src="data:image/png;base64,{{ output.data['image/png'] | escape_html }}"
{%- for name in ('alt', 'width', 'height') -%}
{%- set value = output | get_metadata(name, 'image/png') -%}
{%- if value is not none %} {{ name }}="{{ value | escape_html }}"{% endif -%}
{%- endfor %}>
</div>
{%- endblock -%}
{%- block data_jpg scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output {{ extra_class }}">
<img src="data:image/jpeg;base64,{{ output.data['image/jpeg'] | escape_html }}"
{%- for name in ('alt', 'width', 'height') -%}
{%- set value = output | get_metadata(name, 'image/jpeg') -%}
{%- if value is not none %} {{ name }}="{{ value | escape_html }}"{% endif -%}
{%- endfor %}>
</div>
{%- endblock -%}
"""


def page(notebook: NotebookNode, folder: Path | None = None) -> str:
    """Convert a notebook to a self-contained HTML page; a widget without stored state shows its static figure.

    folder: where the notebook lies, for pictures that its prose links to.
    """
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(raw_template=TEMPLATE, embed_images=True)
    return exporter.from_notebook_node(notebook, {"metadata": {"path": str(folder or "")}})[0]
