"""Judge the claims of a project: one number a run, several runs, a 95 % interval, a verdict.

A project's front matter lists its claims: `{claim: "…", number: recorded_number, at_most: 1.0, meaning: "…"}`. The runs are
those of `notebooks/projects/results/SLUG.json`, which `notebooks/repeat.py` writes. Runs of the profile `full` may lie beside
them, in SLUG.full.json; they are judged by themselves, since a verdict may depend on the sizes.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from helpers import lessons, paths

HOLDS, FAILS, OPEN = "holds", "does not hold", "cannot be told"
MARKS = {HOLDS: "✔", FAILS: "✘", OPEN: "?"}
LEVEL = 0.95
BESIDE = "full"  # the profile whose runs may lie beside the others
BORDERS = {"at_least": "≥", "at_most": "≤"}


class Interval(NamedTuple):
    """A mean and the interval that holds it in 95 of 100 such experiments; infinite from one value alone."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Claim:
    """A sentence of a report and the number that decides it; the claim turns at the border."""

    text: str
    number: str
    meaning: str
    side: str
    border: float


@dataclass(frozen=True)
class Table:
    """Committed runs of a project. numbers: name → one value a seed; made: a sentence on how; empty where there are none."""

    numbers: dict[str, np.ndarray] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    profile: str = ""
    sizes: dict[str, Any] = field(default_factory=dict)
    device: str = ""
    minutes: tuple[float, ...] = ()
    made: str = "no run is committed yet"

    def __bool__(self) -> bool:
        return bool(self.seeds)


def results_file(project: str, beside: str = "") -> Path:
    """Where the committed runs of a project lie. beside: a profile whose runs are kept beside them."""
    return paths.root() / "notebooks" / "projects" / "results" / f"{project}{beside and '.' + beside}.json"


def committed(project: str, beside: str = "") -> Table:
    """The committed runs of a project; an empty table where there are none. Raises LessonError on a damaged file."""
    path = results_file(project, beside)
    if not path.is_file():
        return Table()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        numbers = {name: np.asarray(values, dtype=float) for name, values in content["numbers"].items()}
        seeds, minutes = tuple(content["seeds"]), tuple(content["minutes"])
        table = Table(numbers, seeds, content["profile"], content["sizes"], content["device"], minutes, _made(content))
    except (ValueError, KeyError, TypeError) as error:
        raise lessons.LessonError(f"{path.name} is damaged ({error}): make it again with notebooks/repeat.py") from None
    if {len(values) for values in (*numbers.values(), minutes)} - {len(seeds)}:
        raise lessons.LessonError(f"{path.name}: not one value a seed: make it again with notebooks/repeat.py")
    return table


def _made(content: dict[str, Any]) -> str:
    seeds = ", ".join(str(seed) for seed in content["seeds"])
    own = f" with SIZES '{content['own_sizes']}'" if content.get("own_sizes") else ""
    minutes = f"{sum(content['minutes']) / len(content['minutes']):.0f}"
    minutes += " minute" if minutes == "1" else " minutes"
    note = f" ({content['note']})" if content.get("note") else ""
    return (
        f"the notebook in the profile {content['profile']}{own}, seeds {seeds}, {minutes} each on "
        f"{content['device']}, {content['framework']}{note}"
    )


def interval(values: Sequence[float] | np.ndarray, level: float = LEVEL) -> Interval:
    """Mean of independent values and its interval by Student's t. Raises ValueError without values or on NaN."""
    from scipy import stats

    x = np.asarray(values, dtype=float).ravel()
    if x.size == 0 or not np.isfinite(x).all():
        raise ValueError(f"an interval needs one or more finite values; got {values!r}")
    if x.size == 1:
        return Interval(float(x[0]), -math.inf, math.inf)
    half = float(stats.t.ppf((1 + level) / 2, x.size - 1) * x.std(ddof=1) / math.sqrt(x.size))
    return Interval(float(x.mean()), float(x.mean()) - half, float(x.mean()) + half)


def judge(values: Sequence[float] | np.ndarray, *, at_least: float | None = None, at_most: float | None = None) -> str:
    """ "holds" when the whole interval lies on the claimed side of the border, "does not hold" when it lies on the other
    side, else "cannot be told". Give one border. Raises ValueError."""
    if (at_least is None) == (at_most is None):
        raise ValueError("judge needs one border: at_least= or at_most=")
    _, low, high = interval(values)
    if at_least is not None:
        return HOLDS if low >= at_least else FAILS if high < at_least else OPEN
    return HOLDS if high <= at_most else FAILS if low > at_most else OPEN


