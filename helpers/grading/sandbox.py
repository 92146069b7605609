"""Walls around a process on Linux: namespaces, Landlock, an unprivileged user, limits. Each is tried; none is needed to run.

Called in a fresh process, before a student's code. Constants are those of the kernel's headers.
"""

import ctypes
import os
import signal
import struct
import sys
from pathlib import Path
from typing import Any

try:
    import resource
except ModuleNotFoundError:
    message = "the grader needs Linux or macOS, whose means of limiting processes it uses; on Windows run it in WSL"
    raise ModuleNotFoundError(message, name="resource") from None

WALLS = ("user", "namespaces", "landlock")
COMBINATIONS = (  # from the safest to none; "half user": root's files, but not root's right to any number of processes
    WALLS,
    ("half user", "namespaces", "landlock"),
    ("namespaces", "landlock"),
    ("user", "landlock"),
    ("landlock",),
    ("user", "namespaces"),
    ("namespaces",),
    ("user",),
    (),
)
NOBODY = 65534
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
_NEW_USER, _NEW_PID, _NEW_NET, _NEW_IPC, _NEW_MOUNTS = 0x10000000, 0x20000000, 0x40000000, 0x08000000, 0x00020000
_NO_SUID, _NO_DEVICES = 2, 4
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_READ = (1 << 0) | (1 << 2) | (1 << 3)  # execute, read a file, read a folder
_ON_FILES = (1 << 0) | (1 << 1) | (1 << 2) | (1 << 14) | (1 << 15)
_O_PATH = 0o10000000
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sys/devices/system/cpu", "/sys/devices/system/node")
_SYSTEM += tuple(f"/etc/{name}" for name in ("ld.so.cache", "localtime", "fonts", "nsswitch.conf", "passwd", "group"))
_SYSTEM += tuple(f"/proc/{name}" for name in ("cpuinfo", "meminfo", "stat", "version", "sys/vm"))
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> bool:
    """One switch of the calling process; says whether the kernel did it."""
    return sys.platform == "linux" and _libc().prctl(option, value, 0, 0, 0) == 0


def hide_memory() -> bool:
    """Keep this process's memory, descriptors and environment from other processes of its user."""
    return prctl(_PR_SET_DUMPABLE, 0)


def adopt_orphans() -> bool:
    """Become the parent of descendants whose own parent has ended, so that they can be ended too."""
    return prctl(_PR_SET_CHILD_SUBREAPER, 1)


def landlock_version() -> int:
    """The version of Landlock that the kernel offers; 0: none."""
    if sys.platform != "linux":
        return 0
    return max(0, _libc().syscall(_LANDLOCK_CREATE, None, 0, 1))


def readable(prefixes: list[str], hidden: list[str]) -> list[str]:
    """Paths that together hold all of `prefixes` but nothing of `hidden`."""
    found: list[str] = []
    out = [Path(one).resolve() for one in hidden]
    for prefix in dict.fromkeys(Path(one).resolve() for one in prefixes):
        if any(prefix == one or one in prefix.parents for one in out) or not prefix.exists():
            continue
        if any(prefix in one.parents for one in out):
            found += readable([str(child) for child in prefix.iterdir()], hidden)
        else:
            found.append(str(prefix))
    return found


def system_paths() -> list[str]:
    """What Python and its libraries read, outside the course."""
    return [*_SYSTEM, sys.prefix, sys.base_prefix, *(path for path in sys.path if "site-packages" in path)]


def restrict_files(read: list[str], write: list[str], listed: list[str]) -> None:
    """Landlock: read only `read`, list also `listed`, write only `write`; no TCP, no signals outside. Raises OSError."""
    version, libc = landlock_version(), _libc()
    if not version:
        raise OSError("this kernel has no Landlock")
    known = (1 << (13 + (version >= 2) + (version >= 3))) - 1 | ((1 << 15) if version >= 5 else 0)
    rules = struct.pack("QQQ", known, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    rules = rules[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = libc.syscall(_LANDLOCK_CREATE, ctypes.c_char_p(rules), len(rules), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "Landlock refuses a rule set")
    wanted = [(path, _READ) for path in read] + [(path, 1 << 3) for path in listed] + [(path, known) for path in write]
    wanted += [(path, (1 << 1) | (1 << 2)) for path in _DEVICES]
    for path, rights in wanted:
        try:
            fd = os.open(path, _O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        allowed = rights & known if os.path.isdir(path) else rights & known & _ON_FILES
        rule = struct.pack("=Qi", allowed, fd)
        failed = libc.syscall(_LANDLOCK_ADD, ruleset, 1, ctypes.c_char_p(rule), 0)
        os.close(fd)
        if failed:
            raise OSError(ctypes.get_errno(), f"Landlock refuses a rule for {path}")
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0):
        raise OSError(ctypes.get_errno(), "Landlock refuses to begin")
    os.close(ruleset)


def leave_root() -> None:
    """Become the user nobody where this process is root's."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        prctl(_PR_SET_DUMPABLE, 1)


def leave_half_root() -> None:
    """Count root's processes from here on as nobody's; files stay root's, so namespaces and Landlock must follow."""
    os.setresuid(NOBODY, 0, 0)


def own_namespaces() -> None:
    """No network, no sight of other processes for those started from here on; mounts of its own. Raises OSError."""
    user, group = os.geteuid(), os.getegid()
    if _libc().unshare(_NEW_USER | _NEW_PID | _NEW_NET | _NEW_IPC | _NEW_MOUNTS):
        raise OSError(ctypes.get_errno(), "no namespaces for users")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def own_disk(folder: str, size: int, files: int) -> bool:
    """Put an empty disk of `size` bytes and so many files in place of a folder and go there; needs namespaces.

    It is gone when the last process of the namespaces is. Says whether the system allows it.
    """
    options = f"size={size},nr_inodes={files},mode=700".encode()
    done = _libc().mount(b"tmpfs", folder.encode(), b"tmpfs", _NO_SUID | _NO_DEVICES, options) == 0
    os.chdir(folder)
    return done


def pass_on(child: int) -> int:
    """Wait for a child and give its exit code, 128 + number for a signal."""
    while True:
        pid, status = os.waitpid(-1, 0)  # orphans end here too
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def end_with_parent() -> None:
    """Die when the process that started this one dies."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def limit(seconds: int, memory: int, file_size: int, processes: int) -> None:
    """Limits of the kernel on CPU seconds, bytes of memory beyond those in use, bytes of a file, processes and threads."""
    with open("/proc/self/statm") as file:
        in_use = int(file.read().split()[0]) * resource.getpagesize()
    wanted = {
        resource.RLIMIT_CPU: (seconds, seconds + 1),
        resource.RLIMIT_AS: (in_use + memory,) * 2,
        resource.RLIMIT_FSIZE: (file_size,) * 2,
        resource.RLIMIT_NPROC: (processes,) * 2,
        resource.RLIMIT_NOFILE: (256,) * 2,
        resource.RLIMIT_CORE: (0, 0),
    }
    for what, (soft, hard) in wanted.items():
        top = resource.getrlimit(what)[1]
        if top != resource.RLIM_INFINITY:
            soft, hard = min(soft, top), min(hard, top)
        resource.setrlimit(what, (soft, hard))
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass
