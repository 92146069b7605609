"""Which cells of a submitted notebook an answer needs, read without running any of it.

The grader has this done in a worker: Python takes minutes or gigabytes to parse some texts that are made for it.

An answer is what the notebook passes to `qN.check(...)`, or the name that the released notebook uses. It needs the exercise's
cells, and whatever defines the names that these use: imports, functions, classes and plain constants from any cell; whole
cells only where they are tagged `definitions`, are an exercise's, or are the student's own. Training is not run, unless the
grader is told to run the notebook whole (`Reader.whole`).
"""

import ast
import functools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from helpers.grading import code as grading_code

MAX_BYTES, MAX_CELLS, MAX_CODE, MAX_LINES = 40_000_000, 2000, 400_000, 10_000  # of code: characters and lines
MAX_BRACKETS = 2_000_000  # each makes an object of some 60 bytes when the file is read


class NoNotebook(ValueError):
    """A file that is no notebook; the message says why."""


@dataclass(frozen=True)
class Cell:
    """A code cell: id, tags, code with the notebook's magic commands taken out."""

    id: str
    tags: frozenset[str]
    code: str


@dataclass(frozen=True)
class Notebook:
    """A submitted notebook's code cells, in order, and what its metadata says of lesson and track."""

    cells: tuple[Cell, ...]
    lesson: str = ""
    track: str = ""

    def as_bytes(self) -> bytes:
        """The cells, for another process."""
        return json.dumps([[cell.id, sorted(cell.tags), cell.code] for cell in self.cells]).encode()


def from_bytes(content: bytes) -> Notebook:
    """The way back of `Notebook.as_bytes`."""
    return Notebook(tuple(Cell(name, frozenset(tags), code) for name, tags, code in json.loads(content)))


@dataclass(frozen=True)
class Plan:
    """What to run for one answer: cells (label, code), the expression of the answer, remarks, names nobody runs for."""

    cells: list[tuple[str, str]]
    answer: str
    remarks: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def uses_framework(self) -> bool:
        """Whether any of the code names a framework."""
        return any(re.search(r"\b(?:torch|tensorflow|keras|tf)\b", code) for _, code in self.cells)


def plans(submitted: Notebook, released: Notebook, exercises: Iterable[str]) -> bytes:
    """For each exercise what to run, as JSON: {"plan": …, "whole": …}, or {"reason": …} where there is no answer."""
    reader, found = Reader(submitted, released), {}
    for qid in exercises:
        try:
            plan = reader.plan(qid)
            found[qid] = {"plan": asdict(plan), "whole": asdict(reader.whole(qid, plan)) if plan.left_out else None}
        except LookupError as error:
            found[qid] = {"reason": str(error.args[0])}
    return json.dumps(found).encode()


# --- reading


def read(content: bytes) -> Notebook:
    """A notebook from the bytes of its file. Raises NoNotebook."""
    if len(content) > MAX_BYTES:
        raise NoNotebook(
            f"the file is {len(content) / 1e6:,.0f} MB large; a notebook has at most {MAX_BYTES // 10**6} MB"
        )
    if not content.strip():
        raise NoNotebook("the file is empty")
    if content.count(b"[") + content.count(b"{") > MAX_BRACKETS:
        raise NoNotebook(f"the file has more than {MAX_BRACKETS:,} brackets; a notebook has some thousands")
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise NoNotebook("the file is no notebook: it is not text") from None
    except (ValueError, RecursionError) as error:
        raise NoNotebook(f"the file is no notebook, or only a part of one: {str(error)[:100]}") from None
    cells = found.get("cells") if isinstance(found, dict) else None
    if not isinstance(cells, list):
        raise NoNotebook("the file is no notebook: it has no list of cells")
    metadata = found.get("metadata")
    course = metadata.get("course") if isinstance(metadata, dict) else None
    course = course if isinstance(course, dict) else {}
    code = tuple(_cells(cells[:MAX_CELLS]))
    track = str(course.get("track", ""))
    return Notebook(
        code, str(course.get("lesson", ""))[:40], track if track in {"pytorch", "tensorflow"} else _guess(code)
    )


