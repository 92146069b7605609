"""A class of submissions to lesson 2 in PyTorch, made by code: right, partly right, each known wrong answer, hostile ones."""

import copy
import functools
import json
from dataclasses import dataclass, field
from typing import Any

from helpers import exercises, lessons
from helpers.grading.submissions import Submission

LESSON = "02_vae"
STUBS = {
    "q1": "kl_by_hand",
    "q2": "kl_to_prior",
    "q3": "mended_loss",
    "q4": "equivalent_beta",
    "q5": "plan",
    "q6": "log_mean_weight",
}
POINTS = {"q1": 1, "q2": 2, "q3": 3, "q4": 2, "q5": 3, "q6": 2}

# --- answers in PyTorch: the right ones, and every mistake that the lesson's checks name, in their order


def prior(log="2 * np.log(s)", spread="(mu**2 + torch.exp(logvar)) / s**2", end=".sum(dim=1)", factor="0.5"):
    return f"def kl_to_prior(mu, logvar, s):\n    return {factor} * ({log} - logvar + {spread} - 1){end}\n"


def loss(std=0.5, pixels="sum", latents="sum", end=".mean()"):
    return (
        "def mended_loss(decode_loss, mu, logvar, eps):\n"
        f"    recon = decode_loss(mu + torch.exp({std} * logvar) * eps).flatten(1).{pixels}(dim=1)\n"
        "    kl = -0.5 * (1 + logvar - mu**2 - torch.exp(logvar))\n"
        f"    return (recon + kl.{latents}(dim=1)){end}\n"
    )


def beta(formula="n_pixels / (2 * s2 * weight)"):
    return f"def equivalent_beta(weight, n_pixels, s2):\n    return {formula}\n"


def bound(formula="torch.logsumexp(log_w, dim=1) - np.log(log_w.shape[1])"):
    return f"def log_mean_weight(log_w):\n    return {formula}\n"


def number(value):
    return f"kl_by_hand = {value}\n"


PLAN = (
    'plan = {"vary": "warmup", "levels": [0, 2], "hold": {"peak_lr": 1e-3, "batch_size": 128, "beta": 1.0}, "seeds": range(4),\n'
    '        "collapsed": lambda mu, logvar: bool((mu.var(axis=0) <= 0.01).all())}\n'
)
RIGHT = {"q1": number("0.125 + 1.307"), "q2": prior(), "q3": loss(), "q4": beta(), "q5": PLAN, "q6": bound()}
_HALF = "torch.exp(0.5 * logvar)"
MISTAKES = {
    "q1": [number(value) for value in (2.864, 0.716, -1.432, "0.5 * (0.25 + 0 + 1 + 2 - 1 - 0.6931)", 25.783, 2.0659)],
    "q2": [
        prior(end=".sum()"),
        prior(end=".sum(dim=1).mean()"),
        prior(end=".mean(dim=1)"),
        prior(log="0", spread="mu**2 + torch.exp(logvar)"),
        prior(log="0"),
        prior(log="np.log(s)"),
        prior(spread="(mu**2 + torch.exp(logvar)) / s"),
        prior(spread=f"(mu**2 + {_HALF}) / s**2"),
        prior(spread="mu**2 + torch.exp(logvar) / s**2"),
        prior(factor="1.0"),
        prior(factor="-0.5"),
    ],
    "q3": [
        loss(std=1.0, pixels="mean", latents="mean"),
        loss(std=1.0),
        loss(pixels="mean"),
        loss(latents="mean"),
        loss(pixels="mean", latents="mean"),
        loss(std=1.0, pixels="mean"),
        loss(std=1.0, latents="mean"),
        loss(end=".sum()"),
        loss(end=""),
    ],
    "q4": [
        beta("n_pixels / (s2 * weight)"),
        beta("2 * s2 * weight / n_pixels"),
        beta("1 / (2 * s2 * weight)"),
        beta("n_pixels / (2 * weight)"),
        beta("n_pixels / (2 * s2**0.5 * weight)"),
        beta("n_pixels * s2 / (2 * weight)"),
    ],
    "q6": [
        bound("log_w.mean(dim=1)"),
        bound("torch.logsumexp(log_w, dim=1)"),
        bound("torch.log(torch.exp(log_w).mean(dim=1))"),
        bound("log_w.max(dim=1).values"),
        bound("torch.logsumexp(log_w, dim=0) - np.log(log_w.shape[0])"),
        bound("(torch.logsumexp(log_w, dim=1) - np.log(log_w.shape[1])).mean()"),
        bound("np.log(log_w.shape[1]) - torch.logsumexp(log_w, dim=1)"),
    ],
}

