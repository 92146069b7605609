"""A quiz with every kind of question and characters that need care."""

import copy

SINGLE = {
    "id": "02-before-1", "objective": "elbo", "points": 1, "type": "single",
    "question": "Is log p(x|z) < 0 & `a[0](b)` *bold* {x}?",
    "answers": [
        {"text": "-1 or a < b", "feedback": "No: μ² & σ²."},
        {"text": "2. second", "correct": True, "feedback": "Yes, <b>it</b> is `f(x)`."},
        {"text": "[link](x) $".replace(" $", ""), "feedback": "No; neither this."},
    ],
}  # fmt: skip
MULTIPLE = {
    "id": "02-before-2", "objective": "elbo", "points": 2, "type": "multiple",
    "question": "Which hold?", "code": "std = exp(0.5 * logvar)\nif a < b: pass\n",
    "answers": [
        {"text": "one", "correct": True, "feedback": "Right one."},
        {"text": "two", "correct": True, "feedback": "Right two."},
        {"text": "three", "correct": False, "feedback": "Wrong three."},
    ],
}  # fmt: skip
NUMERIC = {
    "id": "02-after-1", "objective": "elbo", "points": 1, "type": "numeric", "unit": "nats",
    "question": "How large is it?",
    "answer": {"value": 0.5, "tolerance": 0.01, "feedback": "Half a square."},
    "wrong": [{"value": 1, "tolerance": 0.01, "feedback": "The factor ½ is missing."}],
    "otherwise": "Put the numbers into Eq. 4.",
}  # fmt: skip


def example():
    """A fresh copy of the quiz."""
    parts = {"before": [SINGLE, MULTIPLE], "after": [NUMERIC]}
    return copy.deepcopy({"lesson": "02_vae", "title": "The VAE / an introduction", **parts})
