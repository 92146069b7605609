"""Draw images/07_stylegan.svg: the mapping network, the styles and the synthesis network of lesson 7."""

from diagram import Diagram, block, sign, tensor, vector

d = Diagram(
    "The generator of lesson 7",
    """On the left a code z of 64 numbers is brought to length √64 and goes through a mapping network of eight dense layers;
    the result is the style code w. Below, the synthesis network begins with a learned constant of 4×4 pixels and goes
    through style layers at 4×4, 8×8, 16×16 and 32×32 to an image. Every layer gets a style from w through an affine layer
    A of its own, and noise of its own. One style layer is drawn large: convolution, noise added with a learned strength,
    leaky ReLU, and AdaIN, which takes scale and shift from the style.""",
)

z, norm, mapping, w = d.row(
    [
        vector(64, "z", role="noise"),
        "",
        block("length √64"),
        "",
        block("mapping network\n8 dense layers", role="G"),
        "",
        vector(64, "w", role="latent"),
    ],
    gap=44,
)
SIZES = ((4, 96), (8, 96), (16, 48), (32, 24))
y, x, places = 305, 0, []
start = d.place(tensor((4, 4, 96), "learned\nconstant", role="latent"), x, y)
x = start.right + 46
for n, maps in SIZES:
    up = "" if n == 4 else "enlarge\n"
    place = d.place(block(f"{up}two style\nlayers", role="G", caption=f"{n}×{n}×{maps}", width=84), x, y)
    d.arrow(places[-1] if places else start, place)
    places.append(place)
    x = place.right + 46
rgb = d.place(block("1×1 conv\ntanh", role="G", width=74), x, y)
d.arrow(places[-1], rgb)
image = d.place(tensor((32, 32, 3), "x", role="fake", scale=2.4), rgb.right + 46, y)
d.arrow(rgb, image)

bus = 170
d.arrow((w.centre, w.bottom + 28), (w.centre, bus))
left, right = places[0].centre, max(places[-1].centre, w.centre)
d.arrow((w.centre, bus), (left, bus))
if right > w.centre:
    d.arrow((w.centre, bus), (right, bus))
for place in places:
    affine = d.place(block("A", role="latent", width=30), place.centre - 15, bus + 46)
    d.arrow((place.centre, bus), (place.centre, affine.top - 3))
    d.arrow((place.centre, affine.bottom + 3), (place.centre, place.top - 3))
    d.arrow((place.centre, y + 104), (place.centre, place.bottom + 30))
    d.text(place.centre, y + 120, "noise")
d.text(right + 16, bus - 8, "w to every layer; A: a style y = A w for each", anchor="start")

low = y + 250
parts = d.row(
    [
        tensor((8, 8, 96), "h", scale=5),
        "",
        block("3×3 conv", role="G"),
        "",
        block("enlarge"),
        "",
        sign("+", name="noise × strength", caption="a strength for each map"),
        "",
        block("leaky ReLU"),
        "",
        block("AdaIN", role="latent", name="style y: scale, shift", caption="Eq. 4"),
        "",
        tensor((16, 16, 48), "h'", scale=3.4),
    ],
    y=low,
    gap=40,
)
d.bracket(
    parts[1].left - 6, parts[-2].right + 6, low - 74, "one style layer (the first of each size enlarges)", role="G"
)
d.save("07_stylegan")
