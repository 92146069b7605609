"""Each attack against a grader with its defence and against one without: it must fail with it, and succeed without it.

What hostile students earn, and that it costs nobody else, is in test_grade.py. Here the answers are in NumPy (exercise 4 of
lesson 2), so that a worker starts at once.
"""

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import grading_class
import pytest

pytest.importorskip("resource", reason="the grader needs Linux or macOS")
from helpers import grade, paths
from helpers.exercises import exercise
from helpers.grading import sandbox
from helpers.grading import workers as grading_workers
from helpers.grading.judge import Rules
from helpers.grading.session import Ended, StudentError
from helpers.grading.submissions import Submission
from helpers.grading.workers import Settings, Workers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="walls are Linux's")
QUICK = Settings(call_seconds=3.0, wall_seconds=12.0)


@pytest.fixture(scope="module")
def walls(tmp_path_factory):
    """The walls that this system offers."""
    with grade.Grader("02_vae", Rules(seed=1), QUICK) as working:
        return working.settings.walls


@pytest.fixture(scope="module")
def run():
    """Run code in a worker with some settings: the value of `answer`, or the exception that a grader would see."""
    with tempfile.TemporaryDirectory(prefix="grading-test-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o711)
        started = {}

        def run(code, settings, fresh=False):
            workers = started.get(settings)
            if fresh or workers is None:
                workers = started[settings] = Workers("numpy", settings, Path(folder))
            try:
                with workers.worker() as session:
                    return session.load([("attack", code)], "answer")[0]
            except (Ended, StudentError) as error:
                return error

        yield run
        for workers in started.values():
            workers.close()


def needs(walls, *wanted):
    for one in wanted:
        if one not in walls:
            pytest.skip(f"this system has no {one}")


# --- reading what is not for students

READ = f"answer = len(open({str(paths.root() / 'helpers/exercise_sets/lesson_02_vae.py')!r}).read())"


def test_the_courses_answers_cannot_be_read(run, walls):
    needs(walls, "landlock")
    assert "PermissionError" in str(run(READ, replace(QUICK, walls=walls)))
    assert run(READ, replace(QUICK, walls=())) > 1000


def test_solutions_and_submissions_cannot_be_read(run, walls, tmp_path):
    needs(walls, "landlock")
    secret = tmp_path / "submissions" / "ada.ipynb"
    secret.parent.mkdir()
    secret.write_text("the answers of another")
    for file in (secret, paths.root() / "notebooks" / "source" / "02_vae.md", Path("/proc/1/cmdline"), Path(__file__)):
        code = f"answer = open({str(file)!r}, 'rb').read(50).decode()"
        assert "PermissionError" in str(run(code, replace(QUICK, walls=walls)))
        assert isinstance(run(code, replace(QUICK, walls=())), str)


def test_a_library_folder_that_holds_the_course_is_opened_around_it(tmp_path):
    for name in ("library/numpy", "library/helpers/exercise_sets", "library/helpers/metrics"):
        (tmp_path / name).mkdir(parents=True)
    found = sandbox.readable([str(tmp_path / "library")], [str(tmp_path / "library/helpers/exercise_sets")])
    names = {Path(one).relative_to(tmp_path).as_posix() for one in found}
    assert names == {"library/numpy", "library/helpers/metrics"}


def test_the_graders_modules_do_not_stand_before_the_standard_librarys(run, walls):
    code = "import code\nanswer = code.InteractiveConsole.__name__"
    for forked in (True, False):
        assert run(code, replace(QUICK, walls=walls, forked=forked)) == "InteractiveConsole"


ENVIRONMENT = "import os\nanswer = [name for name in os.environ if 'SECRET' in name] + os.listdir('.')"


def test_the_graders_environment_stays_its_own(run, walls, monkeypatch):
    monkeypatch.setenv("GRADER_SECRET", "x")
    assert run(ENVIRONMENT, replace(QUICK, walls=walls, cpu_seconds=28)) == []
    monkeypatch.setattr(grading_workers, "environment", lambda: dict(os.environ))
    assert run(ENVIRONMENT, replace(QUICK, walls=walls, cpu_seconds=29)) == ["GRADER_SECRET"]


MEMORY = """
import os
try:
    answer = len(os.listdir(f"/proc/{os.getppid()}/fd")) > 0 and open(f"/proc/{os.getppid()}/mem", "rb") is not None
except OSError as error:
    answer = False
"""


def test_the_memory_of_the_process_above_is_closed(run, walls):
    needs(walls, "landlock")
    assert run(MEMORY, replace(QUICK, walls=walls)) is False
    assert run(MEMORY, replace(QUICK, walls=())) is True


# --- reaching others

NETWORK = """
import socket
try:
    with socket.create_connection(("127.0.0.1", PORT), timeout=1) as one:
        answer = one.recv(5).decode()
except OSError as error:
    answer = type(error).__name__
"""


def test_no_network(run, walls):
    if not {"namespaces", "landlock"} & set(walls):
        pytest.skip("this system has neither namespaces nor Landlock")
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = NETWORK.replace("PORT", str(server.getsockname()[1]))
        assert run(code, replace(QUICK, walls=walls)) != "hello"
        import threading

        threading.Thread(target=lambda: server.accept()[0].sendall(b"hello"), daemon=True).start()
        assert run(code, replace(QUICK, walls=())) == "hello"


KILL = "import os, time\ntry:\n    os.kill(os.getppid(), 9)\n    time.sleep(0.3)\nexcept OSError:\n    pass\nanswer = 'alive'"


def test_killing_the_process_above_costs_only_the_killer(run, walls, tmp_path):
    needs(walls, "namespaces")
    assert run(KILL, replace(QUICK, walls=walls)) == "alive"
    workers = Workers("numpy", replace(QUICK, walls=()), tmp_path)
    try:
        workers.start_zygote()
        victim = workers._zygote
        with pytest.raises(Ended, match="watches over it"), workers.worker() as session:
            session.load([("attack", KILL)], "answer")
        assert victim.wait(5) == -9  # without the wall it does die …
        with workers.worker() as session:  # … and another takes its place
            assert session.load([("next", "answer = 7")], "answer")[0] == 7
    finally:
        workers.close()


def test_an_order_that_comes_too_late_is_not_the_next_job(tmp_path):
    """A worker may end by itself just before it is told to: the order then waits in front of the next job."""
    workers = Workers("numpy", replace(QUICK, walls=()), tmp_path)
    try:
        workers.start_zygote()
        zygote = workers._zygote
        zygote.send_signal(signal.SIGSTOP)
        workers._control.sendall(b"k")
        with workers.worker() as session:
            zygote.send_signal(signal.SIGCONT)
            assert session.load([("next", "answer = 7")], "answer")[0] == 7
        assert workers._zygote is zygote and zygote.poll() is None
    finally:
        workers.close()


# --- using up what all share

HUGE = "import numpy\nanswer = numpy.zeros(5 * 2**30, numpy.uint8).size"
FORKS = """
import os, time
answer = 0
for _ in range(150):
    try:
        if os.fork() == 0:
            time.sleep(10)
            os._exit(0)
    except OSError:
        break
    answer += 1
"""
BOMB = """
import os, time
read, write = os.pipe()
os.write(write, b"x" * 300)  # whoever forks takes a byte: 300 processes at most
os.set_blocking(read, False)
while True:
    try:
        os.read(read, 1)
        if os.fork() == 0:
            os.setsid()
    except OSError:
        break
time.sleep(20)
os._exit(0)
"""
CROWD = """
import os, time
import numpy
read, write = os.pipe()
for _ in range(4):
    if os.fork() == 0:
        block = numpy.ones(60 * 2**20, numpy.uint8)
        os.write(write, b"x")
        time.sleep(10)
        os._exit(0)
answer = 0
while answer < 4:
    answer += len(os.read(read, 4))
time.sleep(0.5)
"""
FILE = "with open('big', 'wb') as file:\n    file.write(b'x' * 2**26)\nanswer = 'written'"


@pytest.mark.parametrize(("code", "words"), [(HUGE, "MemoryError"), (FILE, "OSError")])
def test_memory_and_files_are_limited(run, walls, code, words):
    assert words in str(run(code, replace(QUICK, walls=walls))) or "larger than" in str(
        run(code, replace(QUICK, walls=walls))
    )
    assert not isinstance(run(code, replace(QUICK, walls=walls, limits=False)), Exception)


@pytest.mark.parametrize("user", [True, False])
def test_a_fork_bomb_stays_small(run, walls, user):
    """The kernel limits a user's processes, but not root's; those are counted from outside."""
    settings = replace(QUICK, walls=tuple(wall for wall in walls if user or "user" not in wall))
    few = run(FORKS, settings)
    assert "more processes than it may" in str(few) if isinstance(few, Ended) else few <= 64
    assert run(FORKS, replace(settings, limits=False)) > 64


@pytest.mark.parametrize("bare", [True, False])
def test_a_growing_fork_bomb_is_ended_with_all_its_processes(walls, bare, tmp_path):
    settings = replace(QUICK, walls=() if bare else tuple(wall for wall in walls if "user" not in wall), call_seconds=9)
    os.chmod(tmp_path, 0o711)
    for limits in (True, False):
        seconds = 12 if limits else 2.5  # without the limit only the clock ends it
        workers = Workers("numpy", replace(settings, limits=limits, wall_seconds=seconds), tmp_path)
        with pytest.raises(Ended) as end, workers.worker() as session:
            session.load([("attack", BOMB)], "answer")
        assert _sleepers(tmp_path / "job-") == []
        workers.close()
        if os.getuid() == 0:
            assert ("more processes than it may" in str(end.value)) is limits


def test_processes_together_take_no_more_memory_than_one_may(run, walls):
    settings = replace(QUICK, walls=walls, memory=100 * 2**20)
    assert "memory together" in str(run(CROWD, settings))
    assert run(CROWD, replace(settings, limits=False)) == 4


DEEP = """
import os
for answer in range(1500):
    os.mkdir("d")
    os.chdir("d")
"""
FILL = """
answer = 0
for number in range(12):
    with open(f"part{number}", "wb") as file:
        for _ in range(15):
            file.write(b"x" * 2**20)
            file.flush()
    answer += 1
"""


def test_folders_in_folders_are_removed(walls, tmp_path):
    os.chmod(tmp_path, 0o711)
    for chosen in (walls, ()):
        workers = Workers("numpy", replace(QUICK, walls=chosen), tmp_path)
        with workers.worker() as session:
            assert session.load([("attack", DEEP)], "answer")[0] == 1499
        workers.close()
        left = list(tmp_path.iterdir())
        subprocess.run(["rm", "-rf", *left], check=True)  # pytest itself could not remove them
        assert left == []


def test_the_disk_is_limited(run, walls):
    needs(walls, "namespaces")
    assert run(FILL, replace(QUICK, walls=walls)) <= 4  # 60 MB
    assert run(FILL, replace(QUICK, walls=walls, limits=False)) == 12


def test_what_is_printed_is_capped(run, walls):
    flood = "import os\nfor _ in range(200):\n    os.write(1, b'x' * 2**20)\nanswer = 'all printed'"
    assert "printed more than" in str(run(flood, replace(QUICK, walls=walls)))
    assert run(flood, replace(QUICK, walls=walls, print_limit=10**12)) == "all printed"


def test_a_loop_that_catches_everything_ends_by_the_walls_clock(run, walls):
    loop = (
        "import signal, time\nsignal.setitimer(signal.ITIMER_REAL, 0)\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
    )
    loop += "while True:\n    time.sleep(0.1)"
    started = time.monotonic()
    assert "no answer after 1.5 s" in str(run(loop, replace(QUICK, walls=walls, wall_seconds=1.5)))
    assert time.monotonic() - started < 6


BACKGROUND = """
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(30)
    os._exit(0)
time.sleep(0.5)
answer = "left"
"""


def _sleepers(folder):
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(one / "cwd").startswith(str(folder)) and b"-I" in (one / "cmdline").read_bytes():
                found.append(int(one.name))
    return found


def test_nothing_is_left_running(tmp_path, walls):
    os.chmod(tmp_path, 0o711)
    for forked in (True, False):
        workers = Workers("numpy", replace(QUICK, walls=walls, forked=forked), tmp_path)
        with workers.worker() as session:
            assert session.load([("attack", BACKGROUND)], "answer")[0] == "left"
        jobs = [pid for pid in _sleepers(tmp_path) if "job-" in os.readlink(f"/proc/{pid}/cwd")]
        workers.close()
        assert (
            bool(jobs) is not forked
        )  # a plain process, without walls and without the zygote's eye, leaves one behind
        for pid in jobs:
            os.kill(pid, 9)


# --- lying

CHEAT = {
    "edited_check": 'class q4:\n    check = lambda f: print("✔ q4: right (2 points).")\n\n\nq4.check(equivalent_beta)',
    "patched_numpy": "import numpy\nnumpy.isclose = lambda *a, **k: numpy.array(True)\nq4.check(equivalent_beta)",
}


@pytest.mark.parametrize("name", CHEAT)
def test_what_the_notebook_says_of_itself_does_not_count(name, monkeypatch, graded):
    import numpy

    monkeypatch.setattr(numpy, "isclose", numpy.isclose)  # given back afterwards
    wrong, printed = grading_class.beta("3 * n_pixels / weight"), io.StringIO()
    with contextlib.redirect_stdout(printed):  # what a grader that runs the notebook would read
        exec(wrong + CHEAT[name], {"q4": exercise("02_vae", "q4", "numpy")})
    assert "✔ q4: right" in printed.getvalue()
    monkeypatch.undo()
    made = grading_class.content({"q4": wrong + CHEAT[name].replace("\n\n\n", "\n")})
    assert graded(made).points == 0


@pytest.fixture(scope="module")
def graded():
    """Grade exercise 4 of a notebook."""
    with grade.Grader("02_vae", Rules(seed=3), QUICK) as working:
        working.exercises = {"q4": working.exercises["q4"]}

        def graded(content, **rules):
            working.rules = Rules(seed=3, **rules)
            return working.grade(Submission("ada", "", {"02_vae.ipynb": lambda: content})).verdicts["q4"]

        yield graded


def test_public_cases_alone_earn_little(graded):
    """An answer that knows the notebook's cases by heart: hidden cases find it out."""
    cases = exercise("02_vae", "q4", "numpy").definition.draw_cases()
    by_heart = {round(case["weight"], 6): case["n_pixels"] / (2 * case["s2"] * case["weight"]) for case in cases}
    code = f"def equivalent_beta(weight, n_pixels, s2):\n    return {by_heart}.get(round(weight, 6), 1.0)\n"
    verdict = graded(grading_class.content({"q4": code}))
    assert verdict.points < 2 and "hidden" in verdict.messages[0]
    assert graded(grading_class.content({"q4": code}), hidden_cases=0).points == 2


CRASHES = ["import os\nos._exit(0)", "import ctypes\nctypes.string_at(0)", "import os\nos.kill(os.getppid(), 9)"]


@pytest.mark.parametrize("code", CRASHES)
def test_a_crash_ends_a_grader_that_runs_code_in_its_own_process(code, graded):
    program = f"import subprocess, sys\nexec({code!r})\nprint('graded everyone')"
    if "getppid" in code:
        inner = [sys.executable, "-c", code]
        program = f"import subprocess\nsubprocess.run({inner!r})\nprint('graded everyone')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "graded everyone" not in done.stdout
    answer = grading_class.beta().replace(
        "    return", "".join(f"    {line}\n" for line in code.splitlines()) + "    return"
    )
    assert graded(grading_class.content({"q4": answer})).points == 0


def test_forged_frames_are_only_an_answer(run, walls):
    """Bytes on the pipe are read within their limits, and never run."""
    import pickle

    class Bomb:
        def __reduce__(self):
            return os.system, ("touch /tmp/owned",)

    blobs = [pickle.dumps(Bomb()), b"\xff" * 64, b"\x00\x00\x00\x02\x00\x00\x00\x00{}", b"\x7f\xff\xff\xff" * 4]
    for blob in blobs:
        code = f"import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, {blob!r})\n"
        code += "    except OSError:\n        pass\nanswer = 1"
        assert isinstance(run(code, replace(QUICK, walls=walls, wall_seconds=2)), Ended)
    assert not Path("/tmp/owned").exists()
