"""Say whether what a probe saw is acceptable: the one place where a sample becomes good or bad.

Silence means healthy: what a tolerance leaves unsaid must still be well. An HTTP answer needs a 2xx status unless
`status` names others, a command must exit 0, a port must accept, a process must run. So `{maxLatency: 200ms}` never
calls a quick 500 good.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from chaos.units import DURATION, RATE, SHARE, Unit

UNITS: Mapping[str, Unit] = {"duration": DURATION, "share": SHARE, "rate": RATE}


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """The values accepted of one probe, in base units; `unit` says how `min` and `max` are written in sentences."""

    status: int | Sequence[int] | None = None
    contains: str | None = None
    matches: str | None = None
    max_latency: float | None = None
    exit_code: int | None = None
    running: bool | None = None
    max_restarts: int | None = None
    connected: bool | None = None
    min: float | None = None
    max: float | None = None
    unit: str | None = None

    def accepts(self, value: Mapping[str, Any] | None, error: str | None, took_s: float) -> bool:
        """Whether one sample is good. A failed look is bad, except where failing to connect or run is what is wanted."""
        if error is not None or value is None:
            return self.connected is False or self.running is False
        if self.max_latency is not None and took_s > self.max_latency:
            return False
        return all(self._judgements(value))

    @property
    def reads_text(self) -> bool:
        """Whether judging needs the text that the probe saw (an HTTP body, a command's output)."""
        return self.contains is not None or self.matches is not None

    def to_json(self) -> dict[str, Any]:
        """What was said, and nothing else; `Tolerance(**that)` is this tolerance again."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        if isinstance(said.get("status"), tuple):
            said["status"] = list(said["status"])
        return said

    def __str__(self) -> str:
        return " and ".join(self._words()) or "healthy"

    def _judgements(self, value: Mapping[str, Any]) -> Iterator[bool]:
        if "status" in value:
            yield self._accepts_status(value["status"])
        if "exit_code" in value:
            yield value["exit_code"] == (self.exit_code or 0)
        if "connected" in value:
            yield value["connected"] is (self.connected is not False)
        if "running" in value:
            yield value["running"] is (self.running is not False)
        if self.max_restarts is not None:
            yield value.get("restarts", 0) <= self.max_restarts
        if self.reads_text:
            yield self._accepts_text(str(value.get("body", value.get("output", ""))))
        if self.min is not None or self.max is not None:
            yield self._accepts_number(value.get("value"))

    def _accepts_status(self, status: int) -> bool:
        if self.status is None:
            return 200 <= status < 300
        return status == self.status if isinstance(self.status, int) else status in self.status

    def _accepts_text(self, text: str) -> bool:
        if self.contains is not None and self.contains not in text:
            return False
        return self.matches is None or re.search(self.matches, text) is not None

    def _accepts_number(self, number: float | None) -> bool:
        if number is None:
            return False
        return (self.min is None or number >= self.min) and (self.max is None or number <= self.max)

    def _words(self) -> Iterator[str]:
        if self.status is not None:
            statuses = [self.status] if isinstance(self.status, int) else self.status
            yield "status " + " or ".join(str(status) for status in statuses)
        if self.exit_code is not None:
            yield f"exit code {self.exit_code}"
        if self.connected is not None:
            yield "connected" if self.connected else "not connected"
        if self.running is not None:
            yield "running" if self.running else "not running"
        if self.max_restarts is not None:
            yield f"at most {self.max_restarts} restart{'s' * (self.max_restarts != 1)}"
        if self.contains is not None:
            yield f"text containing {self.contains!r}"
        if self.matches is not None:
            yield f"text matching /{self.matches}/"
        if self.max_latency is not None:
            yield f"answered within {DURATION.format(self.max_latency)}"
        if self.min is not None:
            yield f"at least {self._quantity(self.min)}"
        if self.max is not None:
            yield f"at most {self._quantity(self.max)}"

    def _quantity(self, number: float) -> str:
        unit = UNITS.get(self.unit or "")
        return unit.format(number) if unit else f"{number:g}"