def _cells(cells: Iterable[Any]) -> Iterator[Cell]:
    characters = lines = 0
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        source = "".join(map(str, source)) if isinstance(source, list) else str(source)
        characters, lines = characters + len(source), lines + len(source.splitlines())
        if characters > MAX_CODE or lines > MAX_LINES:
            raise NoNotebook(f"its code has more than {MAX_CODE:,} characters or {MAX_LINES:,} lines")
        metadata = cell.get("metadata")
        tags = metadata.get("tags") if isinstance(metadata, dict) else None
        tags = frozenset(map(str, tags)) if isinstance(tags, list) else frozenset()
        name = str(cell.get("id") or f"number-{number}")
        yield Cell(re.sub(r"[^\w-]", "", name)[:64] or f"number-{number}", tags, _without_magic(source))


def _without_magic(source: str) -> str:
    """Lines that only a notebook understands (%magic, !command, help?) become `pass`."""
    lines = source.splitlines()
    if not any(re.match(r"\s*[%!?]|.*\?\s*$", line) for line in lines):
        return source
    try:
        ast.parse(source)
        return source
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "\n".join(re.sub(r"^(\s*)(?:[%!?].*|[\w.]+\?+\s*)$", r"\1pass", line) for line in lines)


def _guess(cells: Iterable[Cell]) -> str:
    text = "\n".join(cell.code for cell in cells)
    votes = {
        "pytorch": len(re.findall(r"\btorch\b", text)),
        "tensorflow": len(re.findall(r"\b(?:tf|keras|tensorflow)\b", text)),
    }
    return max(votes, key=votes.get) if any(votes.values()) else ""


# --- what a cell defines and uses


@dataclass(frozen=True, eq=False)
class _Part:
    """A piece of code that is run whole or not at all: some statements of a cell."""

    label: str
    cell: str
    nodes: list[ast.stmt]
    defines: frozenset[str]
    uses: frozenset[str]
    place: int

    @property
    def code(self) -> str:
        """The code, every statement on its own line of the cell: long for a short piece, so it isn't kept."""
        return grading_code.pieces(self.cell, self.nodes)


# --- the plan for an answer


