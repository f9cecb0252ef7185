"""Why a start failed, in one sentence: what the kernel, a shell, Python, Node and others say of the usual reasons.

Pure but for `cannot_run`, `scripted` and `served_by`, which look at the script that was to run, and at who listens.
"""

import errno
import os
import re
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from chaos.agent import procfs
from chaos.text.deferred import deferred

_HEAD_BYTES = 64 * 1024
_MOST_SHOWN = 120
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})
_LEFT_OUT = "what developing leaves (node_modules, .venv) is not taken into the sandbox"
_ENDS = "has Windows line ends (its lines end in \\r\\n); write it with \\n, which in git `*.sh text eol=lf` keeps"
_RETURN = deferred(r"\r.*\S|option -\r|\^M|\\r\b")
_SHELL_SAYS = deferred(
    r"not found|no such file|bad interpreter|illegal option|invalid option|syntax error|required file", re.I
)
_NOT_FOUND = deferred(
    r"^\S*sh: (?:(?:line )?\d+: )?([^\s:]+): "
    r"(?:(?:command )?not found|No such file or directory|cannot execute: required file not found)$"
)
_SAID: Sequence[tuple[re.Pattern[str], str]] = [
    (
        deferred(r"^(?:ModuleNotFoundError|ImportError): No module named ['\"]?([^'\"\s]+)"),
        f"Python finds no module '{{}}': let 'setup' install it; {_LEFT_OUT}",
    ),
    (
        deferred(r"(?:Cannot find (?:module|package)) '([^'./][^']*)'"),
        f"Node finds no module '{{}}': let 'setup' install it, such as [npm, ci]; {_LEFT_OUT}",
    ),
    (
        deferred(r"Cannot find module '([./][^']*)'"),
        "Node finds no file '{}': it is not in the app's directory",
    ),
    (
        deferred(r"cannot load such file -- (\S+)"),
        "Ruby finds no '{}': let 'setup' install it, such as [bundle, install]",
    ),
    (
        deferred(r"Could not find or load main class (\S+)"),
        "Java finds no class '{}': let 'setup' build it",
    ),
    (deferred(r"Unable to access jarfile (\S+)"), "Java finds no file '{}': let 'setup' build it"),
    (
        deferred(r"error while loading shared libraries: ([^:\s]+)"),
        "the library '{}' is not in the sandbox: a local sandbox has what this machine has installed",
    ),
    (
        _NOT_FOUND,
        f"the program '{{}}' is not in the sandbox: let 'setup' install it; {_LEFT_OUT}",
    ),
]


def said(lines: Iterable[str], cwd: str = "") -> str:
    """What the last lines of a process tell of why it did not start; empty when they say nothing that is known.

    A shell in `cwd` calls a script of the app's not found, too, when it is there and its interpreter is not.
    """
    for line in reversed(list(lines)):
        if _RETURN.search(line) and _SHELL_SAYS.search(line):
            return f"a script {_ENDS}"
        for pattern, words in _SAID:
            if found := pattern.search(line):
                if pattern is _NOT_FOUND and "/" in found.group(1):
                    return _script_not_found(found.group(1), cwd)
                return words.format(found.group(1)[:_MOST_SHOWN])
    return ""


def _script_not_found(script: str, cwd: str) -> str:
    missing = OSError(errno.ENOENT, os.strerror(errno.ENOENT), script)
    return f"{script} cannot be run: {cannot_run([script], cwd, missing)}" if cwd else ""


def scripted(command: Sequence[str], cwd: str) -> str:
    """What is wrong with the script that a command runs: its line ends. Empty when nothing is."""
    if not command:
        return ""
    name, lines = command[0], _head(_program(command[0], cwd)).split(b"\n")
    if lines[0].startswith(b"#!") and lines[0].endswith(b"\r"):
        return f"{name} {_ENDS}"
    shell = _shell_of(name, lines[0])
    scripts = [each for each in command[1:] if not each.startswith("-")][:1] if shell else []
    for script in scripts:
        if b"\r\n" in _head(str(Path(cwd, script))):
            return f"{script} {_ENDS}"
    return ""


def cannot_run(command: Sequence[str], cwd: str, error: OSError) -> str:
    """Why the kernel would not execute it. `No such file` is said of a script when its interpreter is missing, too."""
    program = command[0]
    path = _program(program, cwd)
    if not Path(cwd).is_dir():
        return f"there is no directory {cwd} to start it in"
    if (wrong := scripted(command[:1], cwd)) and error.errno in (errno.ENOENT, errno.ENOEXEC):
        return wrong
    head = _head(path)
    if error.errno == errno.ENOENT and head.startswith(b"#!"):
        interpreter = head[2:].split(b"\n", 1)[0].split()
        named = interpreter[0].decode(errors="replace")[:_MOST_SHOWN] if interpreter else ""
        return f"its first line asks for '{named}', which is not in the sandbox"
    if error.errno == errno.EACCES and head:
        return "it may not be executed: chmod +x it, which in git is `git update-index --chmod=+x`"
    if error.errno == errno.ENOEXEC:
        return "it is neither a program for this machine nor a script whose first line begins with #!"
    if error.errno == errno.ENOENT and not path:
        where = "in the app's directory" if "/" in program else f"in the sandbox; {_LEFT_OUT}"
        return f"there is no such {'file' if '/' in program else 'program'} {where}"
    return error.strerror or str(error)


def served_by(port: int, own: Iterable[int]) -> str:
    """Who listens on a TCP port, `nginx (pid 7)`, if it is nobody of `own`; empty when it is, or cannot be known."""
    from chaos.faults.process.listening import holders, sockets  # read when somebody asks: few starts fail

    listening = holders(sockets(port), sorted(procfs.parents()))
    if not listening or not set(own).isdisjoint(listening):
        return ""
    return f"{procfs.called(listening[0])} (pid {listening[0]})"


def _program(name: str, cwd: str) -> str:
    """Where execvp(3) finds it; empty when it does not."""
    if "/" not in name:
        from shutil import which  # brings compression along, and few starts fail

        return which(name) or ""
    path = Path(cwd, name)
    return str(path) if path.exists() else ""


def _head(path: str) -> bytes:
    """The beginning of a regular file; empty for all else. Never waits."""
    if not path:
        return b""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_HEAD_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""


def _shell_of(program: str, first_line: bytes) -> bool:
    """Whether that program reads the script that follows it as a shell does."""
    return Path(program).name in _SHELLS and not first_line.startswith(b"#!")
