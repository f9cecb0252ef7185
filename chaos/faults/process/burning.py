"""Helpers that burn CPU time as a neighbour of the app would: a share of a core for long, or all of it for a moment."""

import contextlib
import os
import time
from pathlib import Path

from chaos.faults.support.channel import receive, send

_TICK_S = 0.02
_REPORT_S = 0.2
_MOST_DEBT_S = 0.1
"""What a burner could not burn when others had the core is made up for later, but no more than this."""


def burn(load: float) -> None:
    """Helper: use `load` of one core until killed or the channel ends; tell what was had, every 200 ms.

    In a session of its own and at ordinary priority: the scheduler treats it as it does the app.
    """
    _be_ordinary()
    start, used_s = time.monotonic(), time.process_time()
    last, last_used_s, last_waited_s = start, used_s, _waited_s()
    send({"burning": True})
    tick, skipped_s = 0, 0.0
    while True:
        tick += 1
        ends = start + tick * _TICK_S
        goal_s = used_s + load * tick * _TICK_S - skipped_s
        while time.process_time() < goal_s and time.monotonic() < ends:
            pass
        skipped_s += max(0.0, goal_s - time.process_time() - _MOST_DEBT_S)
        if (left_s := ends - time.monotonic()) > 0:
            time.sleep(left_s)
        now = time.monotonic()
        tick = max(tick, int((now - start) / _TICK_S))
        if now - last >= _REPORT_S:
            had_s, waited_s = time.process_time(), _waited_s()
            report = {"s": now - last, "cpu_s": had_s - last_used_s, "waited_s": waited_s - last_waited_s}
            send({name: round(value, 6) for name, value in report.items()})
            last, last_used_s, last_waited_s = now, had_s, waited_s
            receive(0)


def burn_when_told() -> None:
    """Helper: on {"for_s": seconds} use all of a core for so long from now; the latest word counts."""
    _be_ordinary()
    send({"ready": True})
    until = 0.0
    while True:
        order = receive(0 if time.monotonic() < until else None)
        if order is not None:
            until = time.monotonic() + float(order["for_s"])


def _be_ordinary() -> None:
    os.setsid()
    with contextlib.suppress(PermissionError):  # under nice(1) nobody gets that back, the app neither
        os.setpriority(os.PRIO_PROCESS, 0, 0)


def _waited_s() -> float:
    """How long this process was ready to run and had no core (schedstat, proc(5)); 0 where the kernel does not say."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
    return 0.0
