"""Answers whose code fails, never ends, prints without end or changes its arguments: reported, never raised."""

import signal
import sys
import threading
import time

import numpy as np
import pytest
from exercise_examples import accepted, kl, make, refused

from helpers.exercise_engine import evaluate
from helpers.exercise_types import RIGHT
from helpers.limits import PRINT_LIMIT, TimeUp, guarded, time_limit

# --- code that fails ------------------------------------------------------------------------------------------------


def _recursive(x):
    return _recursive(x) + 1


def _raises(mu, logvar):
    wrong = mu.shape[0]
    return wrong / (wrong - 6)


def test_an_error_shows_type_message_and_the_students_line():
    text = refused(_raises, "ZeroDivisionError: division by zero").text
    assert "in line" in text and "return wrong / (wrong - 6)" in text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda mu, logvar: sys.exit(1), "sys.exit()"),
        (lambda mu, logvar: exec("raise KeyboardInterrupt"), "interrupted"),
        (lambda mu, logvar: _recursive(mu), "RecursionError"),
        (lambda mu, logvar: np.zeros(3) + np.zeros(4), "ValueError"),
        (lambda: 0, "takes 0 (none)"),
        (lambda mu: 0, "takes 1 (mu)"),
        (lambda mu, logvar, beta: 0, "called with 2 (mu, logvar)"),
        (lambda *, mu, logvar: 0, "wrong number of arguments"),
        (0.5, "you gave a float"),
        (np.zeros(3), "you gave a NumPy array"),
        ("kl", "you gave a str"),
    ],
)
def test_answers_that_cannot_be_called(answer, words):
    refused(answer, words)


def test_optional_and_variable_arguments_are_fine():
    accepted(lambda *arguments: kl(*arguments))
    accepted(lambda m, v, beta=1: beta * kl(m, v))


def _forever(mu, logvar):
    while True:
        pass


def _swallowing(mu, logvar):
    while True:
        try:  # noqa: SIM105
            time.sleep(0.01)
        except:  # noqa: E722
            pass


def _sleeping(mu, logvar):
    time.sleep(60)


@pytest.mark.parametrize("answer", [_forever, _swallowing, _sleeping])
def test_code_that_never_returns_is_stopped(answer):
    start = time.perf_counter()
    refused(answer, "stopped after 0.3 s", make(time_limit=0.3))
    assert time.perf_counter() - start < 3


def test_code_that_never_returns_is_stopped_in_a_thread_too():
    results = []
    worker = threading.Thread(target=lambda: results.append(evaluate(make(time_limit=0.3), _forever, "numpy")))
    worker.start()
    worker.join(timeout=5)
    assert not worker.is_alive() and "stopped after" in results[0].text
    results.clear()
    worker = threading.Thread(target=lambda: results.append(evaluate(make(time_limit=0.3), kl, "numpy")))
    worker.start()
    worker.join(timeout=5)
    assert results[0].state == RIGHT


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no alarms on this system")
def test_earlier_alarms_and_handlers_come_back():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    mine = signal.getsignal(signal.SIGALRM)
    try:
        signal.setitimer(signal.ITIMER_REAL, 50)
        with pytest.raises(TimeUp), time_limit(0.05):
            while True:
                pass
        assert signal.getsignal(signal.SIGALRM) is mine
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 50
        accepted(kl)
        assert signal.getsignal(signal.SIGALRM) is mine and not rung
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_no_alarm_rings_later():
    assert guarded(lambda: 7, seconds=0.1).value == 7
    time.sleep(0.2)


def test_endless_output_is_capped_and_shown_with_a_wrong_answer(capsys):
    def loud(mu, logvar):
        for number in range(100_000):
            print("line", number)
        return mu

    result = refused(loud, "wrong shape")
    assert len(result.printed) < PRINT_LIMIT + 100 and "left out" in result.printed
    assert capsys.readouterr().out == ""
    print("still here")
    assert "still here" in capsys.readouterr().out


def test_changed_arguments_are_noticed():
    def answer(mu, logvar):
        result = kl(mu, logvar)
        logvar += 1
        return result

    refused(answer, "changes its argument `logvar` in place")
