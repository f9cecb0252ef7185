"""Open a TCP connection and close it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chaos.probes.base import Context, Interval, Probe
from chaos.units import PositiveDuration


@dataclass(frozen=True, kw_only=True)
class TcpProbe(Probe):
    """Open a TCP connection to a port and close it again; nothing is sent."""

    type: Literal["tcp"] = "tcp"
    host: str = "127.0.0.1"
    """Address as seen from inside the sandbox."""
    port: int
    """Port, 1 to 65535."""
    every: Interval = 0.1
    """Time between the intended starts of two looks."""
    timeout: PositiveDuration = 1.0
    """Time to connect; later counts as not connected."""

    async def observe(self, context: Context) -> Mapping[str, Any]:
        """`{"connected": true}`; refused and timed out are `false`, not errors."""
        raise NotImplementedError
