"""Drawings of networks: made by their scripts, well-formed, described, readable, listed."""

import re
import runpy
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from colours import contrast

IMAGES = Path(__file__).resolve().parent.parent / "images"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def diagram(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(IMAGES))
    monkeypatch.delitem(sys.modules, "diagram", raising=False)
    import diagram

    monkeypatch.setattr(diagram, "FOLDER", tmp_path)
    yield diagram
    sys.modules.pop("diagram", None)


def test_drawings_are_what_their_scripts_give(diagram, tmp_path):
    for script in IMAGES.glob("draw_*.py"):
        runpy.run_path(str(script), run_name="__main__")
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.svg")}
    assert "01_autoencoder.svg" in made
    for name, text in made.items():
        assert text == (IMAGES / name).read_text(encoding="utf-8"), f"{name} is old: run python images/diagram.py"


def test_drawings_are_described_and_listed():
    listed = (IMAGES / "SOURCES.md").read_text(encoding="utf-8")
    for path in IMAGES.glob("*.svg"):
        root = ET.parse(path).getroot()
        assert root.get("role") == "img" and root.find(SVG + "title").text and len(root.find(SVG + "desc").text) > 40
    for path in IMAGES.rglob("*"):
        name = path.relative_to(IMAGES).as_posix()
        if path.suffix in {".svg", ".png", ".jpg"}:
            assert f"| [{name}]({name}) |" in listed, f"{name} is missing in images/SOURCES.md"
    for row in re.findall(r"^\| \[.*", listed, flags=re.M):
        name, alt = re.match(r"\| \[([^]]+)\]\(\1\) \| ([^|]+) \|", row).groups()
        assert (IMAGES / name).is_file() and len(alt) > 30


def test_text_can_be_read_on_every_fill(diagram):
    for fill, edge in diagram.ROLES.values():
        assert contrast(diagram.INK, fill) >= 7 and contrast(diagram.SOFT_INK, fill) >= 4.5
        assert contrast(edge, "#FFFFFF") >= 3  # lines on the white ground


def test_boxes_follow_their_tensors(diagram):
    d = diagram.Diagram("t", "d")
    image, maps, code = diagram.tensor((28, 28, 1), "x"), diagram.tensor((7, 7, 64)), diagram.vector(2, "z")
    big, small, z = d.row([image, "conv", maps, code])
    assert big.height > small.height > z.height
    assert (small.width - small.depth) > (big.width - big.depth)
    assert big.middle == pytest.approx(small.middle) and big.right < small.left < small.right < z.left
    d.arrow(big, z, "a < b", dashed=True, bend=big.bottom + 60)
    root = ET.fromstring(d.svg())
    assert {t.text for t in root.iter(SVG + "text")} == {"x", "28×28×1", "conv", "7×7×64", "z", "2", "a < b"}
    left, top, width, height = map(float, root.get("viewBox").split())
    for text in root.iter(SVG + "text"):
        assert left < float(text.get("x")) < left + width and top < float(text.get("y")) < top + height


def test_a_drawing_needs_words_and_content(diagram):
    with pytest.raises(ValueError, match="description"):
        diagram.Diagram("t", " ")
    with pytest.raises(ValueError, match="empty"):
        diagram.Diagram("t", "d").svg()


def test_pictures_of_the_readmes_are_those_of_the_notebooks(monkeypatch):
    monkeypatch.syspath_prepend(str(IMAGES))
    import gallery

    files = sorted((IMAGES / "gallery").iterdir())
    assert len(files) >= 3
    listed = (IMAGES / "SOURCES.md").read_text(encoding="utf-8")
    for path in files:
        found = gallery.picture(path.stem)
        assert found and path == found[2] and path.read_bytes() == found[0], (
            f"{path.name}: run python images/gallery.py"
        )
        assert f"gallery/{path.name}" in listed
