"""Which cells of a submitted notebook an answer needs, read without running any of it.

An answer is what the notebook passes to `qN.check(...)`, or the name that the released notebook uses. It needs the exercise's
cells, and whatever defines the names that these use: imports, functions, classes and plain constants from any cell; whole
cells only where they are tagged `definitions`, are an exercise's, or are the student's own. Training is never run.
"""

import ast
import builtins
import json
import re
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

MAX_BYTES, MAX_CELLS, MAX_CODE = 60_000_000, 2000, 400_000
_BUILT_IN = frozenset(dir(builtins)) | {"__name__", "__file__", "display", "get_ipython"}
_ASKING = {"check", "hint", "solution"}


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


# --- reading


def read(content: bytes) -> Notebook:
    """A notebook from the bytes of its file. Raises NoNotebook."""
    if len(content) > MAX_BYTES:
        raise NoNotebook(
            f"the file is {len(content) / 1e6:,.0f} MB large; a notebook has at most {MAX_BYTES // 10**6} MB"
        )
    if not content.strip():
        raise NoNotebook("the file is empty")
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
    if sum(len(cell.code) for cell in code) > MAX_CODE:
        raise NoNotebook(f"its code has more than {MAX_CODE:,} characters")
    track = str(course.get("track", ""))
    return Notebook(code, str(course.get("lesson", "")), track if track in {"pytorch", "tensorflow"} else _guess(code))


def _cells(cells: Iterable[Any]) -> Iterator[Cell]:
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        source = "".join(map(str, source)) if isinstance(source, list) else str(source)
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


@dataclass(frozen=True)
class _Part:
    """A piece of code that is run whole or not at all."""

    label: str
    code: str
    defines: frozenset[str]
    uses: frozenset[str]
    place: int


