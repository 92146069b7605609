"""Compare the checks of a student's release with the course's own: python tests/release_answers.py RELEASE TRACK

Both judge every right answer, every known mistake and wrong answer, and junk; what differs is printed as JSON. The course's
package `helpers` is imported first and put aside, so that the release's can be imported under the same name.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import exercise_testing as testing  # noqa: E402
import numpy as np  # noqa: E402

from helpers import exercises  # noqa: E402
from helpers.exercise_engine import evaluate  # noqa: E402
from helpers.exercise_tensors import ByTrack, NumpyFunction, to_track  # noqa: E402


def answers(one, track):
    """Answers of every kind to an exercise: (name, answer), built anew for each judge."""
    yield from (("nothing", None), ("dots", ...), ("a number", 0.123), ("a large number", 1e6), ("NaN", float("nan")))
    yield from (("a text", "?!"), ("a dict", {}), ("an object", object()), ("raises", testing._raises))
    yield from (
        ("wrong arguments", lambda: 1),
        ("returns None", lambda *_: None),
        ("returns NaN", lambda *_: float("nan")),
    )
    for number, answer in enumerate(one.right):
        if testing._exists(answer, track):
            yield f"right {number}", testing._built(answer, track)
    for number, wrong in enumerate(one.wrong):
        if testing._exists(wrong.answer, track):
            yield f"wrong {number}", testing._built(wrong.answer, track)
    for number, mistake in enumerate(one.mistakes):
        yield f"mistake {number}", testing.as_answer(one, mistake.answer, track)
    if one.is_function:
        yield "reference", testing.as_answer(one, one.reference, track)
        for name, change in CHANGES.items():
            changed = lambda *a, change=change: testing._changed(one.reference(*a), change)  # noqa: E731
            yield name, testing.as_answer(one, changed, track)
    elif one.reference is not None:
        yield "reference", one.reference


CHANGES = {
    "1 % off": lambda x: 1.01 * x.astype(float),
    "0.1 off": lambda x: x + 0.1,
    "negative": lambda x: -x.astype(float),
    "another axis": lambda x: x[None, ..., None],
    "NaN": lambda x: x.astype(float) * float("nan"),
}


def differences(course, release, judge, track):
    """What the release judges otherwise, and how many answers were tried."""
    found, count = [], 0
    for lesson, declared in course.items():
        given = release(lesson)
        for qid, one in declared.items():
            if track != "numpy" and (one.arrays == "numpy" or not _own_code(one)):
                continue  # the same in every track, or as PyTorch has it
            for field in ("title", "kind", "points", "minutes", "function_name", "is_function"):
                mine, theirs = getattr(one, field), getattr(given[qid], field)
                if field != "is_function" and mine != theirs:
                    found.append(f"{lesson} {qid}: {field} is {theirs!r}, not {mine!r}")
            if list(one.hints) != list(given[qid].hints):
                found.append(f"{lesson} {qid}: other hints")
            for name, answer in answers(one, track):
                count += 1
                wanted, got = evaluate(one, answer, track), judge(given[qid], answer, track)
                sealed = one.reference is not None and not one.is_function and name in {"a number", "a large number"}
                if wanted.state != got.state or (_texts(wanted) != _texts(got) and not sealed):
                    found.append(
                        f"{lesson} {qid}, {name}: {got.state} {_texts(got)}, not {wanted.state} {_texts(wanted)}"
                    )
    return found, count


def _own_code(one):
    """Whether code of the check meets the track: a check of its own, or a function among the arguments."""
    values = one.draw_cases()[0].values()
    return bool(one.verify) or any(isinstance(value, ByTrack | NumpyFunction) for value in values)


def _texts(result):
    """The messages without the line of code that raised, which is no student's in one of the two."""
    return [text.partition("\n    in line")[0] for text in result.messages]


def main(folder, track):
    """Compare in one track and print the outcome."""
    to_track(np.zeros(2), track)  # the first tensor takes seconds, which no check's time limit should hold
    course = {lesson: exercises.definitions(lesson) for lesson in exercises.known_lessons()}
    for name in [name for name in sys.modules if name.split(".")[0] == "helpers"]:
        del sys.modules[name]
    sys.path.remove(str(ROOT))
    sys.path.insert(0, str(folder))
    import helpers.exercise_engine as engine
    import helpers.exercises as theirs

    assert Path(theirs.__file__).is_relative_to(folder), theirs.__file__
    found, count = differences(
        {lesson: declared for lesson, declared in course.items() if lesson in theirs.known_lessons()},
        theirs.definitions, engine.evaluate, track,
    )  # fmt: skip
    print(json.dumps({"lessons": theirs.known_lessons(), "answers": count, "found": found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2])
