"""Draw images/01_autoencoder.svg: the convolutional autoencoder of lesson 1."""

from diagram import Diagram, tensor, vector

d = Diagram(
    "The convolutional autoencoder of lesson 1",
    """The encoder turns an image of 28 by 28 pixels into feature maps of 14 by 14 by 32 and 7 by 7 by 64 and then into
    the code z of 2, 8, 16 or 32 numbers. The decoder mirrors it and returns an image x hat of 28 by 28 pixels. The loss
    compares x hat with x.""",
)
x, h1, h2, z, g2, g1, x_hat = d.row(
    [
        tensor((28, 28, 1), "x", role="data"),
        "conv 3×3\nstride 2\nReLU",
        tensor((14, 14, 32)),
        "conv 3×3\nstride 2\nReLU",
        tensor((7, 7, 64)),
        "flatten\ndense 128\nReLU\ndense",
        vector(8, "z", role="latent", caption="2, 8, 16 or 32"),
        "dense 128\nReLU\ndense\nReLU",
        tensor((7, 7, 64)),
        "transposed\nconv 3×3\nstride 2\nReLU",
        tensor((14, 14, 32)),
        "transposed\nconv 3×3\nstride 2",
        tensor((28, 28, 1), "x̂", role="fake"),
    ]
)
top = x.top - 40
d.bracket(h1.left - 70, z.left - 14, top, "encoder")
d.bracket(z.right + 14, g1.right + 70, top, "decoder")
d.arrow(x, x_hat, "loss: how far is x̂ from x?", dashed=True, bend=x.bottom + 66)
d.save("01_autoencoder")
