"""Escape attempts: a program that runs as an app's process in a sandbox, and tells what it reached.

Only the standard library. `python3 -S attempts.pyz` prints one JSON line an attempt:
`{"name": …, "kind": …, "reached": bool, "said": what it reached, or the errno that it was refused with}`.
Honest checks print the same with kind `honest`; there `reached` is what ought to be true.
"""

from . import (
    capabilities,
    clocks,
    descriptors,
    devices,
    files,
    groups,
    honest,
    honest_io,
    honest_memory,
    keys,
    limits,
    mounts,
    namespaces,
    network,
    outer,
    processes,
    signals,
    sockets,
    syscalls,
    sysctls,
    terminals,
    tracing,
)
from .core import ATTEMPTS, Attempt

__all__ = [
    "ATTEMPTS", "Attempt", "capabilities", "clocks", "descriptors", "devices", "files", "groups", "honest",
    "honest_io", "honest_memory", "keys", "limits", "mounts", "namespaces", "network", "outer", "processes", "signals",
    "sockets", "syscalls", "sysctls", "terminals", "tracing",
]  # fmt: skip
