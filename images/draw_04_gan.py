"""Draw images/04_gan.svg: generator, discriminator and the two losses of lesson 4."""

from diagram import Diagram, block, vector

d = Diagram(
    "The generative adversarial network of lesson 4",
    """Noise z goes through the generator G, two hidden layers with ReLU, and becomes a drawn sample. The discriminator D,
    two hidden layers with ReLU as well, sees drawn and real samples and answers each with one logit. The loss of D,
    Equation 4, wants the logits of real samples high and those of drawn ones low; in its step drawn samples are data, so
    its gradient ends at D. The loss of G, Equation 6, wants the logits of drawn samples high; its gradient passes through
    D, which stands still, into G.""",
)
z, g1, fake = d.row(
    [
        vector(8, "z ~ N(0, I)", role="noise", caption="latent_dim"),
        "",
        block("generator G\n2 × (dense, ReLU), dense", role="G"),
        "draws",
        vector(14, "fake = G(z)", role="fake", caption="2, or 784 pixels"),
    ]
)
real = d.place(vector(14, "real", role="data", caption="2, or 784 pixels"), fake.left, 232)
D = d.place(block("discriminator D\n2 × (dense, ReLU), dense", role="D"), fake.right + 110, 116)
d.arrow((fake.right + 4, fake.middle), (D.left + 30, D.top - 4))
d.arrow((real.right + 4, real.middle), (D.left + 30, D.bottom + 4))
logit = d.place(block("logit l(x)\nreal: up, fake: down"), D.right + 60, 116)
d.arrow(D, logit)
loss_G = d.place(
    block("loss of G, Eq. 6\nmean softplus(-l_fake)", role="G", caption="“be taken for real”"), logit.right + 70, 10
)
loss_D = d.place(
    block(
        "loss of D, Eq. 4\nmean softplus(-l_real)\n+ mean softplus(l_fake)",
        role="D",
        caption="“tell them apart”; fakes are data here",
    ),
    logit.right + 70,
    226,
)
d.arrow((logit.right + 4, logit.middle - 8), (loss_G.left - 4, loss_G.middle))
d.arrow((logit.right + 4, logit.middle + 8), (loss_D.left - 4, loss_D.middle))
d.arrow(loss_G, g1, "gradient for G: through D, whose weights stand still", dashed=True, bend=fake.top - 46)
d.arrow(loss_D, D, "gradient for D: it stops there", dashed=True, bend=real.bottom + 40)
d.save("04_gan")