class Reader:
    """Finds what each answer of a submitted notebook needs, with the released notebook beside it."""

    def __init__(self, submitted: Notebook, released: Notebook) -> None:
        self.notebook = submitted
        self.released = {cell.id: cell for cell in released.cells}
        self.names = _stub_names(released)
        self._whole: list[_Part] = []
        self._defining: dict[str, list[_Part]] = {}
        self._broken: dict[str, str] = {}
        for place, cell in enumerate(submitted.cells):
            self._read_cell(place, cell)

    def _read_cell(self, place: int, cell: Cell) -> None:
        tree = grading_code.parsed(cell.code)
        if tree is None:
            self._broken[cell.id] = cell.code
            return
        nodes = [node for node in tree.body if not grading_code.is_asking(node)]
        if not nodes:
            return
        original = self.released.get(cell.id)
        own = original is None or (
            original.code != cell.code and "exercise" not in cell.tags and not self._checks(original)
        )
        if {"definitions", "exercise"} & (cell.tags | (original.tags if original else set())) or own:
            if not own and "exercise" not in cell.tags:  # so that an answer in NumPy needs no framework
                imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
                self._add_pieces(place, cell, imports)
                nodes = [node for node in nodes if node not in imports]
            names = grading_code.names(grading_code.pieces(cell.code, nodes))
            self._whole.append(self._known(_Part(cell.id, cell.code, nodes, *names, place)))
            return
        self._add_pieces(place, cell, [node for node in nodes if grading_code.is_cheap(node)])

    def _add_pieces(self, place: int, cell: Cell, nodes: list[ast.stmt]) -> None:
        lines = cell.code.splitlines(keepends=True)
        for number, node in enumerate(nodes):
            names = grading_code.names("".join(lines[grading_code.first_line(node) - 1 : node.end_lineno]))
            self._known(_Part(f"{cell.id}.{number}", cell.code, [node], *names, place))

    def _known(self, part: _Part) -> _Part:
        """Note what a part defines."""
        for name in part.defines:
            self._defining.setdefault(name, []).append(part)
        return part

    @staticmethod
    def _checks(cell: Cell) -> bool:
        return re.search(r"\bq\d+\.check\(", cell.code) is not None

    def plan(self, qid: str) -> Plan:
        """What to run for an exercise's answer. Raises LookupError, with the reason, where the notebook holds none."""
        remarks: list[str] = []
        own = [cell for cell in self.notebook.cells if self._is_exercise(cell, qid)]
        broken = [cell for cell in own if cell.id in self._broken]
        answer = self._answer(qid, own, remarks)
        labels = {cell.id for cell in own}
        elsewhere = any(part.label not in labels for part in self._defining.get(answer, []))
        if own and all(self._is_as_released(cell) for cell in own) and not elsewhere:
            raise LookupError("its cell is as it was handed out")
        targets = [part for part in self._whole if part.label in labels]
        wanted = grading_code.names(answer)[1]
        parts, left_out = self._closure(targets, wanted)
        cells = [(part.label, part.code) for part in parts]
        cells += [(cell.id, cell.code) for cell in broken]  # so that the page shows the error of syntax
        return Plan(cells, answer, remarks, left_out)

    def whole(self, qid: str, plan: Plan) -> Plan:
        """The same answer with every cell that comes before it, training and data included, in the notebook's order."""
        needed = {label.split(".")[0] for label, _ in plan.cells}
        last = max((at for at, cell in enumerate(self.notebook.cells) if cell.id in needed), default=-1)
        cells = []
        for cell in self.notebook.cells[: last + 1]:
            original = self.released.get(cell.id)
            if "quiz" in cell.tags | (original.tags if original else frozenset()):
                continue
            tree = grading_code.parsed(cell.code)
            nodes = [node for node in tree.body if not grading_code.is_asking(node)] if tree else []
            if tree is None and self._is_exercise(cell, qid):
                cells.append((cell.id, cell.code))  # so that the page shows the error of syntax
            elif nodes:
                cells.append((cell.id, grading_code.pieces(cell.code, nodes)))
        return Plan(cells, plan.answer, plan.remarks)

    def _is_as_released(self, cell: Cell) -> bool:
        original = self.released.get(cell.id)
        return original is not None and original.code.strip() == cell.code.strip()

    def _is_exercise(self, cell: Cell, qid: str) -> bool:
        original = self.released.get(cell.id)
        tags = cell.tags | (original.tags if original else frozenset())
        return {"exercise", qid} <= tags

    def _answer(self, qid: str, own: list[Cell], remarks: list[str]) -> str:
        """The expression of the answer: what is passed to qN.check, else the released name, else the only new function."""
        expected = self.names.get(qid, "")
        for cell in reversed(self.notebook.cells):
            given = grading_code.checked(cell.code, qid)
            if given is None:
                continue
            if given.isidentifier() and given not in self._defining:
                break
            if given != expected and expected:
                remarks.append(f"the answer is `{given[:60]}`, which the notebook passes to {qid}.check")
            return given
        if expected and expected in self._defining:
            return expected
        labels = {cell.id for cell in own}
        nodes = [node for part in self._whole if part.label in labels for node in part.nodes]
        functions = [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
        if len(functions) == 1:
            remarks.append(
                f"`{expected}` isn't there; `{functions[0]}`, the only function in its cell, is taken for it"
            )
            return functions[0]
        if any(cell.id in self._broken for cell in own):
            return expected
        where = "its cell defines no" if own else "its cell is missing, and no other defines"
        raise LookupError(f"{where} `{expected}`, the name that is expected")

    def _closure(self, targets: list[_Part], wanted: frozenset[str]) -> tuple[list[_Part], list[str]]:
        """Targets and whatever defines the names that they use, in the notebook's order."""
        chosen = dict.fromkeys(targets)
        known = {name for part in chosen for name in part.defines}
        queue = [*wanted, *(name for part in targets for name in part.uses)]
        left_out: list[str] = []
        seen: set[str] = set()
        while queue:
            name = queue.pop()
            if name in seen or name in grading_code.BUILT_IN or (name in known and name not in wanted):
                continue
            seen.add(name)
            found = self._defining.get(name, [])
            if not found and name not in known:
                left_out.append(name)
            for part in found:
                if part not in chosen:
                    chosen[part] = None
                    queue += part.uses - part.defines
        order = sorted(chosen, key=lambda part: part.place)
        return order, sorted(name for name in left_out if name in self._bound)

    @functools.cached_property
    def _bound(self) -> set[str]:
        """Names that any cell binds, those that are never run included."""
        return {name for cell in self.notebook.cells for name in grading_code.names(cell.code)[0]}


def _stub_names(released: Notebook) -> dict[str, str]:
    """Exercise → the name that the released notebook passes to its check."""
    found = {}
    for cell in released.cells:
        for qid in re.findall(r"\b(q\d+)\.check\(", cell.code):
            found[qid] = grading_code.checked(cell.code, qid) or ""
    return found
