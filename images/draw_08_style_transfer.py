"""Draw images/08_style_transfer.svg: the pixels that descend, and the decoder that does it in one pass, of lesson 8."""

from diagram import Diagram, Node, block, tensor

d = Diagram(
    "The two ways of lesson 8",
    """Upper half: pixels x go through a frozen network with eight layers, stem and stages 1 to 7. Gram matrices of the first
    six layers are compared with those of the style image: the style loss. The maps of stage 7 are compared with those of
    the content image: the content loss. Total variation looks at the pixels directly. A dashed arrow takes the gradient of
    the sum back to the pixels, which Adam moves, 250 times. Lower half: content and style go through the same frozen
    network once, AdaIN gives the content's maps the style's mean and spread, and a trained decoder paints the result.""",
)

x = d.place(tensor((40, 40, 3), "pixels x", role="fake", scale=1.9, caption="256×256×3"), 0, 0)
stages = [("stem", 32, 32), ("stage 1", 32, 16), ("stage 2", 26, 24), ("stage 3", 20, 40)]
stages += [("stage 4", 15, 80), ("stage 5", 15, 112), ("stage 6", 10, 192), ("stage 7", 10, 320)]
places: list[Node] = []
left = x.right + 62
for name, side, maps in stages:
    node = d.place(tensor((side, side, maps), name, scale=1.9, caption=f"{maps} maps"), left, 0)
    d.arrow(places[-1] if places else x, node)
    places.append(node)
    left = node.right + 40
d.bracket(
    places[0].left - 8,
    places[-1].right + 8,
    -92,
    "a network that names photographs, its weights frozen",
    role="features",
)

down = 116
grams = []
for node in places[:6]:
    gram = d.place(block("Gram", role="latent", width=58), node.centre - 29, down)
    d.arrow((node.centre, node.bottom + 28), (node.centre, gram.top - 3))
    grams.append(gram)
wide = grams[-1].right - grams[0].left
text = "style loss, Eq. 3: against the Gram matrices of the style image"
style_loss = d.place(block(text, role="latent", width=wide), grams[0].left, down + 76)
for gram in grams:
    d.arrow((gram.centre, gram.bottom + 3), (gram.centre, style_loss.top - 3))
last = places[-1]
text = "content loss, Eq. 2:\nagainst the maps of\nthe content image"
content_loss = d.place(block(text, role="data", width=150), last.centre - 75, down + 76)
d.arrow((last.centre, last.bottom + 28), (last.centre, content_loss.top - 3))
variation = d.place(block("total variation,\nEq. 4", width=118), x.centre - 59, down + 76)
d.arrow((x.centre, x.bottom + 28), (x.centre, variation.top - 3))
low = content_loss.bottom + 34
for node in (variation, style_loss, content_loss):
    d.arrow((node.centre, node.bottom + 3), (node.centre, low))
back = variation.left - 34
d.arrow((content_loss.centre, low), (back, low), dashed=True)
d.text(
    style_loss.centre,
    low + 20,
    "Eq. 5: the gradient of the sum goes back to the pixels, and Adam moves them: 250 times",
)
d.arrow((back, low), (back, x.middle), dashed=True)
d.arrow((back, x.middle), (x.left - 5, x.middle), dashed=True)

y = low + 226
content = d.place(tensor((40, 40, 3), "content", role="data", scale=1.5, caption="any size"), x.left, y - 62)
style = d.place(tensor((40, 40, 3), "style", role="data", scale=1.5, caption="any size"), x.left, y + 78)
network = d.place(block("the same\nnetwork", role="features", width=90), places[0].left, y)
for image in (content, style):
    d.arrow((image.right + 5, image.middle), (network.left - 5, network.middle + (image.middle - y) * 0.16))
maps = [
    d.place(tensor((26, 26, 24), "", scale=1.9, caption="maps of the content"), places[2].left, y - 62),
    d.place(tensor((26, 26, 24), "", scale=1.9, caption="maps of the style"), places[2].left, y + 62),
]
for node in maps:
    d.arrow((network.right + 5, network.middle + (node.middle - y) * 0.16), (node.left - 5, node.middle))
adain = d.place(block("AdaIN", role="latent", width=74, caption="mean and spread\nof the style"), places[4].left, y)
for node in maps:
    d.arrow((node.right + 5, node.middle), (adain.left - 5, adain.middle + (node.middle - y) * 0.12))
decoder = d.place(block("decoder", role="G", width=96, caption="trained"), adain.right + 84, y)
d.arrow(adain, decoder)
result = d.place(
    tensor((40, 40, 3), "result", role="fake", scale=1.9, caption="size of the content"), decoder.right + 62, y
)
d.arrow(decoder, result)
d.bracket(content.left, result.right, y - 142, "the same in one pass: no steps, any style", role="G")
d.save("08_style_transfer")
