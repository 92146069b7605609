"""The exercises' engine against every kind of bad answer: each is refused with a message that says what is wrong."""

import numpy as np
import pytest
from exercise_examples import MISTAKES, accepted, kl, make, make_free, make_value, refused
from exercise_testing import as_answer

from helpers.exercise_engine import evaluate
from helpers.exercise_types import UNANSWERED
from helpers.exercises import Mistake, NumpyFunction, Tools

# --- not answered ---------------------------------------------------------------------------------------------------


def stub(mu, logvar): ...


class StubClass: ...


class DocumentedStub:
    """Decodes."""


@pytest.mark.parametrize("answer", [None, ..., stub, lambda mu, logvar: ..., StubClass, DocumentedStub, " … "])
def test_stubs_are_not_answered(answer):
    assert evaluate(make(), answer, "numpy").state == UNANSWERED


@pytest.mark.parametrize("answer", [{"a": 1, "b": None}, {"a": 1, "b": ...}, [1, ...], (None,), "", "..."])
def test_open_parts_are_not_answered(answer):
    assert evaluate(make_value({"a": 1, "b": 2}), answer, "numpy").state == UNANSWERED


def test_the_open_parts_of_a_dict_are_named():
    assert "b" in evaluate(make_value({"a": 1, "b": 2}), {"a": 1, "b": None}, "numpy").text


def test_none_in_some_cases_is_not_accepted():
    result = evaluate(make(), lambda mu, logvar: kl(mu, logvar) if mu[0, 0] > 0 else None, "numpy")
    assert result.state == UNANSWERED and "sometimes" in result.text


# --- right and wrong functions in each track ------------------------------------------------------------------------


@pytest.mark.parametrize("track", ["numpy", "pytorch"])
def test_the_reference_is_accepted_and_each_mistake_named(track):
    exercise = make()
    accepted(as_answer(exercise, kl, track), exercise, track)
    words = ["summed over the batch", "one half is missing", "turned round", "6 values with the wrong width"]
    for mistake, text in zip(MISTAKES, words, strict=True):
        refused(as_answer(exercise, mistake.answer, track), text, exercise, track)


def test_pytorch_tensors_with_gradient_other_dtypes_and_numpy():
    torch = pytest.importorskip("torch")

    def answer(mu, logvar):
        assert isinstance(mu, torch.Tensor) and mu.dtype == torch.float32
        return -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(dim=1)

    accepted(answer, track="pytorch")
    accepted(lambda mu, logvar: answer(mu.requires_grad_(), logvar), track="pytorch")
    accepted(lambda mu, logvar: answer(mu, logvar).double(), track="pytorch")
    accepted(lambda mu, logvar: answer(mu, logvar).bfloat16(), make(rtol=0.05, atol=0.05), "pytorch")
    note = accepted(lambda mu, logvar: answer(mu, logvar).numpy(), track="pytorch").notes
    assert "no gradient flows" in note[0]
    refused(lambda mu, logvar: answer(mu, logvar).mean(), "wrong shape", track="pytorch")
    refused(lambda mu, logvar: mu.mul_(0) + logvar, "wrong shape", track="pytorch")
    refused(lambda mu, logvar: answer(mu.foo, logvar), "AttributeError", track="pytorch")

    def in_place(mu, logvar):
        result = answer(mu, logvar)
        mu.zero_()
        return result

    refused(in_place, "changes its argument `mu`", track="pytorch")


def test_tensorflow_tensors():
    tf = pytest.importorskip("tensorflow")
    exercise = make()

    def answer(mu, logvar):
        assert tf.is_tensor(mu) and mu.dtype == tf.float32
        return -0.5 * tf.reduce_sum(1 + logvar - mu**2 - tf.exp(logvar), axis=1)

    accepted(answer, track="tensorflow")
    accepted(tf.function(answer), track="tensorflow")
    accepted(lambda mu, logvar: tf.Variable(answer(mu, logvar)), track="tensorflow")
    refused(lambda mu, logvar: tf.keras.Input((3,)), "symbolic", track="tensorflow")
    refused(lambda mu, logvar: mu.nothing, "AttributeError", track="tensorflow")
    for mistake in MISTAKES:
        if isinstance(mistake.message, str):
            refused(as_answer(exercise, mistake.answer, "tensorflow"), mistake.message, exercise, "tensorflow")
    images = make(inputs=_pictures, reference=_invert, mistakes=(), images=("x",), image_output=True)
    accepted(lambda x: 1 - x, images, "tensorflow")


