"""The child's side of `Target.helper`: read the arguments, call the function, never outlive the agent.

A function with the attribute `outlives_agent` is the exception: it ends by the end of its channel, which is its cue
to undo what the agent no longer can.

`command` is how it is started. The first line on standard input is the JSON object of keyword arguments;
then `send` and `receive` speak with the parent. Standard output belongs to the channel, so prints go to
standard error.
"""

import importlib
import json
import os
import select
import sys
import threading

from chaos.errors import FaultError
from chaos.faults.support.channel import receive, send

__all__ = ["main", "receive", "send"]

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def main(name: str) -> None:
    """Run `module:function` of chaos; a FaultError becomes the message {"failed": why} and exit status 3."""
    sys.stdout = sys.stderr
    module, _, function = name.partition(":")
    if not module.startswith("chaos."):
        raise ValueError(f"{name}: helpers are functions of chaos")
    call = getattr(importlib.import_module(module), function)
    if not getattr(call, "outlives_agent", False):
        _die_with_parent()
    arguments = receive() or {}
    try:
        call(**arguments)
    except EOFError:
        return  # the parent closed the channel: that is the ordinary end
    except FaultError as failure:
        send({"failed": str(failure)})
        sys.exit(3)


def _die_with_parent() -> None:
    """Have the kernel kill us when the creating thread ends (prctl(2)); without ctypes, watch the pipe."""
    try:
        import ctypes
    except ImportError:
        threading.Thread(target=_exit_on_hang_up, daemon=True).start()
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if _hung_up(0):  # the parent ended before the call
        os._exit(1)


def _exit_on_hang_up() -> None:
    _hung_up(None)
    os._exit(1)


def _hung_up(timeout_ms: int | None) -> bool:
    """Whether the parent closed our standard input: poll(2) reports POLLHUP though nothing was asked for."""
    watch = select.poll()
    watch.register(0, 0)
    return bool(watch.poll(timeout_ms))


def command(python: str, root: str, name: str) -> list[str]:
    """The command line that runs a helper from a source tree or a zip."""
    line = "import sys; sys.path.insert(0, {}); from chaos.agent.helper import main; main({})"
    return [python, "-I", "-S", "-c", line.format(json.dumps(root), json.dumps(name))]
