"""Draw images/02_vae.svg: the convolutional variational autoencoder of lesson 2."""

from diagram import Diagram, block, sign, tensor, vector

d = Diagram(
    "The convolutional variational autoencoder of lesson 2",
    """The encoder turns an image of 28 by 28 pixels into feature maps of 14 by 14 by 32 and 7 by 7 by 64, then into 16
    numbers, and two heads give the mean mu and the log-variance of a Gaussian in two dimensions. Noise epsilon, scaled
    by sigma and shifted by mu, makes the code z. The decoder turns z into 28 by 28 pixel logits. The loss adds the
    reconstruction, which compares the decoded image with x, and beta times the divergence of the Gaussian from the
    prior.""",
)
x, h1, h2, hidden = d.row(
    [
        tensor((28, 28, 1), "x", role="data"),
        "conv 3×3\nstride 2\nReLU",
        tensor((14, 14, 32)),
        "conv 3×3\nstride 2\nReLU",
        tensor((7, 7, 64)),
        "flatten\ndense 16\nReLU",
        vector(16),
    ]
)
mu = d.place(vector(2, "μ", role="latent", caption="z_mean"), hidden.right + 66, -62)
logvar = d.place(vector(2, "log σ²", role="latent", caption="z_log_var"), hidden.right + 66, 54)
d.arrow(hidden, mu)
d.arrow(hidden, logvar)
times = d.place(sign("×"), logvar.right + 128, logvar.middle)
d.arrow(logvar, times, "σ = exp(½ log σ²)")
eps = d.place(block("ε ~ N(0, I)", role="noise"), times.left - 32, logvar.middle + 76)
d.arrow((times.centre, eps.top - 4), (times.centre, times.bottom + 4))
plus = d.place(sign("+"), times.left, mu.middle)
d.arrow(mu, plus)
d.arrow((times.centre, times.top - 4), (plus.centre, plus.bottom + 4))
z, g3, g2, x_hat = d.row(
    [
        vector(2, "z", role="latent"),
        "dense 3,136\nReLU",
        tensor((7, 7, 64)),
        "transposed\nconv 3×3, 64\nstride 2, ReLU",
        tensor((14, 14, 64)),
        "transposed conv 3×3, 32\nstride 2, ReLU; then\nto 1 channel, stride 1",
        tensor((28, 28, 1), "x̂", role="fake", caption="28×28×1 logits"),
    ],
    x=plus.right + 44,
)
d.arrow(plus, z)
top = x.top - 40
d.bracket(h1.left - 70, logvar.right + 14, top, "encoder q(z | x)")
d.bracket(z.left - 10, x_hat.right, top, "decoder p(x | z)")
low = eps.bottom + 40
loss = "loss: reconstruction -log p(x | z), summed over pixels, + β · KL(q(z | x) ‖ N(0, I)), from μ and log σ²"
d.arrow(x, x_hat, loss, dashed=True, bend=low)
d.save("02_vae")
