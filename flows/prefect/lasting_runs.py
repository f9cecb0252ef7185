"""Runs that last: neither a server that counts them and is away for a while ends one, nor that nobody reads its log.

A worker that is killed leaves the processes of its runs behind, and their standard error without a reader. The console
that Prefect logs to would end the process at the next line.
"""

import os
import select
from types import ModuleType
from typing import Any

from flows.prefect.changes import change, replace


def lasting_runs() -> None:
    """Change Prefect's engine when it is imported, or now when it has been."""
    change({"prefect.flow_engine": _engine, "rich.console": _console})


def _engine(module: ModuleType) -> None:
    """A deployment's place is renewed until the server has it no more, which ends nothing."""
    from flows.prefect.places import maintained  # imports Prefect, which reads its settings

    replace(module, "amaintain_concurrency_lease", maintained)


def _console(module: ModuleType) -> None:
    replace(module.Console, "on_broken_pipe", _go_on)


def _go_on(console: Any) -> None:
    """Say no more to nobody, and go on."""
    console.quiet = True
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        if _has_no_reader(stream):
            os.dup2(nowhere, stream)
    os.close(nowhere)


def _has_no_reader(stream: int) -> bool:
    """Whether a pipe's other end is closed (poll(2), POLLERR)."""
    looked = select.poll()
    looked.register(stream, 0)
    return any(events & select.POLLERR for _, events in looked.poll(0))
