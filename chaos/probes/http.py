"""Ask a URL and see what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from chaos.probes.base import Context, Interval, Probe
from chaos.units import PositiveDuration


@dataclass(frozen=True, kw_only=True)
class HttpProbe(Probe):
    """Ask a URL, on a connection of its own, and see status and body. Redirects are not followed."""

    type: Literal["http"] = "http"
    url: str
    """Plain http:// URL as seen from inside the sandbox, usually on 127.0.0.1."""
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    """Request method."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Request headers."""
    body: str | None = None
    """Request body, sent as UTF-8."""
    every: Interval = 0.1
    """Time between the intended starts of two looks."""
    timeout: PositiveDuration = 1.0
    """Time for the whole answer; a later one counts as an error."""

    async def observe(self, context: Context) -> Mapping[str, Any]:
        """`{"status": 200, "bytes": 12, "body": "…"}`; the body is text of at most 64 KiB."""
        raise NotImplementedError
