"""The ways to hurt a target. NAMES is the registry: a new fault is one file and one name in it.

Each module is read when its fault is first asked for: reading thirty of them for the one that a manifest names costs
more than everything else of reading it.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Union

from chaos.faults import fault_class
from chaos.faults.support.base import Fault

NAMES = (
    "bandwidth",
    "blackhole",
    "clock_skew",
    "connection_refused",
    "connection_reset",
    "cpu_stress",
    "cpu_throttle",
    "crash_loop",
    "dependency_failure",
    "disk_full",
    "disk_read_only",
    "dns_failure",
    "fd_exhaustion",
    "http_fault",
    "inode_exhaustion",
    "io_stress",
    "io_throttle",
    "memory_limit",
    "memory_pressure",
    "network_delay",
    "packet_corrupt",
    "packet_duplicate",
    "packet_loss",
    "packet_reorder",
    "pid_exhaustion",
    "process_kill",
    "process_pause",
    "process_stop",
    "sandbox_freeze",
    "sandbox_offline",
)


class _Faults(Mapping[str, type[Fault]]):
    """The class of each fault, by the `type` that a manifest writes."""

    def __getitem__(self, name: str) -> type[Fault]:
        if name not in NAMES:
            raise KeyError(name)
        return fault_class(name)

    def __contains__(self, name: object) -> bool:
        return name in NAMES

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


FAULTS: Mapping[str, type[Fault]] = _Faults()


@cache
def any_fault() -> Any:
    """The union of all classes, for what is about all of them at once: the schema, and tests."""
    return Union[tuple(FAULTS.values())]  # noqa: UP007  of a tuple that is made here
