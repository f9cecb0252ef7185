"""Find out by doing which fault mechanisms work in this sandbox: each is put in place and taken away again."""

import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from chaos.agent.record import Record
from chaos.agent.supervisor import Supervisor
from chaos.agent.target import StepTarget
from chaos.errors import FaultError, TargetError
from chaos.events import Clock
from chaos.faults.clock.witness import witness
from chaos.faults.network.packets import BACKENDS, Backend
from chaos.faults.network.selection import Selection

MEMORY_LIMIT = "memory limit by a control group"
_SOME_PORT = 9
_SOME_OFFSET_S, _NEAR_S, _SEEN_WITHIN_S = 3600.0, 0.1, 3.0
_SOME_DELAY = {"way": "delay", "delay_s": 0.001, "jitter_s": 0.0}


def capabilities(work: Path) -> dict[str, str | None]:
    """Mechanism -> None when it works, else why not."""
    order = {"app": "/", "memory_limit_bytes": 2**27, "processes": []}
    record = Record(os.devnull, Clock())
    target = StepTarget("doctor", Supervisor(order, record), record, work, 0, threading.Event())
    found = {MEMORY_LIMIT: _try(target.memory.prove)}
    found |= {
        f"network_delay by {name}": _try(partial(_delay, backend, target)) for name, backend in BACKENDS
    }
    found["dns faults by bind mounts"] = _try(partial(_bind, target))
    found["clock_skew by preload"] = _try(partial(_clock, target))
    return found


def _try(action: Callable[[], None]) -> str | None:
    try:
        action()
    except (FaultError, TargetError, OSError) as error:
        return str(error) or type(error).__name__
    return None


def _delay(backend: Backend, target: StepTarget) -> None:
    with backend(target, Selection((_SOME_PORT,), False, (), _SOME_PORT), _SOME_DELAY):
        pass


def _clock(target: StepTarget) -> None:
    with witness(target, os.environ) as seer:
        seer.clock.set(_SOME_OFFSET_S)
        if seer.until_near(_SOME_OFFSET_S, _NEAR_S, _SEEN_WITHIN_S) is None:
            raise FaultError("a process under the library sees the true time all the same")


def _bind(target: StepTarget) -> None:
    target.run("mount", "--bind", "/etc/hosts", "/etc/hosts")
    target.run("umount", "/etc/hosts")
