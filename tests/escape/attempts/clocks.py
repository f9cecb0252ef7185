"""Time: of the machine, by which events are ordered."""

import ctypes
import struct
import time

from . import calls
from .core import attempt


@attempt("time")
def sets_the_clock() -> str:
    """clock_settime(2), to what it is."""
    time.clock_settime_ns(time.CLOCK_REALTIME, time.time_ns())
    return "the clock was set"


@attempt("time")
def sets_the_time_of_day() -> str:
    """settimeofday(2), to what it is; and the time zone of the kernel."""
    return f"{calls.call('settimeofday', 0, ctypes.create_string_buffer(struct.pack('ii', 0, 0)))}"


@attempt("time")
def slews_the_clock() -> str:
    """adjtimex(2): ADJ_TICK as it is."""
    state = ctypes.create_string_buffer(256)
    calls.call("adjtimex", state)
    ctypes.memmove(state, struct.pack("I", 0x4000), 4)
    return f"state {calls.call('adjtimex', state)}"
