"""Draw images/06_cyclegan.svg: the four players of lesson 6 and what their losses compare."""

from diagram import Diagram, Node, block, tensor

d = Diagram(
    "The four players of lesson 6",
    """Upper half: a picture x of domain A goes through the translator G_AB and becomes a fake of B, which the discriminator
    D_B compares with real pictures of B; the translator G_BA takes the fake back to A, and the cycle loss compares the
    result with x. Lower half: the same from a picture y of domain B through G_BA, with D_A as the judge, and back through
    G_AB. On the right: a picture y that is in B already goes through G_AB and should stay as it is, the identity loss.""",
)


def half(y: float, real: str, there: str, back: str, names: tuple[str, ...], judge: str, judged: str) -> Node:
    """One direction: picture → fake → picture again, its judge below, the cycle loss above."""
    x, g, fake, f, again = d.row(
        [
            tensor((14, 14, 3), names[0], role="data", caption=real),
            "",
            block(there, role="G"),
            "",
            tensor((14, 14, 3), names[1], role="fake", caption=judged),
            "",
            block(back, role="G"),
            "",
            tensor((14, 14, 3), names[2], role="fake", caption="a round trip"),
        ],
        y=y,
        gap=44,
    )
    d.arrow(again, x, "cycle loss: the same again?", dashed=True, bend=x.top - 56)
    judging = d.place(block(judge, role="D", width=58), fake.centre - 29, fake.bottom + 74)
    d.arrow((fake.centre, fake.bottom + 28), (fake.centre, judging.top - 4))
    d.text(judging.right + 10, judging.middle + 5, "real patches or fake ones?", anchor="start")
    return again


upper = half(0, "real, of A", "G_AB", "G_BA", ("x", "G_AB(x)", "G_BA(G_AB(x))"), "D_B", "fake, of B")
half(290, "real, of B", "G_BA", "G_AB", ("y", "G_BA(y)", "G_AB(G_BA(y))"), "D_A", "fake, of A")
left = upper.right + 120
for at, names, painter, own in (
    (0, ("y", "G_AB(y)"), "G_AB", "real, of B"),
    (290, ("x", "G_BA(x)"), "G_BA", "real, of A"),
):
    start, _, end = d.row(
        [
            tensor((14, 14, 3), names[0], role="data", caption=own),
            "",
            block(painter, role="G"),
            "",
            tensor((14, 14, 3), names[1], role="fake", caption="unchanged?"),
        ],
        x=left,
        y=at,
        gap=40,
    )
    d.arrow(end, start, "identity loss", dashed=True, bend=start.top - 56)
d.save("06_cyclegan")
