"""Figures: pixels, labels, second cues, alternative text and size."""

import base64
import io

import nbformat
import numpy as np
import pytest
from PIL import Image

from conftest import in_a_new_process
from helpers import html_pages, plotting


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def digits(rng):
    return rng.random((20, 28, 28, 1), dtype=np.float32)


def pixels(fig):
    return np.asarray(Image.open(io.BytesIO(plotting.png_bytes(fig))).convert("RGB"))


def texts(fig):
    found = [t.get_text() for t in fig.texts]
    for ax in fig.axes:
        legend = ax.get_legend()
        parts = [*ax.texts, ax.title, *(legend.get_texts() if legend else [])]
        found += [t.get_text() for t in parts] + [ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()]
    return [t for t in found if t]


def test_import_is_light():
    code = (
        "import sys, helpers.plotting, helpers.metrics, helpers.features, helpers.widgets\n"
        "print([m for m in ('matplotlib', 'scipy', 'torch', 'tensorflow', 'ipywidgets') if m in sys.modules])"
    )
    assert in_a_new_process(code).strip() == "[]"


def test_compose_places_images_row_by_row_with_one_range():
    images = np.stack([np.full((2, 3, 1), v) for v in (0.0, 0.5, 1.0)])
    sheet = plotting.compose(images, cols=2, value_range=(0, 2))
    assert sheet.shape == (2 * 2 + 1, 2 * 3 + 1, 3) and sheet.dtype == np.uint8
    assert (sheet[:2, :3] == 0).all() and (sheet[:2, 4:] == 64).all() and (sheet[3:, :3] == 128).all()
    assert (plotting.compose(np.full((1, 2, 2, 1), 0.4), cols=1) == 102).all()  # never stretched to what is there
    assert (sheet[2] == 255).all() and (sheet[3:, 3:] == 255).all()  # the gap and the empty cell are white


def test_grid_draws_every_image_pixel_at_its_grey(digits):
    seen = pixels(plotting.image_grid(np.stack([np.zeros((28, 28, 1)), np.full((28, 28, 1), 0.4)]), cols=2))
    assert (seen[40, 40] == 0).all()
    assert (seen[40, 84 + 3 + 40] == 102).all()
    few, same = plotting.image_grid(digits * 0.5), plotting.image_grid((digits * 127.5).astype(np.uint8))
    assert np.abs(pixels(few).astype(int) - pixels(same)).max() <= 8  # uint8 is 0 … 255, float 0 … 1


def test_grid_labels(digits):
    fig = plotting.image_grid(
        digits,
        cols=5,
        title="A finding",
        row_labels="abcd",
        col_labels=range(5),
        cell_titles=[f"p{i}" for i in range(20)],
        xlabel="z₁",
        ylabel="z₂",
    )
    for text in ("A finding", "a", "d", "4", "p19", "z₁", "z₂"):
        assert text in texts(fig)
    assert len(fig.axes) == 1
    five = plotting.image_grid(digits.reshape(4, 5, 28, 28, 1))
    assert five.get_size_inches()[0] < plotting.image_grid(digits, cols=10).get_size_inches()[0]


def test_rows(digits):
    fig = plotting.image_rows({"input": (digits * 255).astype(np.uint8), "copy": digits})
    assert texts(fig) == ["input", "copy"]
    with pytest.raises(ValueError, match="same number"):
        plotting.image_rows({"a": digits, "b": digits[:3]})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x[0, :, :, 0], "must have shape"),
        (lambda x: x.transpose(0, 3, 1, 2), "channels-first"),
        (lambda x: x[:0], "no images"),
        (lambda x: x * 255, "far outside value_range"),
        (lambda x: np.where(x > 0.5, np.nan, x), "NaN"),
    ],
)
def test_grid_names_bad_images(digits, spoil, message):
    with pytest.raises(ValueError, match=message):
        plotting.image_grid(spoil(digits))


def test_grid_names_wrong_labels(digits):
    with pytest.raises(ValueError, match="row_labels has 3 entries, the grid of 2 × 10 needs 2"):
        plotting.image_grid(digits, row_labels="abc")
    with pytest.raises(ValueError, match="low < high"):
        plotting.image_grid(digits, value_range=(1, 1))


def test_curves_have_a_second_cue_and_integer_epochs():
    fig = plotting.curves(
        {"train": [3, 2, 1], "test": [3, 2.5, 2]},
        bands={"test": ([2, 2, 1], [4, 3, 3])},
        hlines={"PCA": 2},
        title="It falls",
    )
    ax = fig.axes[0]
    train, test = ax.lines[:2]
    assert train.get_linestyle() != test.get_linestyle() and train.get_marker() != test.get_marker()
    assert list(train.get_xdata()) == [1, 2, 3]
    assert {"train", "test", "PCA", "It falls", "epoch", "loss [nats]"} <= set(texts(fig))
    with pytest.raises(ValueError, match="line 'a'"):
        plotting.curves({"a": [1, 2]}, x=[1, 2, 3])
    assert list(plotting.curves({"a": ([5, 6], [1, 2])}).axes[0].lines[0].get_xdata()) == [5, 6]


def test_latent_scatter_names_classes_at_their_median(rng):
    y = np.arange(100) % 2
    z = rng.standard_normal((100, 2)) * 0.1 + y[:, None] * 5
    fig = plotting.latent_scatter(z, y, class_names=["bag", "shoe"])
    named = {t.get_text(): t.get_position() for t in fig.axes[0].texts}
    assert np.allclose(named["shoe"], 5, atol=0.1) and np.allclose(named["bag"], 0, atol=0.1)
    close = plotting.label_places(z, [np.array([0, 0]), np.array([0.01, 0]), np.array([5, 5])])
    assert np.linalg.norm(close[0] - close[1]) > 0.2 and np.allclose(close[2], 5)  # names don't cover each other
    paths = fig.axes[0].collections
    assert not np.array_equal(paths[0].get_paths()[0].vertices, paths[1].get_paths()[0].vertices)  # another marker
    assert len(plotting.latent_scatter(z, y * 0.5).axes) == 2  # a quantity has a colour bar
    for bad, labels, message in ((z[:, :1], y, r"\(N, 2\)"), (z, y[:5], "labels of shape"), (z * np.nan, y, "NaN")):
        with pytest.raises(ValueError, match=message):
            plotting.latent_scatter(bad, labels)


def test_other_charts_draw(rng):
    a, b = rng.standard_normal((50, 2)), rng.standard_normal((60, 2))
    fig = plotting.bars(["AE", "PCA"], {"2": [0.25, 0.5], "16": [0.1, 0.2]}, ylabel="error", reference={"floor": 0.3})
    assert {"0.25", "0.2", "floor", "error"} <= set(texts(fig))
    assert "KL" in texts(plotting.bars(["a"], [1], ylabel="KL", horizontal=True))
    with pytest.raises(ValueError, match="2 names"):
        plotting.bars(["a", "b"], [1])
    assert {"real", "fake"} <= set(texts(plotting.scatter({"real": a, "fake": b})))
    assert {"real", "fake"} <= set(texts(plotting.histogram({"real": a, "fake": b})))
    assert "0.50" in texts(plotting.heatmap([[0.5, 1]], ["r"], ["a", "b"], fmt="{:.2f}"))
    fig, axes = plotting.figure(1, 2)
    plotting.scatter({"real": a}, ax=axes[1], title="in a panel")
    assert "in a panel" in texts(fig)


def test_png_is_small_plain_and_repeatable(rng):
    def draw():
        return plotting.latent_scatter(np.random.default_rng(1).standard_normal((4000, 2)), np.arange(4000) % 10)

    first, again = plotting.png_bytes(draw()), plotting.png_bytes(draw())
    assert first == again
    assert len(first) < 60_000
    assert Image.open(io.BytesIO(first)).info.keys() <= {"transparency"}  # no date, no program
    photo = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    kept = np.asarray(Image.open(io.BytesIO(plotting.encode_png(photo))).convert("RGB"))
    assert np.abs(kept.astype(int) - photo).max() <= 16  # many colours stay many colours


def test_a_large_noisy_sheet_gets_a_palette_and_a_small_one_stays_as_it_is(rng):
    faces = np.repeat(np.repeat(rng.integers(0, 4, (60, 120, 3)) * 85, 3, axis=0), 3, axis=1)
    noisy = np.clip(faces + rng.integers(-5, 6, faces.shape), 0, 255).astype(np.uint8)  # no two pixels alike
    large, small = (Image.open(io.BytesIO(plotting.encode_png(part))) for part in (noisy, noisy[:45, :90]))
    assert large.mode == "P" and small.mode == "RGB"
    error = np.abs(np.asarray(large.convert("RGB")).astype(int) - noisy)
    assert 1 < error.mean() < 4 and np.asarray(small).tobytes() == noisy[:45, :90].tobytes()


