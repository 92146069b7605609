"""What students hand in as files: names, links and archives that would cost others their grades, or the grader its memory."""

import csv
import io
import os
import sys
import unicodedata
import zipfile

import grading_class
import pytest

pytest.importorskip("resource", reason="the grader needs Linux or macOS")
import resource

from helpers import grade
from helpers.grading import submissions as grading_submissions

START = "00_start_here"


def packed(files, method=zipfile.ZIP_DEFLATED):
    """The bytes of an archive."""
    with zipfile.ZipFile(made := io.BytesIO(), "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def handed_in(folder, files):
    """Write files by path, and find the submissions: by student."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return {one.student: one for one in grading_submissions.find(folder)}


def remarks(submission):
    """What is said of a submission in which no notebook can be read."""
    assert grading_submissions.choose(submission, "02_vae") is None
    return "; ".join(submission.remarks)


# --- names


@pytest.mark.parametrize("inner", ["bob_124", "Bob B_124_assignsubmission_file_", "x/bob_124", "bob_12345_67890_a"])
def test_what_a_student_calls_a_folder_is_nobody_elses_work(tmp_path, inner):
    files = {f"ada_123/{inner}/02_vae-9.ipynb": b"forged", "bob_124/02_vae.ipynb": b"own"}
    files["Bob B_125_assignsubmission_file_/02_vae.ipynb"] = b"own"
    for one in grading_submissions.find(tmp_path) if handed_in(tmp_path, files) else ():
        found = [content for _, content in one.contents()]
        assert found == ([b"forged"] if one.student == "ada" else [b"own"])


@pytest.mark.parametrize("top", ["", "export 5/"])
def test_a_folder_around_all_is_no_student(top):
    names = [f"{top}ada_1/02_vae.ipynb", f"{top}Bob B_12_assignsubmission_file_/a.ipynb", f"{top}eve_123_456_a.ipynb"]
    level = grading_submissions._level([*names, f"{top}readme.txt"])
    assert [grading_submissions.owner(name, level) for name in names] == [("ada", "1"), ("Bob B", "12"), ("eve", "123")]
    assert grading_submissions._level(["ada/a/1.ipynb", "ada/b/2.ipynb"]) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text are Linux's")
def test_every_student_has_files_of_their_own(tmp_path):
    """Long names that begin alike, names that differ in case or in how a letter is written, reserved ones, no text at all."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    names = [
        "Zoë",
        "Zoe\u0308",
        "zoë",
        "grades",
        "Nul",
        "数" * 70 + "一",
        "数" * 70 + "二",
        "a" * 100 + "b",
        "a" * 100 + "c",
    ]
    for name in [*map(os.fsencode, names), b"ad\xff", b"ad\xfe", "…".encode(), b"!"]:
        with open(os.path.join(os.fsencode(folder), name + b".ipynb"), "wb") as file:
            file.write(b"x")
        with open(os.path.join(os.fsencode(folder), name + b".txt"), "wb") as file:
            file.write(b"x")
    assert grade.main([str(folder), "--lesson", START, "--out", str(out), "--jobs", "1"]) == 0
    rows = list(csv.DictReader((out / "grades.csv").open(encoding="utf-8")))
    pages = {unicodedata.normalize("NFC", row["page"]).casefold() for row in rows}
    assert not any(page.startswith(("数", "aaa")) and "-" in page for page in pages)  # whatever order they come in
    assert len(rows) == len(pages) == 13 and all((out / row["page"]).is_file() for row in rows)
    assert not pages & {"grades.html", "nul.html"} and len(list((out / "records").iterdir())) == 14


def test_a_link_is_not_followed(tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(grading_class.content(grading_class.RIGHT))
    (tmp_path / "in" / "ada").mkdir(parents=True)
    (tmp_path / "in" / "ada" / "02_vae.ipynb").symlink_to(secret)
    (tmp_path / "in" / "bob").symlink_to(tmp_path)
    link = zipfile.ZipInfo("02_vae.ipynb")
    link.external_attr = 0o120777 << 16
    (ada, eve) = handed_in(tmp_path / "in", {"eve/work.zip": packed({link: str(secret)})}).values()
    assert "a link" in remarks(ada)
    assert grading_submissions.choose(eve, "02_vae")[1] == str(secret).encode()  # its text, not what it points to


# --- archives


def test_an_archive_cannot_stop_the_grader(tmp_path):
    broken = {}
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
        made = bytearray(packed({"inner.zip": os.urandom(5000)}, method))
        made[60:90] = bytes(30)  # in what is packed
        broken[method] = bytes(made)
    found = handed_in(
        tmp_path,
        {
            "ada/a.zip": broken[zipfile.ZIP_DEFLATED],
            "bob/a.zip": broken[zipfile.ZIP_LZMA],
            "carl/a.zip": packed({"02_vae.ipynb": b"x"})[:-30],
            "dan/02_vae.ipynb": b"fine",
        },
    )
    assert set(found) == {"ada", "bob", "carl", "dan"} and grading_submissions.choose(found["dan"], "02_vae")
    for name in ("ada", "bob", "carl"):
        assert "can't be read" in remarks(found[name])


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_python_unpacks_without_a_limit_is_not_unpacked(tmp_path, method):
    found = handed_in(tmp_path, {"ada/a.zip": packed({"02_vae.ipynb": bytes(10**6)}, method)})
    assert "use plain zip" in remarks(found["ada"])


def test_bombs_are_read_to_their_limit(tmp_path, monkeypatch):
    for name, value in (("MAX_FILE", 10**6), ("MAX_TOTAL", 3 * 10**6), ("MAX_MEMBERS", 1000)):
        monkeypatch.setattr(grading_submissions, name, value)
    big = {f"work{number:03}/02_vae.ipynb": bytes(900_000) for number in range(200)}
    found = handed_in(
        tmp_path,
        {
            "ada/a.zip": packed({"02_vae.ipynb": bytes(2 * 10**6)}),
            "bob/a.zip": packed(big),
            "carl/a.zip": packed({f"{number}.txt": b"" for number in range(1001)}),
            "dan/a.zip": packed({f"{number:03}.zip": packed({"02_vae.ipynb": b"x"}) for number in range(99)}),
            "eve/a.zip": packed({"b.zip": packed({"c.zip": packed({"02_vae.ipynb": b"x"})})}),
        },
    )
    assert "more than" in remarks(found["ada"])
    read = [content for _, content in found["bob"].contents()]
    assert len(read) == grading_submissions.MAX_NOTEBOOKS and sum(isinstance(one, bytes) for one in read) == 4
    assert "more than 1,000 files" in remarks(found["carl"])
    assert len(found["dan"].notebooks) == grading_submissions.MAX_ARCHIVES - 1
    assert not found["eve"].notebooks and found["eve"].others  # an archive in an archive in an archive


def test_archives_are_not_kept_in_memory(tmp_path):
    inner = packed({"02_vae.ipynb": b"x", "zeros": bytes(30_000_000)}, zipfile.ZIP_STORED)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = handed_in(tmp_path, {f"s{number}/a.zip": packed({"b.zip": inner}) for number in range(8)})
    assert all(len(one.notebooks) == 1 for one in found.values())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KB; all eight are 240 MB
