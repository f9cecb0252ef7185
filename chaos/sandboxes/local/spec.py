"""Specification of a local sandbox."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from chaos.sandboxes.support.spec import Sandbox, Why

if TYPE_CHECKING:
    from chaos.faults.support.base import Fault


class LocalSandbox(Sandbox):
    """Embedded: Linux namespaces on the machine that runs ChaosLab."""

    provides = frozenset({"net-admin", "mount", "memory-limit", "block-device"})

    type: Literal["local"] = "local"
    """Embedded in the machine that runs ChaosLab; needs no account."""

    def refuses(self, fault: "Fault") -> Iterator[Why]:
        """What a fault needs is this machine's own."""
        if why := fault.missing():
            yield ("fault",), f"{fault.type} cannot be injected on this machine: {why}"
