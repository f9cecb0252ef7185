"""The ways to hurt a target. `chaos.faults.union` names them all; it is imported when somebody asks for them.

Inside the sandbox only the modules of the faults that an order names are read, which takes a fraction of the time.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaos.faults.support.base import Fault
    from chaos.faults.union import FAULTS as FAULTS


def fault_class(type_: str) -> "type[Fault]":
    """The class of the fault that a manifest calls `type_`: `NetworkDelay` in `chaos.faults.network_delay`."""
    found: type[Fault] = getattr(import_module(f"chaos.faults.{type_}"), type_.title().replace("_", ""))
    return found


def __getattr__(name: str) -> object:
    if name != "FAULTS":
        raise AttributeError(f"module 'chaos.faults' has no attribute '{name}'")
    from chaos.faults import union

    return union.FAULTS