def test_a_palette_keeps_rare_bright_colours(rng):
    browns = rng.integers(60, 160, (400, 600, 1)) * np.array([1, 0.8, 0.6]) + rng.integers(-9, 10, (400, 600, 3))
    sheet = np.clip(browns, 0, 255).astype(np.uint8)
    bright = np.array([(60, 200, 60), (90, 60, 220), (250, 70, 150)], dtype=np.uint8)
    for k, colour in enumerate(bright):
        sheet[50:64, 100 * k : 100 * k + 14] = colour  # a thousandth of the sheet each
    kept = Image.open(io.BytesIO(plotting.encode_png(sheet)))
    assert kept.mode == "P"
    found = np.asarray(kept.convert("RGB"))[57, 7:300:100].astype(int)
    assert np.abs(found - bright).max() <= 12


def test_a_large_painted_figure_becomes_a_jpeg_and_a_plain_one_stays_png(rng):
    rows, columns = np.mgrid[:300, :400] / 40
    painted = 0.5 + 0.3 * np.stack([np.sin(rows + k * columns) for k in (1, 2, 3)], axis=2)
    painted = np.clip(painted + rng.normal(0, 0.08, painted.shape), 0, 1)
    fig = plotting.image_grid(painted[None], cols=1, size=5)
    jpeg, png = plotting.figure_bytes(fig), plotting.png_bytes(fig)
    opened = Image.open(io.BytesIO(jpeg))
    assert opened.format == "JPEG" and len(jpeg) < 0.8 * len(png)
    assert jpeg == plotting.figure_bytes(fig)
    exact = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    assert opened.size == exact.shape[1::-1] and np.abs(np.asarray(opened).astype(int) - exact).mean() < 20
    plain = plotting.figure_bytes(plotting.curves({"a": [1, 2]}))
    assert Image.open(io.BytesIO(plain)).format == "PNG"
    data, metadata = plotting.picture_bundle(jpeg, "A painted picture")
    assert metadata["image/jpeg"] == {"alt": "A painted picture", "width": opened.width, "height": opened.height}
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    page = html_pages.page(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[output])]))
    images = [tag for tag in page.split("<img")[1:] if "base64" in tag]
    assert len(images) == 1 and 'alt="A painted picture"' in images[0] and "image/jpeg" in images[0]


def test_show_sends_png_with_alt(monkeypatch):
    sent = []
    import IPython.display

    monkeypatch.setattr(IPython, "get_ipython", object)
    monkeypatch.setattr(IPython.display, "display", lambda data, **more: sent.append((data, more)))
    fig = plotting.curves({"a": [1, 2]})
    plotting.show(fig, alt="A line\n   rises from 1 to 2")
    data, more = sent[0]
    width, height = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).size
    assert more["raw"] and more["metadata"]["image/png"] == {
        "alt": "A line rises from 1 to 2",
        "width": width,
        "height": height,
    }
    assert data["text/plain"] == "Figure: A line rises from 1 to 2"
    assert not fig.axes  # closed
    with pytest.raises(ValueError, match="alternative text"):
        plotting.show(fig, alt="  ")
    with pytest.raises(TypeError, match="Figure, not list"):
        plotting.show([], alt="x")


def test_show_without_a_notebook_prints_the_alt(capsys):
    plotting.show(plotting.curves({"a": [1, 2]}), alt="A line rises")
    assert capsys.readouterr().out == "[figure: A line rises]\n"


def test_html_page_has_alt_and_falls_back_to_the_static_figure():
    data, metadata = plotting.picture_bundle(plotting.png_bytes(plotting.curves({"a": [1, 2]})), 'A "line" <rises>')
    data["application/vnd.jupyter.widget-view+json"] = {"model_id": "none", "version_major": 2, "version_minor": 0}
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    page = html_pages.page(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[output])]))
    images = [tag for tag in page.split("<img")[1:] if "base64" in tag]
    assert len(images) == 1 and "&lt;rises&gt;" in images[0] and "No description" not in images[0]
