"""Draw images/05_dcgan.svg: generator and discriminator of lesson 5."""

from diagram import Diagram, block, tensor, vector

d = Diagram(
    "The generator and the discriminator of lesson 5",
    """The generator turns a code z of 64 numbers into feature maps of 4 by 4 by 96, and three transposed convolutions with
    kernel 4 and stride 2 double them to 8 by 8 by 48, 16 by 16 by 24 and an image of 32 by 32 in three colours. The
    discriminator is its mirror image: three convolutions with kernel 4 and stride 2 halve a real or a generated image
    to 16 by 16 by 32, 8 by 8 by 48 and 4 by 4 by 64, and a last one gives one logit.""",
)
z, g0, g1, g2, fake = d.row(
    [
        vector(64, "z", role="latent", caption="64, normal"),
        "transposed\nconv 4×4\nBN, ReLU",
        tensor((4, 4, 96)),
        "transposed\nconv 4×4\nstride 2\nBN, ReLU",
        tensor((8, 8, 48)),
        "transposed\nconv 4×4\nstride 2\nBN, ReLU",
        tensor((16, 16, 24)),
        "transposed\nconv 4×4\nstride 2\ntanh",
        tensor((32, 32, 3), "fake", role="fake"),
    ]
)
d.bracket(g0.left - 70, fake.right, fake.top - 44, "generator G")
below = fake.bottom + 250
x, h1, h2, h3, out = d.row(
    [
        tensor((32, 32, 3), "real or fake", role="data"),
        "conv 4×4\nstride 2\nleaky ReLU",
        tensor((16, 16, 32)),
        "conv 4×4\nstride 2\nleaky ReLU",
        tensor((8, 8, 48)),
        "conv 4×4\nstride 2\nleaky ReLU",
        tensor((4, 4, 64)),
        "conv 4×4",
        block("logit", caption="real = 1"),
    ],
    y=below,
)
d.bracket(h1.left - 70, out.right, x.top - 20, "discriminator D")
d.save("05_dcgan")
