"""What a piece of a student's code binds and reads, what of it is cheap, and its lines, without running it."""

import ast
import builtins
import re
import symtable

BUILT_IN = frozenset(dir(builtins)) | {"__name__", "__file__", "display", "get_ipython"}
_ASKING = {"check", "hint", "solution"}


def parsed(code: str) -> ast.Module | None:
    """The code's tree, or None where it is no Python, or too deep for Python."""
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def names(code: str) -> tuple[frozenset[str], frozenset[str]]:
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
    return frozenset(binds), frozenset(reads - BUILT_IN)


def is_asking(node: ast.stmt) -> bool:
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


def is_cheap(node: ast.stmt) -> bool:
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


def first_line(node: ast.stmt) -> int:
    """A statement's first line, its decorators' included."""
    return min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])


def pieces(code: str, nodes: list[ast.stmt]) -> str:
    """The code of some statements, every one on its own lines."""
    lines = code.splitlines(keepends=True)
    kept = [""] * len(lines)
    for node in nodes:
        for at in range(first_line(node) - 1, node.end_lineno):
            kept[at] = lines[at]
    return "".join(line if line.endswith("\n") else line + "\n" for line in kept) if kept else ""


def checked(code: str, qid: str) -> str | None:
    """The source of what a cell passes to qid.check, at its last call; None where it calls nothing of the kind."""
    if f"{qid}.check" not in code:
        return None
    tree = parsed(code)
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
                found = given[0]
    return found and ast.get_source_segment(code, found)
