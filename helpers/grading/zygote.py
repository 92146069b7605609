"""The process from which workers are forked: it has the framework in memory, and has run no student's code.

python -I zygote.py COURSE TRACK CONTROL_FD     one worker for each job that arrives on the socket
python -I zygote.py COURSE TRACK -              one worker here and now, on standard input and output
"""

import gc
import json
import os
import signal
import socket
import sys
from typing import Any


def main() -> None:
    """Read the command line; serve jobs until the grader goes."""
    course, track, control = sys.argv[1:4]
    settings = json.load(sys.stdin) if control != "-" else {}
    sys.path.insert(0, course)
    import helpers
    from helpers.grading import worker

    helpers.__path__ = [os.path.join(course, "helpers")]
    if control == "-":
        read_fd, write_fd = os.dup(0), os.dup(1)
        _onto_standard(os.open(os.devnull, os.O_RDONLY), 2)
        worker.load_framework(track)
        worker.begin(read_fd, write_fd, track)
    worker.load_framework(track)
    _import_usual(track)
    from helpers.grading import sandbox

    sandbox.adopt_orphans()
    settings["read"] = sandbox.readable([*sandbox.system_paths(), *settings["course_files"]], settings["hidden"])
    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=int(control)), track, settings)


def _import_usual(track: str) -> None:
    """What nearly every notebook imports, so that each worker has it at once."""
    import importlib

    names = ["helpers.data", "helpers.plotting", "helpers.runtime", "helpers.metrics", "helpers.features"]
    names += ["helpers.checkpoints", "helpers.widgets", "helpers.lessons", "scipy.special", "scipy.linalg"]
    names += {"pytorch": ["torch.nn.functional"], "tensorflow": ["keras"]}.get(track, [])
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:
            continue


def serve(control: socket.socket, track: str, settings: dict[str, Any]) -> None:
    """Fork a worker for each job; report its end; end it when asked to."""
    from helpers.grading import watch

    control.sendall(b"ready\n")
    while True:
        message, fds, _, _ = socket.recv_fds(control, 1 << 16, 3)
        if not message:
            return
        if not fds:
            continue  # an order to end a worker that has ended by itself
        job = json.loads(message)
        pid = os.fork()
        if pid == 0:
            control.close()
            try:
                _become_worker(fds, track, settings | job)
            finally:
                os._exit(72)
        for fd in fds:
            os.close(fd)
        code = watch.watch(pid, control, job["limits"])
        watch.end_all()
        control.sendall(json.dumps({"code": code}).encode() + b"\n")
        if code is None:
            return


def _onto_standard(read_fd: int, print_fd: int) -> None:
    os.dup2(read_fd, 0)
    os.dup2(print_fd, 1)
    os.dup2(print_fd, 2)


def _become_worker(fds: list[int], track: str, settings: dict[str, Any]) -> None:
    """Put up the walls, then serve. fds: questions, answers, prints."""
    from helpers.grading import sandbox, worker

    os.setsid()
    read_fd, write_fd, print_fd = fds
    _onto_standard(os.open(os.devnull, os.O_RDONLY), print_fd)
    os.close(print_fd)
    walls, folder = settings["walls"], settings["folder"]
    os.environ.clear()
    os.environ.update(settings["environment"])
    os.chdir(folder)
    if "user" in walls:
        if os.getuid() == 0:
            os.chown(folder, sandbox.NOBODY, sandbox.NOBODY)
        sandbox.leave_root()
    elif "half user" in walls:
        sandbox.leave_half_root()
    if "namespaces" in walls:
        sandbox.own_namespaces()
        if settings["limits"]:
            sandbox.own_disk(folder, 3 * settings["limits"]["file_size"], 5000)
        _fork_and_wait()  # the child is process 1 of its namespace: at its end the kernel ends all others in it
        sandbox.end_with_parent()
        _fork_and_wait()  # and process 1 itself runs no student's code
    else:
        sandbox.end_with_parent()
    if "landlock" in walls:
        own = [f"/proc/{os.readlink('/proc/self')}"]
        sandbox.restrict_files(settings["read"] + own, [folder], settings["listed"])
    if settings["limits"]:
        sandbox.limit(**settings["limits"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    worker.begin(read_fd, write_fd, track)


def _fork_and_wait() -> None:
    """Go on in a child; the parent waits for it and ends with its code."""
    from helpers.grading import sandbox

    child = os.fork()
    if child:
        for fd in range(3, 256):
            try:
                os.close(fd)
            except OSError:
                continue
        os._exit(sandbox.pass_on(child))


if __name__ == "__main__":
    main()
