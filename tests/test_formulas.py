"""Formulas as pictures: what is drawn, what is shown as text, and every formula of the course."""

import pytest

from helpers import formulas, lessons


@pytest.mark.parametrize(
    "formula",
    [
        r"\mathcal N(0, I)",
        r"\tfrac1n \sum_i x_i",
        r"\underbrace{\mathbb E[x]}_{\text{a mean}} \tag{3}",
        r"\lVert x \rVert^2 \le \sqrt\lambda",
    ],
)
def test_formulas_are_drawn(formula):
    picture = formulas.picture(formula)
    assert picture.startswith("<svg") and picture.count("<path") == 1 and len(picture) > 500
    assert picture == formulas.picture(formula) and "nan" not in picture


def test_a_formula_that_cannot_be_drawn_is_shown_as_text():
    for formula in (r"\begin{cases} a & b \end{cases}", r"\begin{pmatrix} a & \nothing{b} \end{pmatrix}"):
        assert formulas.picture(formula, block=True).startswith('<code class="formula block">')
    assert "&lt;" in formulas.picture(r"a < \nothing{b}")


def test_a_matrix_stands_in_rows_and_columns():
    box = formulas._row(r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}")
    one, wide, high = (
        formulas._row(rf"\begin{{pmatrix}} {entries} \end{{pmatrix}}") for entries in ("a", "a & b", r"a \\ c")
    )
    assert one.width < wide.width == pytest.approx(box.width, abs=1) and one.above < high.above == box.above
    assert box.above - formulas.AXIS == pytest.approx(box.below + formulas.AXIS)  # in the middle of its line
    assert formulas._row(r"x = \begin{pmatrix} a \end{pmatrix} y").width > one.width + 20
    assert formulas.picture(r"\begin{pmatrix} a \\ b \end{pmatrix}").count("<path") == 1


def test_every_formula_of_every_lesson_is_drawn():
    found = set()
    for lesson in lessons.everything():
        for cell in lessons.cells(lesson, "both"):
            if cell["kind"] == "markdown":
                formulas.replaced(cell["source"], lambda formula, block: found.add((formula, block)) or "")
    assert len(found) > 300
    assert [formula for formula, block in found if "<code" in formulas.picture(formula, block)] == []


def test_replacing_leaves_code_alone_and_tells_blocks():
    text = formulas.replaced("`$5` and $x$\n\n$$y$$\n\n```\n$z$\n```", lambda formula, block: f"<{formula}{block:d}>")
    assert text == "`$5` and <x0>\n\n<y1>\n\n```\n$z$\n```"


def test_an_aligned_block_has_a_picture_a_row():
    assert formulas.picture(r"\begin{aligned} a &= b \\ &= c \end{aligned}", block=True).count("<svg") == 2
