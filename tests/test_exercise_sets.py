"""The exercises of every lesson: right answers accepted, each declared mistake refused by name, in each track."""

import pytest
from exercise_testing import assert_accepted, assert_refused, check_definitions

from helpers.exercises import known_lessons


@pytest.mark.parametrize("lesson", known_lessons())
def test_declarations_hold_in_numpy(lesson):
    check_definitions(lesson, "numpy")


@pytest.mark.parametrize("lesson", known_lessons())
def test_declarations_hold_in_pytorch(lesson):
    pytest.importorskip("torch")
    check_definitions(lesson, "pytorch")


def test_declarations_hold_in_tensorflow():
    pytest.importorskip("tensorflow")
    for lesson in known_lessons():  # one test, so that one process imports TensorFlow
        check_definitions(lesson, "tensorflow")


def test_the_start_notebooks_exercise():
    import numpy as np

    assert_accepted("00_start_here", "q1", lambda images: images.astype("float32") / 255)
    assert_accepted("00_start_here", "q1", lambda images: np.float32(1 / 255) * images)
    assert_refused("00_start_here", "q1", lambda images: images / 255, ["float64", "astype"])
    assert_refused("00_start_here", "q1", lambda images: (images / 255).astype("uint8"), "float32")
    assert_refused("00_start_here", "q1", lambda images: images.astype("float32") / 256, ["256", "the largest is 255"])
