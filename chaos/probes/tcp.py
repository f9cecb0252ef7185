"""Open a TCP connection and close it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from chaos.probes.base import Context, Interval, Probe
from chaos.probes.dial import connect, failure, resolve, word
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

    @property
    def subject(self) -> str:
        """See Probe."""
        return str(self.port)

    @property
    def asks(self) -> int | None:
        """See Probe."""
        return self.port

    async def observe(self, context: Context) -> Mapping[str, Any]:
        """`{"connected": true}`; refused and timed out are `false`, not errors; an unknown name is one."""
        try:
            async with asyncio.timeout(self.timeout):
                await connect(_Goodbye, await resolve(self.host), self.port)
        except OSError as error:
            if word(error) in ("unresolved", "exhausted"):
                raise failure(error) from error
            return {"connected": False}
        return {"connected": True}


class _Goodbye(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()
