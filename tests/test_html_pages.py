"""A notebook's page: its title, pictures that the prose links to, tables, colours with contrast."""

import re

import nbformat
from colours import contrast

from helpers import html_pages

TEXT = """## A *second* notebook

|  | a |
| --- | --- |
| b | 1 |

![A drawing.](../images/drawing.svg) ![Not there.](../images/none.png) ![Elsewhere.](https://example.org/x.png)
"""


def page(folder=None, text=TEXT):
    code = nbformat.v4.new_code_cell("x = 1  # one", execution_count=1)
    return html_pages.page(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text), code]), folder)


def test_the_first_heading_is_the_title():
    assert "<title>A *second* notebook</title>" in page()
    assert "<title>Notebook</title>" in page(text="No heading.")


def test_pictures_beside_the_folder_are_put_into_the_page(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "drawing.svg").write_text("<svg/>")
    (tmp_path / "book").mkdir()
    images = re.findall(r"<img [^>]*>", page(tmp_path / "book"))
    assert ["data:image/svg+xml;base64,PHN2Zy8+" in images[0], *("A drawing." in image for image in images)] == [
        True, True, False, False,
    ]  # fmt: skip
    assert "../images/none.png" in images[1] and "https://example.org/x.png" in images[2]


def test_an_empty_corner_of_a_table_is_no_heading():
    text = page()
    assert re.search(r"<td[^>]*></td>\s*<th[^>]*>a</th>", text) and not re.search(r"<th[^>]*></th>", text)


def test_the_colours_of_code_and_prompts_have_contrast():
    colours = dict(re.findall(r"(--jp-[\w-]*color): (#\w{6})", html_pages.STYLE))
    assert len(colours) == 4
    for name, colour in colours.items():
        assert contrast(colour, "#ffffff" if "prompt" in name else "#f5f5f5") >= 4.5, name
    text = page()
    assert text.index(html_pages.STYLE) > text.index("--jp-mirror-editor-comment-color: #408080")  # ours comes last


def test_formulas_are_pictures_also_in_tables_and_code_keeps_its_dollars():
    text = page(
        text="# T\n\nIf $x > 1$:\n\n$$y = x^2 \\tag{1}$$\n\n| a | b |\n| --- | --- |\n| $|x|$ | `$5` |\n\n`$z$`"
    )
    prose = text[text.index("<body") :]
    assert prose.count('<svg class="math" role="img"') == 3 and prose.count('<p class="formula">') == 1
    assert (
        'aria-label="|x|"' in prose.replace("&#124;", "|")
        and "<code>$5</code>" in prose
        and "<code>$z$</code>" in prose
    )
    assert len(re.findall(r"<td[^>]*>", prose)) == 2


def test_the_page_needs_no_network():
    text = page()
    assert not re.search(r"<(?:script|link|iframe)[^>]*(?:src|href)=", text)
    assert not re.search(r"cdnjs|jsdelivr|unpkg|@import", text) and "mathjax" not in text.lower()


def test_the_notebook_itself_stays_as_it_was():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("$x$")])
    html_pages.page(notebook)
    assert notebook.cells[0].source == "$x$"