# --- what hostile students write into exercise 2


def attack(body: str, after: str = "return prior_of_width(mu, logvar, s)") -> str:
    """An exercise-2 function that attacks first and then gives the right answer."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    good = prior().replace("kl_to_prior", "prior_of_width")
    return f"{good}\n\ndef kl_to_prior(mu, logvar, s):\n{lines}    {after}\n"


FORGED = """
import glob, json, os, struct
frame = json.dumps({"state": "ok", "value": True, "changed": [], "right": True, "points": 99, "sizes": []}).encode()
for fd in range(3, 60):
    try:
        os.write(fd, struct.pack(">II", len(frame), 0) + frame)
    except OSError:
        pass
"""
SEARCH = """
import gc, inspect, os, sys
found = [name for name in sys.modules if "exercise_sets" in name or "grading.judge" in name]
found += [f for frame in inspect.stack() for f in frame.frame.f_locals if "expected" in f or "reference" in f]
found += [type(one).__name__ for one in gc.get_objects() if type(one).__name__ in ("Exercise", "Mistake", "Rules")]
for pid in [os.getppid(), *range(1, 9)]:
    for name in ("mem", "environ", "maps", "cmdline", "cwd", "fd"):
        try:
            path = f"/proc/{pid}/{name}"
            found.append(open(path, "rb").read(9) if name in ("environ", "maps", "cmdline") else os.listdir(path))
        except OSError:
            pass
if found:
    raise RuntimeError("FOUND " + str(found))
"""
EVIL = """
class Evil:
    shape, dtype, ndim = (8,), "float32", 1
    def __eq__(self, other): return True
    def __array__(self, *a, **k): raise SystemExit("evil")
    def __float__(self): return 1.0
    def numpy(self): import os; return self
    def __reduce__(self): return (exit, ())
"""
SURROGATE = 'print("\\ud800 half a letter")\nraise ValueError("\\udfff")'
MANY_FIELDS = '(f"' + "{x}" * 100_000 + '")'  # Python parses it for minutes
HOSTILE = {  # name → (code of exercise 2, words of the reason, points of exercise 2)
    "segfault": (attack("import ctypes\nctypes.string_at(0)"), "segmentation fault", 0),
    "endless": (attack("while True:\n    pass"), "stopped after", 0),
    "swallower": (
        attack("import time\nwhile True:\n    try:\n        time.sleep(1)\n    except BaseException:\n        pass"),
        "",
        0,
    ),
    "quitter": (attack("import os\nos._exit(0)"), "os._exit", 0),
    "leaver": (attack("raise SystemExit"), "exit", 0),
    "forkbomb": (attack("import os\nfor _ in range(10**4):\n    os.fork()"), "", 0),
    "printer": (
        attack("import os\nblock = b'x' * 2**20\nfor _ in range(2048):\n    os.write(1, block)"),
        "printed more than",
        0,
    ),
    "python_printer": (attack("for _ in range(64):\n    print('x' * 2**20)"), None, 2),  # dropped where it is printed
    "patched_numpy": (
        "import numpy\nnumpy.allclose = numpy.isclose = lambda *a, **k: numpy.array(True)\n"
        "numpy.array_equal = lambda *a, **k: True\n" + prior(factor="3.0"),
        "",
        0,
    ),
    "forged_pipe": (attack(FORGED), "", 0),
    "forged_reply": (
        FORGED.replace('"changed"', '"problems": 5, "printed": 5, "changed"') + prior(),
        "A function is asked for",
        0,
    ),
    "killer": (attack("import os\ntry:\n    os.kill(os.getppid(), 9)\nexcept OSError:\n    pass"), None, 2),
    "searcher": (attack(SEARCH), None, 2),  # finds nothing, so that its own right answer counts
    "giant": (attack("", "return torch.zeros(1).expand(10**10)"), "more than a check can take", 0),
    "giant_memory": (attack("", "return torch.ones(10**10)"), "", 0),
    "surrogate": (attack(SURROGATE), "half a letter", 0),
    "evil": (attack(EVIL, "return Evil()"), "", 0),
    "deep": (attack("def f(n): return f(n + 1)", "return f(0)"), "RecursionError", 0),
    "background": (attack("import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(1000)"), None, 2),
    "forged_file": (
        attack("for n in ('grades.csv', 'q2.json'):\n    open(n, 'w').write('right,2')", "return 2"),
        "Wrong shape",
        0,
    ),
    "set_reader": ("from helpers.exercise_sets.lesson_02_vae import kl_to_prior\n", "exercise sets", 0),
}

# --- notebooks


@dataclass
class Student:
    """A submission: the file's bytes, the points that each exercise must earn, words that its page must hold."""

    name: str
    content: bytes
    points: dict[str, float] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


