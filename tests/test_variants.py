"""Exercises with other numbers for each student: in the question, in its check, and for the grader."""

import zipfile

import nbformat
import pytest

pytest.importorskip("resource", reason="the grader needs Linux or macOS")
import build
import release
import release_files
import release_instructor
import release_numbers
import release_student
import release_variants
from helpers import exercises, grade, lessons, stored_exercises
from helpers.exercise_engine import evaluate
from helpers.exercises import DefinitionError, Exercise, Mistake, Variant
from helpers.grading.judge import Rules
from helpers.grading.submissions import Submission
from helpers.grading.variants import Classmate, ListError, find, in_variant, read_list, variant_of
from release_exercises import ReleaseError, files
from release_student import Choice

ASKED = [("02_vae", "q1"), ("04_gan", "q1"), ("08_style_transfer", "q7")]
PAIR = [Classmate("Ada Love", "", 7), Classmate("Bob", "17", 8)]


def declared(lesson, qid):
    return exercises.definitions(lesson)[qid]


def worked_by_hand(lesson, words):
    """The right answer from the numbers of a question, by other formulas than the declarations'."""
    import math
    import re
    from fractions import Fraction

    numbers = [Fraction(one) for one in re.findall(r"-?\d+(?:\.\d+|/\d+)?", " ".join(words.values()))]
    if lesson == "02_vae":
        first, second, _, sigma = map(float, numbers)
        return (first**2 + second**2 + sigma**2 - 1) / 2 - math.log(sigma)
    if lesson == "04_gan":
        shift = float(numbers[0])
        assert numbers[1] == 1 + numbers[0] and numbers[2] == numbers[0]
        return {"value": (1 - shift) * math.log(0.25), "js": shift * math.log(2)}
    return int(sum(width**2 + width for width in numbers) / 2)


# --- an exercise's numbers


def test_every_value_exercise_has_variants():
    values = [(lesson, qid) for lesson in exercises.known_lessons() for qid, one in exercises.definitions(lesson).items()
              if one.reference is not None and not one.is_function]  # fmt: skip
    assert values == ASKED == release_numbers.asked(exercises.known_lessons())


@pytest.mark.parametrize(("lesson", "qid"), ASKED)
def test_a_variant_asks_for_other_numbers_and_knows_its_mistakes(lesson, qid):
    base = declared(lesson, qid)
    for number in range(25):
        found = variant_of(base, number)
        one, right = found.exercise, worked_by_hand(lesson, found.words)
        assert evaluate(one, right, "numpy").right, (number, right, one.reference)
        assert not evaluate(base, right, "numpy").right and not evaluate(one, base.reference, "numpy").right
        for mistake in one.mistakes:
            assert evaluate(one, mistake.answer, "numpy").messages == (mistake.message,)
        assert (one.points, one.kind, one.tolerance) == (base.points, base.kind, base.tolerance)
        assert variant_of(base, number).words == found.words


def test_there_are_enough_variants_for_a_class():
    least = {"02_vae": 90, "04_gan": 35, "08_style_transfer": 95}
    for lesson, qid in ASKED:
        drawn = [in_variant(declared(lesson, qid), number).reference for number in range(100)]
        different = {round(one["js"] if isinstance(one, dict) else one, 2) for one in drawn}
        assert len(different) >= least[lesson], f"{lesson}: {len(different)} of 100"


def test_without_a_number_and_for_functions_nothing_changes():
    for one in exercises.definitions("02_vae").values():
        assert in_variant(one, None) is one and (one.id == "q1" or in_variant(one, 7) is one)


