"""Watch over a running worker from the process that forked it: count its processes and their memory, end all of them.

The kernel's own limits hold for each process alone, and none of them on the number of processes holds for root. This side
counts every few milliseconds, whatever the user: descendants whose own parent has ended come to this process.
"""

import contextlib
import os
import select
import signal
import socket

PERIOD = 0.03  # seconds between two looks
TOO_MANY, TOO_LARGE = -2, -3  # what is reported in place of an exit code
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def watch(pid: int, control: socket.socket, limits: dict[str, int]) -> int:
    """Wait for a worker's end, or end it: when the grader says so (or has gone), or when it takes more than its share.

    limits: "processes" and "memory" (bytes) of the worker and all that it started; empty: neither is watched. Gives the exit
    code, 128 + number for a signal, TOO_MANY or TOO_LARGE.
    """
    handle, reason = os.pidfd_open(pid), 0
    try:
        while True:
            ready, _, _ = select.select([handle, control], [], [], PERIOD if limits else None)
            if handle in ready:
                break
            if control in ready:
                control.recv(1)
            reason = 0 if control in ready else _excess(limits)
            if control in ready or reason:
                os.kill(pid, signal.SIGKILL)  # what it leaves is `end_all`'s
                break
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(handle)
    code = os.waitstatus_to_exitcode(status)
    return reason or (code if code >= 0 else 128 - code)


def _excess(limits: dict[str, int]) -> int:
    """TOO_MANY, TOO_LARGE or 0."""
    running = descendants()
    if len(running) > limits["processes"]:
        return TOO_MANY
    most = limits["memory"] + _resident(os.getpid())  # they share with this process what it had when they were forked
    return TOO_LARGE if sum(map(_resident, running)) > most and sum(map(_share, running)) > most else 0


def descendants() -> list[int]:
    """All processes that this one has started, and those started by them."""
    found: list[int] = []
    todo = [os.getpid()]
    while todo:
        children = _children(todo.pop())
        found += children
        todo += children
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found += map(int, file.read().split())
    except OSError:  # it has ended
        pass
    return found


def _resident(pid: int) -> int:
    """Bytes of a process in memory, those that it shares with others included: quick to read."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _share(pid: int) -> int:
    """Bytes of a process in memory, where what n processes share counts 1/n: slow to read."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except OSError:
        return 0


def end_all() -> None:
    """End all descendants and take their exit codes: first they are stopped, so that none starts another meanwhile."""
    stopped: set[int] = set()
    for _ in range(1000):
        left = descendants()
        for pid in set(left) - stopped:
            _send(pid, signal.SIGSTOP)
        if set(left) <= stopped:
            break
        stopped |= set(left)
    for _ in range(1000):
        left = descendants()
        for pid in left:
            _send(pid, signal.SIGKILL)
        if not left:
            return
        for pid in left:
            try:
                os.waitpid(pid, 0)
            except OSError:
                continue


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, number)