def _parsed(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _names(code: str) -> tuple[frozenset[str], frozenset[str]]:
    """Names that code binds at its top level, and those that it reads from there, inside functions as well."""
    try:
        table = symtable.symtable(code, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset(), frozenset()
    symbols = table.get_symbols()
    binds = {one.get_name() for one in symbols if one.is_assigned() or one.is_imported() or one.is_namespace()}
    reads = {one.get_name() for one in symbols if one.is_referenced()}
    inner = list(table.get_children())
    while inner:
        scope = inner.pop()
        for one in scope.get_symbols():
            if one.is_global():
                (binds if one.is_assigned() else reads).add(one.get_name())
        inner += scope.get_children()
    return frozenset(binds), frozenset(reads - _BUILT_IN)


def _is_asking(node: ast.stmt) -> bool:
    """`q1 = exercise(…)`, `q1.check(…)`, `q1.hint()`, and the import of exercise: the grader has its own."""
    if isinstance(node, ast.ImportFrom):
        return node.module in {"helpers.exercises", "helpers.exercise_sets", "helpers.quiz"}
    value = getattr(node, "value", None)
    if isinstance(node, ast.Assign) and isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id == "exercise"
    if isinstance(node, ast.Expr) and isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        whom = value.func.value
        return value.func.attr in _ASKING and isinstance(whom, ast.Name) and re.fullmatch(r"q\d+", whom.id) is not None
    return False


def _is_cheap(node: ast.stmt) -> bool:
    """An import, a function, a class, or a constant written out."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
        return True
    if not isinstance(node, ast.Assign):
        return False
    try:
        ast.literal_eval(node.value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _pieces(code: str, nodes: list[ast.stmt]) -> str:
    """The code of some statements, every one on its own lines."""
    lines = code.splitlines(keepends=True)
    kept = [""] * len(lines)
    for node in nodes:
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        for at in range(first - 1, node.end_lineno):
            kept[at] = lines[at]
    return "".join(line if line.endswith("\n") else line + "\n" for line in kept) if kept else ""


# --- the plan for an answer


class Reader:
    """Finds what each answer of a submitted notebook needs, with the released notebook beside it."""

    def __init__(self, submitted: Notebook, released: Notebook) -> None:
        self.notebook = submitted
        self.released = {cell.id: cell for cell in released.cells}
        self.names = _stub_names(released)
        self._whole: list[_Part] = []
        self._pieces: list[_Part] = []
        self._broken: dict[str, str] = {}
        for place, cell in enumerate(submitted.cells):
            self._read_cell(place, cell)

    def _read_cell(self, place: int, cell: Cell) -> None:
        tree = _parsed(cell.code)
        if tree is None:
            self._broken[cell.id] = cell.code
            return
        nodes = [node for node in tree.body if not _is_asking(node)]
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
            code = _pieces(cell.code, nodes)
            self._whole.append(_Part(cell.id, code, *_names(code), place))
            return
        self._add_pieces(place, cell, [node for node in nodes if _is_cheap(node)])

    def _add_pieces(self, place: int, cell: Cell, nodes: list[ast.stmt]) -> None:
        for number, node in enumerate(nodes):
            code = _pieces(cell.code, [node])
            self._pieces.append(_Part(f"{cell.id}.{number}", code, *_names(code), place))

    @staticmethod
    def _checks(cell: Cell) -> bool:
        return re.search(r"\bq\d+\.check\(", cell.code) is not None

    def plan(self, qid: str) -> Plan:
        """What to run for an exercise's answer. Raises LookupError, with the reason, where the notebook holds none."""
        remarks: list[str] = []
        own = [cell for cell in self.notebook.cells if self._is_exercise(cell, qid)]
        broken = [cell for cell in own if cell.id in self._broken]
        answer = self._answer(qid, own, remarks)
        others = [part for part in [*self._whole, *self._pieces] if part.label not in {cell.id for cell in own}]
        if (
            own
            and all(self._is_as_released(cell) for cell in own)
            and not any(answer in part.defines for part in others)
        ):
            raise LookupError("its cell is as it was handed out")
        targets = [part for part in self._whole if any(part.label == cell.id for cell in own)]
        wanted = _names(answer)[1]
        parts, left_out = self._closure(targets, wanted)
        cells = [(part.label, part.code) for part in parts]
        cells += [(cell.id, cell.code) for cell in broken]  # so that the page shows the error of syntax
        return Plan(cells, answer, remarks, left_out)

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
        defined = {name for part in [*self._whole, *self._pieces] for name in part.defines}
        for cell in reversed(self.notebook.cells):
            given = _checked(cell.code, qid)
            if given is None:
                continue
            if given.isidentifier() and given not in defined:
                break
            if given != expected and expected:
                remarks.append(f"the answer is `{given[:60]}`, which the notebook passes to {qid}.check")
            return given
        if expected and expected in defined:
            return expected
        new = {name for part in self._whole if any(part.label == cell.id for cell in own) for name in part.defines}
        functions = [name for name in new if any(re.search(rf"\bdef {re.escape(name)}\b", cell.code) for cell in own)]
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
            if name in seen or name in _BUILT_IN or (name in known and name not in wanted):
                continue
            seen.add(name)
            found = [part for part in [*self._whole, *self._pieces] if name in part.defines]
            if not found and name not in known:
                left_out.append(name)
            for part in found:
                if part not in chosen:
                    chosen[part] = None
                    queue += part.uses - part.defines
        everywhere = {name for cell in self.notebook.cells for name in _names(cell.code)[0]}
        order = sorted(chosen, key=lambda part: part.place)
        return order, sorted(name for name in left_out if name in everywhere)


def _checked(code: str, qid: str) -> str | None:
    """The source of what a cell passes to qid.check, at its last call; None where it calls nothing of the kind."""
    if f"{qid}.check" not in code:
        return None
    tree = _parsed(code)
    found = None
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "check":
            whom, given = node.func.value, [*node.args, *(word.value for word in node.keywords)]
            if (
                isinstance(whom, ast.Name)
                and whom.id == qid
                and len(given) == 1
                and not isinstance(given[0], ast.Starred)
            ):
                found = ast.get_source_segment(code, given[0])
    return found


def _stub_names(released: Notebook) -> dict[str, str]:
    """Exercise → the name that the released notebook passes to its check."""
    found = {}
    for cell in released.cells:
        for qid in re.findall(r"\b(q\d+)\.check\(", cell.code):
            found[qid] = _checked(cell.code, qid) or ""
    return found