def _pictures(rng):
    return {"x": rng.random((2, 4, 5, 3))}


def _invert(x):
    return 1 - x


def test_images_reach_pytorch_with_channels_first():
    pytest.importorskip("torch")
    exercise = make(inputs=_pictures, reference=_invert, mistakes=(), images=("x",), image_output=True)
    shapes = []
    accepted(lambda x: (shapes.append(tuple(x.shape)), 1 - x)[1], exercise, "pytorch")
    assert shapes[0] == (2, 3, 4, 5)
    refused(lambda x: (1 - x).permute(0, 2, 3, 1), "wrong shape", exercise, "pytorch")


def test_numpy_exercises_and_functions_as_arguments():
    pytest.importorskip("torch")
    plain = make(arrays="numpy")
    accepted(kl, plain, "pytorch")

    def inputs(rng):
        return {"decode": NumpyFunction(np.tanh), "z": rng.normal(size=(4, 2))}

    def reference(decode, z):
        return decode(2 * z)

    exercise = make(inputs=inputs, reference=reference, mistakes=[Mistake(lambda f, z: f(z), "without the factor")])
    for track in ("numpy", "pytorch"):
        accepted(lambda decode, z: decode(2 * z), exercise, track)
        refused(lambda decode, z: decode(z), "without the factor", exercise, track)
        refused(as_answer(exercise, lambda f, z: f(z), track), "without the factor", exercise, track)


# --- how a wrong result is described --------------------------------------------------------------------------------

PLAIN = make(mistakes=())
BAD_RESULTS = {
    "one single number": lambda mu, logvar: kl(mu, logvar).sum(),
    "axes of length 1 differ": lambda mu, logvar: kl(mu, logvar)[:, None],
    "yours is (6, 3), (6,) is expected": lambda mu, logvar: mu,
    "0.25 times what it should be": lambda mu, logvar: 0.25 * kl(mu, logvar),
    "sign is wrong everywhere": lambda mu, logvar: -kl(mu, logvar),
    "off by the same amount, +1.5": lambda mu, logvar: kl(mu, logvar) + 1.5,
    "should differ": lambda mu, logvar: np.zeros(6),
    "6 of 6 values are NaN": lambda mu, logvar: kl(mu, logvar) * np.nan,
    "1 of 6 values are infinite": lambda mu, logvar: kl(mu, logvar) + np.array([np.inf, 0, 0, 0, 0, 0]),
    "1 of 6 values are wrong; the first, at index 4,": lambda mu, logvar: kl(mu, logvar) + np.eye(6)[4],
    "a text": lambda mu, logvar: "0.5",
    "2 results": lambda mu, logvar: (kl(mu, logvar), mu),
    "a dict": lambda mu, logvar: {"kl": kl(mu, logvar)},
    "a function, not numbers": lambda mu, logvar: kl,
    "a generator": lambda mu, logvar: (x for x in mu),
    "different lengths": lambda mu, logvar: [[1.0], [1.0, 2.0]],
    "Python objects": lambda mu, logvar: np.array([object()] * 6),
}


@pytest.mark.parametrize("words", BAD_RESULTS)
def test_a_wrong_result_is_described(words):
    refused(BAD_RESULTS[words], words, PLAIN)


def test_a_wrong_result_does_not_give_the_answer_away():
    case = PLAIN.draw_cases()[0]
    right = kl(**case)[4]
    text = refused(BAD_RESULTS["1 of 6 values are wrong; the first, at index 4,"], "too large", PLAIN).text
    assert f"{right:.3f}" not in text and f"{right + 1:.3f}" in text


def test_some_cases_right_and_some_wrong():
    refused(
        lambda mu, logvar: kl(mu, logvar) * (1 if mu[0, 0] > 0 else 3), "random cases fail", make(mistakes=(), cases=12)
    )


def test_a_transposed_result():
    exercise = make(inputs=lambda rng: {"x": rng.normal(size=(4, 4))}, reference=lambda x: x @ x @ x.T, mistakes=())
    refused(lambda x: (x @ x @ x.T).T, "transposed", exercise)


def test_dtypes_count_only_where_the_exercise_says_so():
    def double(mu, logvar):
        return kl(mu, logvar).astype(np.float64)

    accepted(double)
    refused(double, "yours is float64, float32 is expected", make(check_dtype=True, rtol=1e-3))