def test_draws_that_can_not_be_told_apart_are_drawn_again_or_refused():
    def exercise(right, **more):
        mistakes = [Mistake(1.0, "One."), Mistake(2.0, "Two.")]
        return Exercise(id="q1", title="t", kind="derive", hints=["a", "b"], reference=right, mistakes=mistakes, **more)

    base = exercise(3.0, variants=lambda rng: Variant({}, exercise(float(rng.integers(1, 6)))))
    assert {in_variant(base, number).reference for number in range(40)} == {
        4.0,
        5.0,
    }  # 1, 2: mistakes; 3: the course's own
    never = exercise(3.0, variants=lambda rng: Variant({}, exercise(2.0)))
    with pytest.raises(DefinitionError, match="variant 5 tells the mistakes apart"):
        variant_of(never, 5)
    with pytest.raises(DefinitionError, match="a function's variants are other cases"):
        Exercise(
            id="q1", title="t", kind="derive", hints=["a", "b"], inputs=lambda rng: {}, reference=max, variants=never
        )


# --- the students' copies


@pytest.mark.parametrize(("lesson", "qid"), ASKED)
def test_the_question_and_its_check_hold_the_same_numbers(lesson, qid, tmp_path):
    for name, data in files([lesson], variant=7).items():
        (tmp_path / name).write_bytes(data)
    (given,) = [one for one in stored_exercises.load(lesson, tmp_path) if one.id == qid]
    found = variant_of(declared(lesson, qid), 7)
    assert evaluate(given, worked_by_hand(lesson, found.words), "numpy").right
    assert not evaluate(given, declared(lesson, qid).reference, "numpy").right
    assert evaluate(given, found.exercise.mistakes[0].answer, "numpy").messages == (found.exercise.mistakes[0].message,)
    assert list(given.hints) == list(found.exercise.hints)
    for track in lessons.tracks(lesson):
        plain, own = build.make_notebook(lesson, track), build.make_notebook(lesson, track)
        release_numbers.with_numbers(own, lesson, 7)
        changed = [(a.source, b.source) for a, b in zip(plain.cells, own.cells, strict=True) if a.source != b.source]
        ((before, after),) = changed
        for word, other in found.words.items():
            assert word in before and word not in after and other in after
        release_numbers.with_numbers(plain, lesson, None)
        assert build.to_text(plain) == build.to_text(build.make_notebook(lesson, track))


def test_a_question_without_the_words_is_refused():
    notebook = build.make_notebook("02_vae", "pytorch")
    for cell in notebook.cells:
        cell.source = cell.source.replace("(0.5, -1)", "(0.5, -2)")
    with pytest.raises(ReleaseError, match=r"02_vae q1: '\(0.5, -1\)' must stand once"):
        release_numbers.with_numbers(notebook, "02_vae", 7)


def test_each_student_gets_a_zip_and_the_instructor_the_key(tmp_path):
    choice = Choice(("02_vae",), "pytorch")
    common = release_student.files(choice)
    release_files.publish({"student": common}, tmp_path / "out", release_variants.copies(choice, PAIR, common))
    assert sorted(path.name for path in (tmp_path / "out" / "students").iterdir()) == ["Ada_Love.zip", "Bob_17.zip"]
    texts = []
    for one in PAIR:
        with zipfile.ZipFile(tmp_path / "out" / "students" / f"{one.key}.zip") as archive:
            held = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
        assert set(held) == set(common)
        notebook = nbformat.reads(held["notebooks/pytorch/02_vae.ipynb"].decode(), as_version=4)
        text = "\n".join(cell.source for cell in notebook.cells)
        assert all(word in text for word in variant_of(declared("02_vae", "q1"), one.variant).words.values())
        assert f"variant {one.variant}" in held["START.md"].decode()
        texts.append(text)
    assert texts[0] != texts[1]
    rows = release_variants.key(choice, PAIR).decode().splitlines()
    right = [in_variant(declared("02_vae", "q1"), one.variant).reference for one in PAIR]
    assert rows == ["student,id,variant,02_vae q1", f"Ada Love,,7,{right[0]:.6g}", f"Bob,17,8,{right[1]:.6g}"]
    page = release_instructor.front_page(Choice(("02_vae",), "pytorch", variant=7), set())
    assert f"02_vae q1: {right[0]:.6g}" in page


