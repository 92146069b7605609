"""The animation: what is sent, its sizes, its texts, errors; and, where Chromium is at hand, the player itself."""

import base64
import io
import json
import re
import subprocess
from html.parser import HTMLParser

import chromium
import numpy as np
import pytest
from colours import contrast
from PIL import Image

from helpers import animation, plotting

CHROMIUM = chromium.find()


def grey_frames(count, height=6, width=9):
    """Frame i is a plane of grey 10 · i."""
    return np.arange(count, dtype=np.uint8)[:, None, None] * np.full((1, height, width), 10, dtype=np.uint8)


def faces(count=20, seed=0):
    """Smooth coloured pictures with fine noise, 32 a frame: (T, 131, 263, 3)."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[0:32, 0:32] / 31
    frames = []
    for _ in range(count):
        a, b, c = rng.random((3, 32, 1, 1, 3))
        images = a * np.sin(6 * b * rows[..., None]) ** 2 + (1 - a) * np.cos(5 * c * cols[..., None]) ** 2
        frames.append(plotting.compose(np.clip(images + 0.03 * rng.standard_normal(images.shape), 0, 1), cols=8))
    return np.stack(frames)


class Elements(HTMLParser):
    """All elements of a page: (tag, attributes)."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def pixels_of(uri):
    kind, _, data = uri.partition(";base64,")
    assert kind == "data:image/webp"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("L"))


def test_one_output_a_player_and_a_strip(sent):
    plotting.animation(grey_frames(20) / 255, labels=[f"step {i}" for i in range(20)], alt="Grey  gets\nlighter")
    assert len(sent) == 1
    data, more = sent[0]
    assert set(data) == {"text/html", "image/png", "text/plain"}
    assert (
        data["text/plain"] == "Figure: Grey gets lighter"
        and more["metadata"]["image/png"]["alt"] == "Grey gets lighter"
    )
    images = [attributes for tag, attributes in Elements(data["text/html"]).found if tag == "img"]
    assert [image["data-frame"] for image in images] == ["0", "4", "8", "11", "15", "19"]
    assert images[1]["alt"] == "Grey gets lighter Shown: step 4."
    strip = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("L"))
    assert {0, 40, 80, 110, 150, 190} <= set(np.unique(strip))


def test_small_frames_are_exact_and_each_is_sent_once():
    frames = grey_frames(20)[..., None]
    uris = animation.encoded(frames)
    assert [int(pixels_of(uri)[2, 3]) for uri in uris] == [10 * i for i in range(20)]
    text = animation.page(frames, [str(i) for i in range(20)], "x")
    assert all(text.count(uri) == 1 for uri in uris)


def test_twenty_frames_of_faces_stay_small_and_close(sent):
    frames = faces()
    plotting.animation(frames, alt="Faces")
    data = sent[0][0]
    assert len(data["text/html"]) < 400_000 and len(data["image/png"]) < 4 / 3 * 1.1 * animation.STRIP_BYTES
    error = pixels_of(animation.encoded(frames)[7]).astype(float) - np.asarray(Image.fromarray(frames[7]).convert("L"))
    assert np.abs(error).mean() < 12


def test_noise_keeps_the_strip_small():
    noise = np.random.default_rng(0).integers(0, 256, (6, 130, 260, 3), dtype=np.uint8)
    png = plotting.png_bytes(animation.filmstrip(noise, list("abcdef")))
    assert len(animation.smaller(png)) < 0.5 * len(png)
    plain = plotting.png_bytes(animation.filmstrip(grey_frames(6)[..., None], list("abcdef")))
    assert animation.smaller(plain) == plain


def test_the_same_frames_give_the_same_bytes_and_others_another_name():
    frames = grey_frames(3)[..., None]
    first, again, other = (animation.page(f, ["a", "b", "c"], "x") for f in (frames, frames.copy(), frames + 1))
    names = [re.search(r'class="(animation-\w+)"', text)[1] for text in (first, other)]
    assert first == again and names[0] != names[1]
    assert " id=" not in first and "window." not in first.replace("window.matchMedia", "")


def test_texts_are_escaped():
    text = animation.page(grey_frames(2)[..., None], ["<b>", "</script>"], 'a "quoted" </script>', "1 < 2")
    assert text.count("</script>") == 1 and text.count("<script>") == 1 and "<b>" not in text and "1 &lt; 2" in text
    values = re.search(r"const labels = (.*);", text)[1]
    assert json.loads(values) == ["<b>", "</script>"]


def test_nothing_is_fetched():
    text = animation.page(grey_frames(2)[..., None], ["a", "b"], "x")
    for word in ("http", "import ", "fetch(", "eval("):
        assert word not in text


