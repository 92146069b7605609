"""Draw images/03_cvae.svg: the conditional VAE of lesson 3, the label entering encoder and decoder."""

from diagram import Diagram, sign, tensor, vector

d = Diagram(
    "The conditional VAE of lesson 3",
    """The encoder turns an image x of 28 by 28 pixels into feature maps of 14 by 14 by 16 and 7 by 7 by 32. Label y,
    ten numbers one of which is 1, joins them before a dense layer that gives mean and log-variance of z. A draw z
    of four numbers and the label y enter the decoder, whose second dense layer gets the label once more; two transposed
    convolutions lead to an image x hat of the wanted class. To generate, z comes from the standard normal prior.""",
)
x, h1, h2, cloud, draw, z, g0, g2, g1, x_hat = d.row(
    [
        tensor((28, 28, 1), "x", role="data"),
        "conv 3×3\nstride 2\nReLU",
        tensor((14, 14, 16)),
        "conv 3×3\nstride 2\nReLU",
        tensor((7, 7, 32)),
        "flatten\ndense 128\ndense",
        vector(8, "μ, log σ²", role="latent", caption="4 + 4"),
        "",
        sign("+", caption="σ·ε"),
        "draw",
        vector(4, "z", role="latent"),
        "dense\nReLU",
        vector(128),
        "dense\nReLU",
        tensor((7, 7, 32)),
        "transposed\nconv 4×4\nstride 2\nReLU",
        tensor((14, 14, 16)),
        "transposed\nconv 4×4\nstride 2",
        tensor((28, 28, 1), "x̂", role="fake"),
    ]
)
label = d.place(vector(10, "", role="label"), draw.left - 2, x.bottom + 78)
d.text(label.right + 12, label.middle + 4, "y, one-hot label", anchor="start", weight="bold")
lane = label.middle
for left, right in ((h2.right, cloud.left), (z.right, g0.left), (g0.right, g2.left)):
    middle = (left + right) / 2
    d.arrow((middle, lane), (middle, x.middle + 12))
for left, right in (((h2.right + cloud.left) / 2, label.left), (label.right + 118, (g0.right + g2.left) / 2)):
    d.bracket(left, right, lane, "", above=False)
top = x.top - 46
d.bracket(h1.left - 70, cloud.right + 14, top, "encoder q(z | x, y)")
d.bracket(z.left - 14, g1.right + 76, top, "decoder p(x | z, y)")
d.arrow((z.centre, z.top - 48), (z.centre, z.top - 26), dashed=True)
d.text(z.centre, z.top - 67, "to generate:\nz from N(0, I)", step=14)
d.save("03_cvae")