def test_options_that_contradict_each_other_are_refused(tmp_path, capsys):
    listed = tmp_path / "class.csv"
    listed.write_text("student\nAda\n", encoding="utf-8")
    out = ["--out", str(tmp_path / "out")]
    assert release.main(["--variants", str(listed), "--variant", "3", *out]) == 1
    assert "leave out --no-exercises and --variant" in capsys.readouterr().err
    assert release.main(["--variants", str(listed), "--nbgrader", *out]) == 1
    assert "the course's own numbers" in capsys.readouterr().err
    assert listed.read_text(encoding="utf-8") == "student\nAda\n"
    assert release.main(["--variants", str(tmp_path / "none.csv"), *out]) == 1
    assert "none.csv" in capsys.readouterr().err


# --- a class's list


def test_a_list_is_completed_once_and_then_stays(tmp_path):
    file = tmp_path / "class.csv"
    file.write_text("﻿student,mail,variant\nAda Love,a@x,7\n\nBjørn Å,b@x,\n", encoding="utf-8")
    with pytest.raises(ListError, match="Bjørn Å has no variant yet"):
        read_list(file)
    first = read_list(file, draw=True)
    assert [one.student for one in first] == ["Ada Love", "Bjørn Å"] and first[0].variant == 7
    assert read_list(file) == read_list(file, draw=True) == first
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines == ["student,mail,variant", "Ada Love,a@x,7", f"Bjørn Å,b@x,{first[1].variant}"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name\nAda\n", "needs a column `student` in its first line; it has: name"),
        ("", "it has: nothing"),
        ("student,variant\n", "names no student"),
        ("student,variant\nAda,x\n", "line 2: a variant is a whole number below 2^31; this is 'x'"),
        ("student,variant\nAda,1\n,2\n", "line 3: the student's name is missing"),
        ("student,variant\nAda,1\nada,2\n", "can't be told from another student: add a column `id`"),
    ],
)
def test_a_list_that_can_not_be_used_says_why(tmp_path, text, words):
    (tmp_path / "class.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ListError) as error:
        read_list(tmp_path / "class.csv", draw=True)
    assert words in str(error.value)
    assert (tmp_path / "class.csv").read_text(encoding="utf-8") == text


def test_students_are_found_by_number_or_name():
    twins = [*PAIR, Classmate("Eve", "1", 1), Classmate("Eve", "2", 2)]
    assert find(twins, "ada_love") == find(twins, "Ada  LOVE", "99") == PAIR[0]
    assert find(twins, "another name", "17") == PAIR[1] and find(twins, "Bob") == PAIR[1]
    assert find(twins, "Bob", "18") is None and find(twins, "Eve") is None and find(twins, "Eve", "2").variant == 2
    assert find([], "Ada Love") is None


# --- the grader


def test_the_grader_asks_each_student_for_their_own_numbers(tmp_path):
    right = {one.student: in_variant(declared("02_vae", "q1"), one.variant).reference for one in PAIR}
    base = declared("02_vae", "q1").reference

    def handed_in(student, number):
        notebook = build.make_notebook("02_vae", "pytorch")
        for cell in notebook.cells:
            cell.source = cell.source.replace("kl_by_hand = None", f"kl_by_hand = {number}")
        data = build.to_text(notebook).encode()
        return Submission(student, notebooks={"02_vae.ipynb": lambda: data})

    with grade.Grader("02_vae", Rules(1), students=PAIR) as grader:
        own = grader.grade(handed_in("Ada Love", right["Ada Love"]))
        copied = grader.grade(handed_in("Bob", right["Ada Love"]))
        course = grader.grade(handed_in("Bob", base))
        stranger = grader.grade(handed_in("Eve", base))
    assert [one.verdicts["q1"].points for one in (own, copied, course, stranger)] == [1, 0, 0, 1]
    assert not own.remarks and "not on the class's list" in stranger.remarks[0]
    listed = tmp_path / "class.csv"
    listed.write_text("student\nAda Love\n", encoding="utf-8")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ada_love.ipynb").write_bytes(handed_in("", 1).notebooks["02_vae.ipynb"]())
    assert (
        grade.main(
            [str(tmp_path / "in"), "--lesson", "02_vae", "--out", str(tmp_path / "g"), "--variants", str(listed)]
        )
        == 2
    )