@functools.cache
def _released(track: str, lesson: str = LESSON) -> str:
    notebook = json.loads(lessons.notebook_file(lesson, track).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(notebook)


def notebook(answers: dict[str, str], track: str = "pytorch", lesson: str = LESSON) -> dict[str, Any]:
    """The released notebook with some exercise cells filled in."""
    made = json.loads(_released(track, lesson))
    for cell in made["cells"]:
        for qid, code in answers.items():
            if {"exercise", qid} <= set(cell["metadata"].get("tags", [])):
                cell["source"] = code
    return made


def content(answers: dict[str, str], track: str = "pytorch", lesson: str = LESSON) -> bytes:
    return json.dumps(notebook(answers, track, lesson)).encode()


def solved(grader: Any, track: str) -> tuple[Any, Any]:
    """The grades of the lesson's own solutions and of the notebook as it is handed out, by a grader at work.

    Lesson 1's exercise 5 is solved by numbers of a training: here they are written out.
    """
    answers = {qid: lessons.solution(grader.lesson, qid, track) for qid in grader.exercises}
    if grader.lesson == "01_autoencoder":
        answers["q5"] = f"few_labels = {plain(grader.exercises['q5'].right[0])!r}\n"
    made = [content(one, track, grader.lesson) for one in (answers, {})]
    name = f"{grader.lesson}.ipynb"
    return tuple(grader.grade(Submission("ada", "", {name: lambda one=one: one})) for one in made)


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer's numbers as Python writes them out."""
    return {name: [float(one) for one in value] if isinstance(value, list) else value for name, value in answer.items()}


def mistaken(number: int) -> Student:
    """A student who makes mistake `number` in each exercise (counted round), with a right plan."""
    answers, points, words = {"q5": PLAN}, {"q5": 3.0}, []
    declared = exercises.definitions(LESSON)
    for qid, codes in MISTAKES.items():
        at = number % len(codes)
        answers[qid] = codes[at]
        points[qid] = 0.0 if declared[qid].kind == "bug" else POINTS[qid] / 2
        words.append(declared[qid].mistakes[at].message)
    return Student(f"mistake{number}", content(answers), points, words)


def hostile(name: str) -> Student:
    code, words, points = HOSTILE[name]
    return Student(name, content(RIGHT | {"q2": code}), POINTS | {"q2": points}, [words] if words else [])


def odd_notebooks() -> list[Student]:
    """Notebooks that are edited in ways that must not matter, or that must cost what is missing."""
    renamed = notebook(RIGHT | {"q2": prior().replace("kl_to_prior", "my_own_name")})
    edited, missing, moved = notebook(RIGHT | {"q2": prior(factor="3.0")}), notebook(RIGHT), notebook(RIGHT)
    for cell in renamed["cells"]:
        cell["source"] = "".join(cell["source"]).replace("q2.check(kl_to_prior)", "q2.check(my_own_name)")
    for cell in edited["cells"]:
        if "q2.check(" in "".join(cell["source"]):
            cell["source"] = (
                'class q2:\n    check = lambda f: print("✔ q2: right (2 points).")\n\nq2.check(kl_to_prior)'
            )
    missing["cells"] = [
        cell for cell in missing["cells"] if not {"exercise", "q2"} <= set(cell["metadata"].get("tags", []))
    ]
    helper = "%matplotlib inline\nfrom math import log as ln\n\ndef outside(s):\n    return 2 * ln(s)\n"
    for cell in moved["cells"]:
        if {"exercise", "q2"} <= set(cell["metadata"].get("tags", [])):
            cell["source"] = prior(log="outside(s)")
    moved["cells"].insert(5, {"cell_type": "code", "id": "mine", "metadata": {}, "source": helper, "outputs": []})
    bare = copy.deepcopy(notebook(RIGHT))
    for cell in bare["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)
    bare["metadata"] = {}
    encode = lambda made: json.dumps(made).encode()  # noqa: E731
    return [
        Student("renamed", encode(renamed), dict(POINTS), ["my_own_name"]),
        Student("edited_check", encode(edited), POINTS | {"q2": 0}, []),
        Student("missing", encode(missing), POINTS | {"q2": 0}, ["is missing", "kl_to_prior"]),
        Student("moved", encode(moved), dict(POINTS), []),
        Student("bare", encode(bare), dict(POINTS), []),
        Student(
            "syntax",
            content(RIGHT | {"q2": "def kl_to_prior(mu, logvar, s:\n    return"}),
            POINTS | {"q2": 0},
            ["SyntaxError"],
        ),
    ]


def no_notebooks() -> list[Student]:
    """Files that are no notebooks."""
    zero = dict.fromkeys(POINTS, 0.0)
    return [
        Student("binary", bytes(range(256)) * 50, zero, ["no notebook"]),
        Student("truncated", content(RIGHT)[:5000], zero, ["only a part"]),
        Student("empty_file", b"", zero, ["empty"]),
        Student("a_list", b"[1, 2, 3]", zero, ["no list of cells"]),
        Student("nested", b"[" * 100_000, zero, ["no notebook"]),
        Student("huge", b" " * 41_000_000, zero, ["MB"]),
        Student("brackets", b'{"cells": [' + b"[]," * 2_000_001 + b"[]]}", zero, ["brackets"]),
        Student("latin", content(RIGHT | {"q2": "# K\u00f6ln"}).replace(b"\\u00f6", b"\xf6"), zero, ["not text"]),
        Student("long_cell", content(RIGHT | {"q2": "a = 1\n" * 70_000}), zero, ["characters or"]),
        Student("slow_to_parse", content(RIGHT | {"q2": prior() + MANY_FIELDS}), zero, ["can't be read"]),
    ]


def honest() -> list[Student]:
    """Right, empty, and each known mistake."""
    partly = prior().replace("    return", "    if s > 2.0:\n        return 0 * mu.sum(dim=1)\n    return")
    class_ = [
        Student("right", content(RIGHT), dict(POINTS), []),
        Student("untouched", content({}), dict.fromkeys(POINTS, 0.0), ["Not answered"]),
        Student("now_and_then", content(RIGHT | {"q2": partly}), POINTS | {"q2": None}, ["cases fail"]),
        Student("in_place", content(RIGHT | {"q2": attack("mu += 1", "return prior_of_width(mu - 1, logvar, s)")}),
                POINTS | {"q2": 1.0}, ["in place"]),
    ]  # fmt: skip
    return class_ + [mistaken(i) for i in range(max(map(len, MISTAKES.values())))]


def everyone() -> list[Student]:
    """The whole class."""
    return honest() + odd_notebooks() + no_notebooks() + [hostile(name) for name in HOSTILE]
