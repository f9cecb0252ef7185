"""Undo what outlives its maker: a shell that runs one command when the agent is gone without having undone its fault.

What the kernel keeps (a mount's options, a limit) stays when the agent is killed with SIGKILL. The shell waits on a
pipe whose other end only the agent holds; the kernel closes it with the agent, whatever ended it.
"""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from chaos.errors import InjectionError

_SCRIPT = 'read -r word || exec "$@"'
_WITHIN_S = 2.0


@contextmanager
def undone_by_death(*command: str) -> Iterator[None]:
    """`command` runs if, and as soon as, this process dies inside the block. Leaving it calls that off.

    Raises InjectionError when there is no shell: then the fault must not begin.
    """
    argv = ["/bin/sh", "-c", _SCRIPT, "chaoslab-dead-man", *command]
    try:
        shell = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise InjectionError(
            f"nothing could undo this if the agent died: /bin/sh: {error.strerror}"
        ) from error
    assert shell.stdin is not None
    try:
        yield
    finally:
        try:
            with shell.stdin as pipe:
                pipe.write(b"undone\n")
        except BrokenPipeError:
            pass  # somebody killed the shell; there is nothing to call off
        _collect(shell)


def _collect(shell: "subprocess.Popen[bytes]") -> None:
    try:
        shell.wait(_WITHIN_S)
    except subprocess.TimeoutExpired:
        shell.kill()
        shell.wait()


def in_turn(commands: Sequence[Sequence[str]]) -> list[str]:
    """One command that runs each of them, whatever became of those before."""
    lines: list[str] = []
    words: list[str] = []
    for command in commands:
        names = [f'"${{{len(words) + index + 1}}}"' for index in range(len(command))]
        lines.append(" ".join(names))
        words += command
    return ["/bin/sh", "-c", "; ".join(lines), "sh", *words]
