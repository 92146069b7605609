"""The checks of a students' release judge as the course's own do, and hold no answer."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from exercise_testing import as_answer

import release_exercises
import release_student
from conftest import ROOT
from helpers import exercises, seals, stored_exercises
from helpers.exercise_compare import Tolerance
from helpers.exercise_engine import evaluate, find_mistake
from helpers.exercise_tensors import ByTrack, NumpyFunction
from helpers.exercise_types import Exercise, Mistake
from release_exercises import Needs, ReleaseError


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A folder with the released package `helpers` and all exercises."""
    folder = tmp_path_factory.mktemp("release")
    sets = release_exercises.files(exercises.known_lessons())
    files = release_student.helper_files() | {f"helpers/exercise_sets/{name}": data for name, data in sets.items()}
    for path, data in files.items():
        if not path.endswith(".safetensors"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    return folder


@pytest.mark.parametrize(("track", "least"), [("numpy", 1200), ("pytorch", 150), ("tensorflow", 150)])
def test_the_release_judges_as_the_course_does(released, track, least):
    if track != "numpy":
        pytest.importorskip({"pytorch": "torch", "tensorflow": "tensorflow"}[track])
    command = [sys.executable, ROOT / "tests" / "release_answers.py", released, track]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["found"] == []
    assert result["lessons"] == exercises.known_lessons() and result["answers"] >= least


def test_the_comparison_can_fail(released, tmp_path):
    """One stored number and one message changed: both are told."""
    names = ("lesson_02_vae.json", "lesson_02_vae.npz", "lesson_02_vae.py", "vae_collapse.py", "__init__.py")
    for name in names:
        (tmp_path / name).write_bytes((released / "helpers" / "exercise_sets" / name).read_bytes())
    content = json.loads((tmp_path / names[0]).read_text(encoding="utf-8"))
    content[3]["reference"][0] *= 1.01
    content[1]["mistakes"][0]["message"] = "Something else."
    (tmp_path / names[0]).write_text(json.dumps(content), encoding="utf-8")
    course = exercises.definitions("02_vae")
    given = {one.id: one for one in stored_exercises.load("02_vae", tmp_path)}
    assert evaluate(course["q4"], course["q4"].reference, "numpy").right
    assert not evaluate(given["q4"], course["q4"].reference, "numpy").right
    mistake = course["q2"].mistakes[0]
    assert evaluate(given["q2"], mistake.answer, "numpy").messages == ("Something else.",)


def test_cases_of_a_variant_are_others_and_mistakes_keep_their_messages(tmp_path):
    for name, data in release_exercises.files(["02_vae", "04_gan"], variant=7).items():
        (tmp_path / name).write_bytes(data)
    assert (
        release_exercises.files(["02_vae"], 7)["lesson_02_vae.npz"]
        != release_exercises.files(["02_vae"], 8)["lesson_02_vae.npz"]
    )
    for lesson in ("02_vae", "04_gan"):
        course = exercises.definitions(lesson)
        for given in stored_exercises.load(lesson, tmp_path):
            one = course[given.id]
            if not one.is_function:
                continue
            first, other = one.draw_cases()[0], given.draw_cases()[0]
            assert any(
                not np.array_equal(first[name], other[name])
                for name in first
                if isinstance(first[name], np.ndarray | float)
            )
            assert evaluate(given, one.reference, "numpy").right
            for mistake in one.mistakes:
                assert evaluate(given, mistake.answer, "numpy").messages == (mistake.message,)


def test_a_variant_in_which_mistakes_look_alike_is_drawn_again():
    def inputs(rng):  # every other draw is a special case
        return {"x": float(rng.integers(0, 2)) * np.ones(2)}

    one = Exercise(
        id="q1",
        title="t",
        kind="derive",
        hints=["a", "b"],
        inputs=inputs,
        reference=lambda x: 2 * x,
        cases=1,
        mistakes=[Mistake(lambda x: x, "Half.")],
    )
    for variant in range(6):
        (case,) = release_exercises.public_cases(one, variant)
        assert case["x"].all()
    zero = Exercise(
        id="q1",
        title="t",
        kind="derive",
        hints=["a", "b"],
        inputs=lambda rng: {"x": np.zeros(2)},
        cases=1,
        reference=lambda x: 2 * x,
        mistakes=[Mistake(lambda x: x, "Half.")],
    )
    with pytest.raises(ReleaseError, match="variant 5 the mistakes can't be told apart"):
        release_exercises.public_cases(zero, 5)


def _reference(x):
    return 2 * x


def _verify(answer, tools):
    if answer != tools.private("twice", 3):
        yield "No."


def test_values_come_back_as_they_were():
    arrays, needs = release_exercises.Arrays(), Needs()
    value = {
        "a": np.float32([1, 2]),
        3: (1, [True, "x", None]),
        "nan": math.nan,
        "zero": np.array(0.5),
        "f": NumpyFunction(np.square),
    }
    value["t"] = ByTrack(numpy=_reference)
    kept = json.loads(json.dumps(release_exercises.encoded(value, arrays, Needs(), "x")))
    back = stored_exercises.decoded(kept, arrays.named)
    assert back["a"].dtype == np.float32 and back[3] == (1, [True, "x", None]) and math.isnan(back["nan"])
    assert back["zero"].shape == () and back["f"](3) == 9 and back["t"].build.__self__.numpy is _reference
    with pytest.raises(ReleaseError, match="a function of a module"):
        release_exercises.encoded(lambda x: x, arrays, needs, "the model")
    with pytest.raises(ReleaseError, match="a set can't be stored"):
        release_exercises.encoded({1}, arrays, needs, "the model")


def test_private_functions_are_replayed():
    one = Exercise(
        id="q1", title="t", kind="open", hints=["a", "b"], verify=_verify, private={"twice": _reference}, right=[6]
    )
    content = release_exercises.stored(one, release_exercises.Arrays(), Needs())
    assert content["private"] == {"twice": [6]}
    content["verify"] = f"{__name__}:_verify"
    sys.modules.setdefault(__name__, sys.modules[__name__])
    given = stored_exercises._exercise(json.loads(json.dumps(content)), {})
    for _ in range(2):  # from the first on at every check
        assert evaluate(given, 6, "numpy").right and not evaluate(given, 7, "numpy").right
    never = Exercise(
        id="q1",
        title="t",
        kind="open",
        hints=["a", "b"],
        verify=lambda a, t: None,
        private={"twice": _reference},
        right=[6],
    )
    with pytest.raises(ReleaseError, match="reach every private function"):
        release_exercises._recorded(never)


def test_a_check_that_names_an_answer_is_refused():
    sets = release_exercises.SETS
    with pytest.raises(ReleaseError, match="adain_by_hand, which is an answer: reach it by tools.private"):
        release_exercises.closure(f"{sets}.style_pictures", {"_of_one_size", "adain_by_hand"}, {"adain_by_hand"})
    kept = release_exercises.closure(f"{sets}.vae_collapse", {"verify_plan"})
    assert {"_plan_faults", "_rule_faults", "_RUN", "np", "Iterator"} <= kept and not {
        "_plan",
        "_inactive",
        "Q5",
    } & kept
    assert "def verify_plan" in (code := release_exercises.cut(f"{sets}.vae_collapse", kept)) and "Wrong" not in code


def test_messages_that_look_at_the_case_are_kept():
    one = Exercise(
        id="q1",
        title="t",
        kind="derive",
        hints=["a", "b"],
        inputs=lambda rng: {"x": rng.normal(size=2)},
        reference=lambda x: 2 * x,
        mistakes=[Mistake(lambda x: x, _says)],
    )
    arrays = release_exercises.Arrays()
    content = release_exercises.stored(one, arrays, Needs())
    given = stored_exercises._exercise(content, arrays.named)
    assert evaluate(given, lambda x: x, "numpy").messages == evaluate(one, lambda x: x, "numpy").messages
    assert evaluate(given, lambda x: x, "numpy").text.startswith("Half of ")


def _says(case):
    return f"Half of {case.expected[0]:.3f}."


# --- seals


@pytest.mark.parametrize(
    "value", [1.4316, -2.5e-3, 0.0, 11584, True, "mode collapse", (1.0, "a"), {"js": 0.3466, "v": -0.693}]
)
def test_a_seal_opens_to_its_value_alone(value):
    sealed = json.loads(json.dumps(seals.seal_value(value, Tolerance(1e-4, 2e-3))))
    assert seals.opens(sealed, value)
    for other in (1.5, -1.4316, 0, False, "modes", (1.0, "b"), {"js": 0.34}, {"js": 0.3466, "v": 0.7}, None, [1.0]):
        assert not seals.opens(sealed, other) or other == value


def test_a_seal_is_as_wide_as_the_tolerance():
    sealed = seals.seal_value(11584, Tolerance(0, 0.5))
    assert [seals.opens(sealed, 11584 + step) for step in (-0.6, -0.4, 0.4, 0.6)] == [False, True, True, False]
    sealed = seals.seal_value(1.43157, Tolerance(1e-4, 2e-3))
    reach = 2e-3 + 1e-4 * 1.43157
    assert [
        seals.opens(sealed, 1.43157 + step) for step in (-1.05 * reach, -0.99 * reach, 0.99 * reach, 1.05 * reach)
    ] == [False, True, True, False]
    exact = seals.seal_value(0.25, Tolerance(0, 0))
    assert seals.opens(exact, 0.25) and not seals.opens(exact, 0.25000001)


def test_a_seal_does_not_tell_its_number():
    """Numbers a thousand cells apart share grid and width; only the hash differs."""
    tolerance = Tolerance(1e-4, 2e-3)
    one, other = (seals.seal_value(value, tolerance)["numbers"][0] for value in (1.05, 1.05 + 200 * 2 * (2e-3 + 2e-4)))
    assert math.isclose(one["offset"], other["offset"], abs_tol=1e-9) and one["width"] == other["width"]
    assert one["seal"] != other["seal"]
    (text,) = [
        data.decode()
        for name, data in release_exercises.files(["08_style_transfer"]).items()
        if name.endswith("fer.json")
    ]
    numbers = exercises.definitions("08_style_transfer")["q7"].reference
    assert str(numbers) not in text and f"{numbers:,}" not in text


def test_a_wrong_value_is_named_by_its_part_and_form():
    one = exercises.definitions("04_gan")["q1"]
    arrays = release_exercises.Arrays()
    given = stored_exercises._exercise(release_exercises.stored(one, arrays, Needs()), arrays.named)
    right = one.reference
    assert (
        evaluate(given, right, "numpy").right
        and evaluate(given, {k: v + 0.001 for k, v in right.items()}, "numpy").right
    )
    assert evaluate(given, right | {"js": 0.3}, "numpy").text == "`js`: 0.3 is not right."
    bad = ({"value": 1.0}, 3.0, right | {"value": "a"}, right | {"value": [1, 2]}, {"value": math.nan, "js": math.inf})
    for answer in bad:
        assert evaluate(given, answer, "numpy").messages == evaluate(one, answer, "numpy").messages


def test_expected_values_of_a_mistake_that_fails_are_left_out():
    one = Exercise(
        id="q1",
        title="t",
        kind="derive",
        hints=["a", "b"],
        inputs=lambda rng: {"x": rng.normal(size=2)},
        reference=_reference,
        mistakes=[Mistake(lambda x: x.nothing, "Never."), Mistake(lambda x: x, "Half.")],
    )
    arrays = release_exercises.Arrays()
    given = stored_exercises._exercise(release_exercises.stored(one, arrays, Needs()), arrays.named)
    cases = given.draw_cases()
    got = [np.array(case["x"]) for case in cases]
    expected = [given.expected(given.reference, case) for case in cases]
    assert find_mistake(given, cases, got, expected).message == "Half."
    assert evaluate(given, as_answer(one, _reference, "numpy"), "numpy").right and given.function_name == "_reference"
