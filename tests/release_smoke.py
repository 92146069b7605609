"""Use an unpacked students' release as a student does: python tests/release_smoke.py FOLDER

Imports every helper, runs the start notebook without its half minute of machine checks, and a lesson's exercise cells, unsolved.
What is printed is the notebooks' own text.
"""

import importlib
import json
import os
import sys
from pathlib import Path

folder = Path(sys.argv[1]).resolve()
os.chdir(folder)
sys.path.insert(0, str(folder))

for file in sorted((folder / "helpers").rglob("*.py")):
    name = ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
    assert Path(importlib.import_module(name).__file__).is_relative_to(folder)


def run(notebook, wanted):
    """Run the code cells that are wanted, one after another, and give their variables."""
    cells = [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    space = {"__name__": "__main__"}
    for cell in cells:
        code = "".join(cell["source"])
        if wanted(code, cell["metadata"].get("tags", [])):
            exec(code, space)
    return space


start = run(folder / "notebooks" / "00_start_here.ipynb", lambda code, tags: "machine" not in code)
start["q1"].check(lambda images: images.astype("float32") / 255)
start["q1"].hint()
start["q1"].solution()
run(folder / "notebooks" / "pytorch" / "02_vae.ipynb", lambda code, tags: "exercise" in tags or ".check(" in code)
