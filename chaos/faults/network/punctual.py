"""Be on time: what a process that delays or times packets asks of the kernel and of Python."""

import contextlib
import gc
import os
from pathlib import Path


def be_punctual() -> None:
    """Have waits end on time, run before ordinary processes where that is allowed, and make no pauses of our own.

    By default the kernel lets a wait be 50 us late (timerslack_ns in proc(5)). On a busy machine the rest of the
    lateness is waiting for a processor; a real-time priority (sched(7)) needs CAP_SYS_NICE outside of any user
    namespace, so a rootless sandbox goes without.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/timerslack_ns").write_text("1")
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    gc.freeze()
    gc.disable()
