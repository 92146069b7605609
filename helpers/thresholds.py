"""Compare measured numbers with the targets of a lesson's front matter."""

from collections.abc import Mapping

Targets = Mapping[str, Mapping[str, float]]
_RULES = {"at_most": ("≤", lambda value, bound: value <= bound), "at_least": ("≥", lambda value, bound: value >= bound)}


def misses(name: str, value: float, rules: Mapping[str, float]) -> list[str]:
    """The rules that `value` breaks, in words; an empty list when it keeps all. NaN breaks every rule.

    rules: {"at_most": bound} and/or {"at_least": bound}. Raises ValueError on another rule.
    """
    broken = []
    for rule, bound in rules.items():
        if rule not in _RULES:
            raise ValueError(f"threshold of {name}: unknown rule {rule!r}; known: {', '.join(_RULES)}")
        sign, holds = _RULES[rule]
        if not holds(value, bound):
            broken.append(f"{name} is {value:.4g}, wanted {sign} {bound:g}")
    return broken


def lines(numbers: Mapping[str, float], targets: Targets) -> list[str]:
    """One line a number: its value, its target if it has one, and ✔ or ✘."""
    out = []
    width = max((len(name) for name in numbers), default=0)
    for name, value in numbers.items():
        text = f"  {name.ljust(width)}  {float(value):>10.4g}"
        rules = targets.get(name, {})
        if rules:
            wanted = " and ".join(f"{_RULES[rule][0]} {bound:g}" for rule, bound in rules.items() if rule in _RULES)
            mark = "✘ missed" if misses(name, float(value), rules) else "✔"
            text += f"   target {wanted}  {mark}"
        out.append(text)
    return out


def check(numbers: Mapping[str, float], targets: Targets) -> list[str]:
    """Every target that is missed or was not measured, in words; empty when all hold."""
    failures = []
    for name, rules in targets.items():
        if name not in numbers:
            failures.append(f"{name} was never recorded: call run.record({name}=…) in the lesson")
        else:
            failures += misses(name, numbers[name], rules)
    return failures
