"""Numbers are held to their targets; what was not measured has failed."""

import math

import pytest

from helpers import thresholds

TARGETS = {"loss": {"at_most": 165}, "accuracy": {"at_least": 0.95}}


def test_all_kept():
    assert thresholds.check({"loss": 165, "accuracy": 0.95}, TARGETS) == []


def test_missed_on_either_side():
    assert thresholds.check({"loss": 165.1, "accuracy": 0.94}, TARGETS) == [
        "loss is 165.1, wanted ≤ 165",
        "accuracy is 0.94, wanted ≥ 0.95",
    ]


def test_not_measured_has_failed():
    assert "never recorded" in thresholds.check({"loss": 1}, TARGETS)[0]


def test_nan_has_failed():
    assert thresholds.check({"loss": math.nan, "accuracy": math.nan}, TARGETS).__len__() == 2


def test_unknown_rule_is_named():
    with pytest.raises(ValueError, match="below"):
        thresholds.check({"loss": 1}, {"loss": {"below": 3}})


def test_lines_mark_in_words_not_by_colour():
    kept, missed, plain = thresholds.lines({"loss": 160, "accuracy": 0.9, "units": 2}, TARGETS)
    assert kept.endswith("✔") and "✘ missed" in missed and "target" not in plain
