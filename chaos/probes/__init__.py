"""The ways to look at a target. `chaos.probes.union` names them all; it is imported when somebody asks for them.

Inside the sandbox only the modules of the probes that an order names are read.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from chaos.probes.base import Probe as Probe

if TYPE_CHECKING:
    from chaos.probes.union import PROBES as PROBES
    from chaos.probes.union import AnyProbe as AnyProbe


def made(fields: Mapping[str, Any]) -> Probe:
    """The probe of an order's fields: its class is `HttpProbe` in `chaos.probes.http` for `type: http`."""
    type_ = fields["type"]
    probe: Probe = getattr(import_module(f"chaos.probes.{type_}"), f"{type_.title()}Probe")(**fields)
    return probe


def __getattr__(name: str) -> object:
    if name not in ("PROBES", "AnyProbe"):
        raise AttributeError(f"module 'chaos.probes' has no attribute '{name}'")
    from chaos.probes import union

    return getattr(union, name)
