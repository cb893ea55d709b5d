"""This package as another system would run it: `python -m helpers.foreign_system win32 train ...`, or `win32 -c CODE`.

The modules of this package cannot import those of Unix, and find `os`, `signal` and `sys` without what they lack there.
Libraries keep what they need here. New processes are started anew, as on Windows and macOS, and not forked.
"""

import builtins
import multiprocessing
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

PACKAGE = "seep_lightning"
OF_UNIX = ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty")


@dataclass(frozen=True)
class System:
    """What a system lacks, and what it says of itself."""

    lacking: frozenset[str]
    modules: frozenset[str]
    answers: Mapping[str, str]


LINUX_ONLY = {"posix_fallocate", "posix_fadvise", "sched_getaffinity", "sched_setaffinity", "memfd_create", "eventfd"}
UNIX_ONLY = {
    *LINUX_ONLY,
    # there it ends a process that is only asked for
    "kill",
    *("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK"),
    *("fork", "forkpty", "getegid", "geteuid", "getgid", "getloadavg", "getpgid", "getuid", "killpg", "mkfifo", "nice"),
    *("pread", "preadv", "pwrite", "pwritev", "register_at_fork", "setsid", "statvfs", "sysconf", "uname", "wait4"),
    *("SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGXCPU"),
    *("alarm", "pause", "pthread_sigmask", "setitimer", "sigwait"),
}
SYSTEMS = {
    "darwin": System(frozenset(LINUX_ONLY), frozenset(), {"platform": "darwin"}),
    "win32": System(frozenset(UNIX_ONLY), frozenset(OF_UNIX), {"platform": "win32", "name": "nt"}),
}


class Lacking(ModuleType):
    """A module without some of its names."""

    def __init__(self, module: ModuleType, system: System) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(_module=module, _system=system)

    def __getattr__(self, name: str) -> Any:
        if name in self._system.lacking:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} on this system")
        value = getattr(self._module, name)
        return self._system.answers.get(name, value) if isinstance(value, str) else value

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._module, name, value)


def pretend(name: str) -> None:
    """Have this package find another system from now on."""
    system = SYSTEMS[name]
    lacking = {module.__name__: Lacking(module, system) for module in (sys, *map(__import__, ("os", "signal")))}
    import_here = builtins.__import__

    def import_there(name: str, globals: Any = None, *others: Any, **more: Any) -> Any:
        # a module that runs as a program is called `__main__`, but knows its package
        package = (globals or {}).get("__package__") or ""
        if not package.startswith(PACKAGE):
            return import_here(name, globals, *others, **more)
        if name in system.modules:
            raise ModuleNotFoundError(f"No module named {name!r} on this system", name=name)
        return lacking.get(name) or import_here(name, globals, *others, **more)

    builtins.__import__ = import_there
    multiprocessing.set_start_method("spawn")


def main() -> None:
    """Run a command of this package, or Python code, on another system."""
    name, *rest = sys.argv[1:]
    pretend(name)
    if rest[0] == "-c":
        exec(rest[1], {"__package__": PACKAGE})
        return
    from seep_lightning.__main__ import main as seep

    sys.argv = ["seep", *rest]
    seep()


if __name__ == "__main__":
    main()
