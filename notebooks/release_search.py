"""Search a release for solutions: every line of code that only solution cells and answers of exercises hold.

A line counts by its characters without blanks and comments. Lines that students see anyway are no secrets: those in lesson
cells, in hints and messages, and in the course's library. Files are searched whole, strings of notebooks and JSON one by one,
zips member by member.
"""

import ast
import io
import json
import re
import tokenize
import zipfile
from collections.abc import Iterator
from typing import Any

import release_exercises
from helpers import exercises, lessons, paths
from helpers.grading.variants import in_variant
from release_files import Files

SHORTEST = 14  # characters; a shorter line says little
_COMMON = re.compile(r"(import|from|def|class|with|@)\b|@|return[\w.\[\](),]*$|raise|pass$|else:|try:|\"{3}")

Secrets = dict[str, str]


def normal(text: str) -> str:
    """Text without blanks, and with one kind of quotes."""
    return re.sub(r"\s+", "", text).replace("'", '"')


def code_lines(code: str) -> Iterator[str]:
    """The lines of code that say something, normalised: no comments, docstrings, imports, signatures, bare returns."""
    hidden = _docstring_lines(code)
    for number, line in enumerate(_without_comments(code).splitlines(), 1):
        text = normal(line)
        if number not in hidden and len(text) >= SHORTEST and not _COMMON.match(text):
            yield text


def _docstring_lines(code: str) -> set[int]:
    return {
        line
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def _without_comments(code: str) -> str:
    lines = code.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(lines)


def secrets() -> Secrets:
    """Every line that a release for students must not hold, and where it stands."""
    seen, found = _visible(), {}
    for origin, code in _solutions():
        for line in code_lines(code):
            if line not in seen and line.strip('",') not in seen:
                found.setdefault(line, origin)
    return found


def _solutions() -> Iterator[tuple[str, str]]:
    """The code of all solution cells, and of all that stands in the declarations and is no part of a check."""
    for lesson in lessons.everything():
        for track in lessons.tracks(lesson):
            for cell in lessons.cells(lesson, track):
                if "solution" in cell["tags"]:
                    yield f"{lesson}, {track}, a solution cell", cell["source"]
    kept = kept_names()
    folder = paths.root() / "helpers" / "exercise_sets"
    for file in sorted(folder.glob("*.py")):
        text = file.read_text(encoding="utf-8")
        for statement in ast.parse(text).body:
            names = set(release_exercises.bound_names(statement))
            if isinstance(statement, ast.FunctionDef) and not names & kept.get(
                f"{release_exercises.SETS}.{file.stem}", set()
            ):
                yield f"{file.name}, {statement.name}", ast.get_source_segment(text, statement) or ""
            elif isinstance(statement, ast.Assign):
                yield from _lambdas(file.name, statement, text)


def _lambdas(name: str, statement: ast.stmt, text: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Lambda):
            body = " ".join((ast.get_source_segment(text, node.body) or "").split())
            yield f"{name}, line {node.lineno}", f"({body})"


def kept_names() -> dict[str, set[str]]:
    """The names in the declarations' modules that checks need and a release keeps, by module."""
    needs = release_exercises.Needs()
    for lesson in exercises.known_lessons():
        for one in exercises.definitions(lesson).values():
            release_exercises.stored(one, release_exercises.Arrays(), needs)
    return release_exercises.kept_names(needs)


def _visible() -> str:
    """All that students see: cells but solutions, hints, messages, and the library outside the declarations of exercises."""
    texts: set[str] = set()
    for lesson in lessons.everything():
        for track in lessons.tracks(lesson):
            texts |= {cell["source"] for cell in lessons.cells(lesson, track) if "solution" not in cell["tags"]}
    for lesson in exercises.known_lessons():
        declared = exercises.definitions(lesson).values()
        for one in [*declared, *(in_variant(one, 0) for one in declared)]:
            texts |= {*one.hints, *(mistake.message for mistake in one.mistakes if isinstance(mistake.message, str))}
    folder = paths.root() / "helpers"
    library = [
        *folder.glob("*.py"),
        *folder.glob("metrics/*.py"),
        *paths.root().glob("notebooks/projects/results/*.json"),
    ]
    texts |= {file.read_text(encoding="utf-8") for file in library}
    return "\n".join(normal(text) for text in sorted(texts))


def found_in(files: Files, wanted: Secrets) -> list[str]:
    """Which secrets stand in which files, in words; empty when there are none."""
    out = []
    for path, data in sorted(files.items()):
        for inner, text in _texts(path, data):
            body = normal(text)
            out += [f"{inner} holds {line!r} ({origin})" for line, origin in wanted.items() if line in body]
    return out


def _texts(path: str, data: bytes) -> Iterator[tuple[str, str]]:
    """The texts of a file, those of JSON with its escapes undone; of a zip those of its members."""
    if data[:4] == b"PK\3\4":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                yield from _texts(f"{path}/{info.filename}", archive.read(info))
        return
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    yield path, text
    if path.endswith((".ipynb", ".json")):
        yield path, "\n".join(_strings(json.loads(text)))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if value and all(isinstance(part, str) for part in value):
            yield "".join(value)
        for part in value:
            yield from _strings(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _strings(part)