def of(project: str) -> list[Claim]:
    """The claims in a project's front matter. Raises LessonError on one that isn't as it should be."""
    claims = []
    for entry in lessons.front_matter(project).get("claims", []):
        sides = [side for side in BORDERS if side in entry]
        if set(entry) - set(BORDERS) != {"claim", "number", "meaning"} or len(sides) != 1:
            raise lessons.LessonError(
                f"{project}: a claim needs claim, number, meaning and one of {', '.join(BORDERS)}; it is {entry!r}"
            )
        claims.append(Claim(entry["claim"], entry["number"], entry["meaning"], sides[0], float(entry[sides[0]])))
    return claims


@dataclass(frozen=True)
class Verdict:
    """A claim, this run's number (None: not recorded), the committed interval (None: no runs) and the verdict."""

    claim: Claim
    here: float | None
    interval: Interval | None
    verdict: str
    beside: "Verdict | None" = None  # the same claim on the runs that are kept beside, if there are any

    @property
    def marked(self) -> str:
        """The verdict behind its mark, such as "✔ holds"."""
        return f"{MARKS[self.verdict]} {self.verdict}"

    @property
    def border(self) -> str:
        """The border in words, such as "≤ 1"."""
        return f"{BORDERS[self.claim.side]} {self.claim.border:g}"

    @property
    def spread(self) -> str:
        """The committed mean and interval in words, or a dash."""
        if self.interval is None:
            return "–"
        mean, low, high = self.interval
        return f"{mean:.3g} ({low:.3g} to {high:.3g})" if math.isfinite(low) else f"{mean:.3g} (one run)"


def verdicts(project: str, numbers: dict[str, float] | None = None) -> list[Verdict]:
    """Every claim of a project, judged on the committed runs. numbers: what this run recorded."""
    table, beside = committed(project), committed(project, BESIDE)
    return [
        _judged(claim, table, (numbers or {}).get(claim.number), _judged(claim, beside) if beside else None)
        for claim in of(project)
    ]


def _judged(claim: Claim, table: Table, here: float | None = None, beside: Verdict | None = None) -> Verdict:
    values = table.numbers.get(claim.number)
    if values is None or not np.isfinite(values).all():
        return Verdict(claim, here, None, OPEN, beside)
    return Verdict(claim, here, interval(values), judge(values, **{claim.side: claim.border}), beside)


def made(project: str) -> str:
    """How the committed runs of a project were made, and those beside them, in words."""
    beside = committed(project, BESIDE)
    return committed(project).made + (f"; those of {BESIDE}: {beside.made}" if beside else "")


def show(run: Any) -> None:
    """Print the verdict on every claim: this run's number beside mean and interval of the committed runs.

    run: what `runtime.start` returned. A claim whose number the run has not recorded shows a dash.
    """
    print(f"The verdicts rest on: {made(run.lesson)}.\nAn interval holds the mean with a chance of 95 %.\n")
    for i, one in enumerate(verdicts(run.lesson, run.numbers), 1):
        here = "–" if one.here is None else f"{one.here:.3g}"
        print(f"{i}. {one.claim.text}\n   {one.claim.meaning}; holds if {one.border}")
        print(f"   this run {here} · {len(committed(run.lesson).seeds)} runs {one.spread}")
        if one.beside:
            count = len(committed(run.lesson, BESIDE).seeds)
            print(f"   in {BESIDE}, {count} runs {one.beside.spread}: {one.beside.marked}")
        print(f"   {one.marked}\n")


def as_markdown(project: str, numbers: dict[str, float] | None = None) -> str:
    """The verdicts as a Markdown table, with columns for this run's numbers, if given, and for runs kept beside."""
    judged = verdicts(project, numbers)
    columns = {
        "claim": [one.claim.text for one in judged],
        "number": [one.claim.meaning for one in judged],
        "holds if": [one.border for one in judged],
    }
    if numbers is not None:
        columns["this run"] = ["–" if one.here is None else f"{one.here:.3g}" for one in judged]
    columns |= {"mean (95 % interval)": [one.spread for one in judged], "verdict": [one.marked for one in judged]}
    if any(one.beside for one in judged):
        columns[f"in {BESIDE}"] = [f"{one.beside.spread}: {one.beside.marked}" for one in judged]
    rows = [f"| {' | '.join(cells)} |" for cells in (columns, *zip(*columns.values(), strict=True))]
    return "\n".join([rows[0], "|" + "---|" * len(columns), *rows[1:]]) + "\n"
