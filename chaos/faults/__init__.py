"""The ways to hurt a target. `chaos.faults.union` names them all; it is imported when somebody asks for them.

A helper process inside the sandbox needs the module of one fault, and so starts in half the time.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaos.faults.union import FAULTS as FAULTS
    from chaos.faults.union import AnyFault as AnyFault


def __getattr__(name: str) -> object:
    if name not in ("FAULTS", "AnyFault"):
        raise AttributeError(f"module 'chaos.faults' has no attribute '{name}'")
    from chaos.faults import union

    return getattr(union, name)