def test_several_results_are_named():
    exercise = make(reference=lambda mu, logvar: (mu * 2, logvar * 3), returns=("m", "v"), mistakes=())
    accepted(lambda mu, logvar: (mu * 2, logvar * 3), exercise)
    accepted(lambda mu, logvar: [mu * 2, logvar * 3], exercise)
    refused(lambda mu, logvar: (mu * 2, logvar), "`v`", exercise)
    refused(lambda mu, logvar: mu * 2, "2 results are expected: m, v", exercise)
    refused(lambda mu, logvar: (mu, logvar, mu), "2 are expected", exercise)


def test_results_in_a_dict():
    exercise = make(reference=lambda mu, logvar: {"a": mu.sum(), "b": mu.max()}, mistakes=())
    accepted(lambda mu, logvar: {"a": mu.sum(), "b": mu.max()}, exercise)
    refused(lambda mu, logvar: {"a": mu.sum()}, "a key is missing: 'b'", exercise)
    refused(lambda mu, logvar: mu.sum(), "'a', 'b'", exercise)


# --- values ---------------------------------------------------------------------------------------------------------


def test_numbers():
    exercise = make_value(0.818, [Mistake(1.636, "the half is missing")], atol=0.002)
    for answer in (0.818, 0.8185, np.float32(0.8175), np.array(0.818)):
        accepted(answer, exercise)
    refused(1.636, "the half is missing", exercise)
    refused(0.8, "0.8 is a little too small", exercise)
    refused(5, "far too large", exercise)
    refused(-0.818, "sign", exercise)
    refused(float("nan"), "NaN", exercise)
    refused("0.818", "a number is expected", exercise)
    refused([0.8], "wrong shape", exercise)
    refused(kl, "not numbers", exercise)
    refused(True, "a number is expected", make_value(1.5))


def test_texts_truths_and_containers():
    accepted("  Posterior   Collapse ", make_value("posterior collapse"))
    refused("mode collapse", "not the right answer", make_value("posterior collapse"))
    refused(3, "a text is expected", make_value("posterior collapse"))
    accepted(True, make_value(True))
    refused(False, "wrong", make_value(True))
    exercise = make_value({"kl": 0.5, "name": "vae"}, [Mistake({"kl": 1.0, "name": "vae"}, "half")])
    accepted({"kl": 0.5, "name": "VAE", "more": 1}, exercise)
    refused({"kl": 1.0, "name": "vae"}, "half", exercise)
    refused({"kl": 0.4, "name": "gan"}, "`name`", exercise)
    refused({"kl": 0.5}, "'name'", exercise)
    refused(0.5, "a dict with the keys", exercise)
    accepted([3, 4], make_value((3, 4)))
    accepted((3, 4), make_value([3, 4]))
    refused([3, 5], "wrong", make_value([3, 4]))


# --- free-form answers ----------------------------------------------------------------------------------------------


def _verify_class(answer, tools: Tools):
    made = answer(2)
    out = tools.call(made.double, np.ones((2, 3)))
    if not np.allclose(out, 2):
        yield "double(x) must be 2·x."
    if made.size != 2:
        yield "Keep the size."


def test_verify_lists_every_fault():
    class Good:
        def __init__(self, size):
            self.size = size

        def double(self, x):
            return 2 * x

    class Bad(Good):
        def __init__(self, size):
            self.size = 0

        def double(self, x):
            return 3 * x

    class Broken(Good):
        def double(self, x):
            return x.no_such_thing

    class Half(Good):
        def double(self, x): ...

    exercise = make_free(_verify_class)
    accepted(Good, exercise)
    assert refused(Bad, "2·x", exercise).messages == ("double(x) must be 2·x.", "Keep the size.")
    assert "return x.no_such_thing" in refused(Broken, "AttributeError", exercise).text
    assert evaluate(exercise, Half, "numpy").state == UNANSWERED
    refused(3, "could not use your answer (an int)", exercise)


def test_verify_may_return_a_text_a_list_or_nothing():
    accepted(1, make_free(lambda answer, tools: None))
    accepted(1, make_free(lambda answer, tools: []))
    refused(1, "one fault", make_free(lambda answer, tools: "one fault"))
    refused(1, "b", make_free(lambda answer, tools: ["a", "b"]))


def test_verify_after_the_comparison():
    exercise = make(verify=lambda answer, tools: "too slow")
    refused(kl, "too slow", exercise)
    refused(lambda mu, logvar: 2 * kl(mu, logvar), "one half is missing", exercise)


def test_verify_that_never_ends_is_stopped():
    def verify(answer, tools):
        while True:
            answer()

    refused(lambda: 0, "stopped after", make_free(verify, time_limit=0.3))