def test_colours_have_contrast():
    rules = {name.strip(): rule for name, rule in re.findall(r"\.NAME([^{]*)\{([^}]*)\}", animation.STYLE)}
    for name in ("", "button"):
        both = dict(re.findall(r"(?:^|;\s*)(background|color): (#\w{6})", rules[name]))
        assert contrast(both["background"], both["color"]) >= 4.5
    assert contrast("#ffffff", re.search(r"outline: 3px solid (#\w{6})", animation.STYLE)[1]) >= 3


@pytest.mark.parametrize(
    ("frames", "arguments", "message"),
    [
        (grey_frames(3), {"alt": " "}, "alternative text"),
        (grey_frames(3), {"alt": None}, "alternative text"),
        (grey_frames(1), {}, "at least 2 frames"),
        (np.zeros((4, 8)), {}, "at least 2 frames"),
        (np.zeros((3, 4, 8, 8, 1)), {}, r"plotting\.compose"),
        (np.zeros((3, 8, 8, 2)), {}, "images must have shape"),
        ([np.zeros((8, 8)), np.zeros((8, 9))], {}, r"one shape, not \(8, 8\) and \(8, 9\)"),
        (np.full((3, 8, 8), np.nan), {}, "NaN"),
        (grey_frames(3), {"labels": ["a", "b"]}, "3 frames need a list of 3 labels"),
        (grey_frames(3), {"labels": "abc"}, "3 frames need a list of 3 labels"),
    ],
)
def test_bad_input_is_named(frames, arguments, message, sent):
    with pytest.raises(ValueError, match=message):
        plotting.animation(frames, **{"alt": "x", **arguments})
    assert not sent


ACTIONS = """
const roots = () => [...document.querySelectorAll('[data-playing]')];
const press = (node, key) => node.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
const state = (i) => [roots()[i].querySelector('output').textContent, roots()[i].querySelector('img').alt,
  roots()[i].querySelector('button').textContent, roots()[i].querySelector('input').getAttribute('aria-valuetext')];
const seen = {};
setTimeout(() => {
  seen.count = [roots().length, document.querySelectorAll('img').length, document.querySelectorAll('[id]').length];
  seen.start = state(0);
  press(roots()[1].querySelector('input'), 'ArrowRight'); press(roots()[1].querySelector('button'), 'ArrowRight');
  seen.keys = state(1);
  press(roots()[1].querySelector('input'), 'End'); press(roots()[1].querySelector('input'), 'ArrowRight');
  seen.end = state(1);
  roots()[0].querySelector('button').click();
  setTimeout(() => {
    seen.playing = state(0);
    roots()[0].querySelector('button').click();
    setTimeout(() => {
      seen.paused = state(0);
      const done = document.createElement('pre');
      done.textContent = 'SEEN' + JSON.stringify(seen) + 'NEES';
      document.body.append(done);
    }, 1300);
  }, 1200);
}, 300);
"""


def browse(folder, *flags):
    """What a browser does with two animations on one page: the values that ACTIONS notes."""
    parts = [
        animation.page(grey_frames(8)[..., None], [f"step {i}" for i in range(8)], alt) for alt in ("Grey.", "Two.")
    ]
    file = folder / "page.html"
    file.write_text(
        f'<!doctype html><meta charset="utf-8">{"".join(parts)}<script>{ACTIONS}</script>', encoding="utf-8"
    )
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}",
               "--virtual-time-budget=5000", *flags, "--dump-dom", file.as_uri()]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return json.loads(re.search(r"SEEN(\{.*\})NEES", done.stdout)[1])


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium isn't installed")
def test_the_player_plays_pauses_and_listens_to_keys(tmp_path):
    seen = browse(tmp_path)
    assert seen["count"] == [2, 2, 0]
    assert seen["start"] == ["step 0 (1 of 8)", "Grey. Shown: step 0.", "▶ Play", "step 0, frame 1 of 8"]  # no autoplay
    assert seen["keys"][0] == "step 2 (3 of 8)" and seen["end"][0] == "step 7 (8 of 8)"
    assert seen["playing"][0] == "step 2 (3 of 8)" and "Pause" in seen["playing"][2]
    assert seen["paused"][0] == "step 2 (3 of 8)" and seen["paused"][2] == "▶ Play"


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium isn't installed")
def test_reduced_motion_never_moves_by_itself(tmp_path):
    seen = browse(tmp_path, "--force-prefers-reduced-motion")
    assert seen["start"][2] == "Next frame" and seen["playing"][0] == "step 1 (2 of 8)"
    assert seen["paused"][0] == "step 2 (3 of 8)"  # the second press
