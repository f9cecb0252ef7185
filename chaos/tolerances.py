"""Say whether what a probe saw is acceptable: the one place where a sample becomes good or bad.

Silence means healthy: what a tolerance leaves unsaid must still be well. An HTTP answer needs a 2xx status
unless `status` names others, a command must exit 0, a port must accept, a process must run. So
`{maxLatency: 200ms}` never calls a quick 500 good.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from typing import Any, ClassVar

from chaos.invariants import number_of
from chaos.statistics.latencies import QUANTILES, WITH_FAILURES, Request, judged
from chaos.text.regex import TooMuch, pattern_of
from chaos.units import DURATION, RATE, SHARE, Unit

UNJUDGED = "unjudged"
"""The error of a look whose text no pattern could be searched for in, within the work that a look is worth."""
UNITS: Mapping[str, Unit] = {"duration": DURATION, "share": SHARE, "rate": RATE}

ERRORS = "error_rate"


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """The values accepted of one probe, in base units; `unit` says how to write `min` and `max`."""

    terse: ClassVar = True
    """Its JSON has what was said, and nothing else."""
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
    invariant: str | None = None
    """What must hold of the numbers that all looks read; `number`: where in a JSON text they read it."""
    number: str | None = None

    def accepts(self, value: Mapping[str, Any] | None, error: str | None, took_s: float) -> bool:
        """Whether one sample is good. A failed look is bad, unless not connecting or running is wanted."""
        if error is not None or value is None:
            return self.connected is False or self.running is False
        if self.max_latency is not None and took_s > self.max_latency:
            return False
        return all(self._judgements(value))

    def share_of_requests(self, metric: str | None) -> float | None:
        """The share of requests that may be bad, by a metric that says so of them; None of all others.

        A window of one second at 20 requests a second holds 20: its p95 is the 19th, its error rate 0 or 5 % or more,
        and two windows that overlap see the same bad request twice. Over a phase each request counts once:
        `error_rate` of at most 1 % lets 1 % of them fail, `latency_p95` of at most 1 s lets 5 % take longer.
        """
        if self.max is None or self.min is not None:
            return None
        if metric == ERRORS:
            return min(1.0, max(0.0, self.max))
        quantile = QUANTILES.get(str(metric))
        return None if quantile is None else round(1 - quantile, 9)

    def judged_requests(
        self, metric: str | None, found: Sequence[Request], window_s: float
    ) -> list[tuple[Request, bool]]:
        """Of the requests, by intended time, those that such a metric counts, each with whether it is good.

        `window_s`: so long nothing but failures is no good latency (`chaos.statistics.latencies`).
        """
        if metric == ERRORS:
            return [(each, each.failure is None) for each in found]
        within_s = inf if self.max is None else self.max
        if str(metric).endswith(WITH_FAILURES):
            return [(each, each.counted_s <= within_s) for each in found]
        return judged(found, within_s, window_s)

    def judged_text(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a probe saw, with `matches`, whether that is found in its text, and `number`, what an invariant is of.

        It is judged once and written down.

        Raises TooMuch when that cannot be said within the work that a look is worth.
        """
        if self.invariant is not None:
            value = {**value, "number": number_of(value, self.number)}
        if self.matches is None:
            return value
        return {**value, "matches": pattern_of(self.matches).found_in(_text(value))}

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
            yield self._accepts_text(value)
        if self.min is not None or self.max is not None:
            yield self._accepts_number(value.get("value"))
        if self.invariant is not None:
            yield number_of(value, self.number) is not None

    def _accepts_status(self, status: int) -> bool:
        if self.status is None:
            return 200 <= status < 300
        return status == self.status if isinstance(self.status, int) else status in self.status

    def _accepts_text(self, value: Mapping[str, Any]) -> bool:
        if self.contains is not None and self.contains not in _text(value):
            return False
        if self.matches is None:
            return True
        try:
            judged = value if "matches" in value else self.judged_text(value)
        except TooMuch:
            return False
        return judged["matches"] is True

    def _accepts_number(self, number: float | None) -> bool:
        if number is None:
            return False
        return (self.min is None or number >= self.min) and (self.max is None or number <= self.max)

    def _words(self) -> Iterator[str]:
        for name, say in _SENTENCES.items():
            said = getattr(self, name)
            if said is not None:
                yield say(self, said)

    def _quantity(self, number: float) -> str:
        unit = UNITS.get(self.unit or "")
        return unit.format(number) if unit else f"{number:g}"


def _text(value: Mapping[str, Any]) -> str:
    return str(value.get("body", value.get("output", "")))


def _status(_: Tolerance, status: int | Sequence[int]) -> str:
    statuses = [status] if isinstance(status, int) else status
    return "status " + " or ".join(str(one) for one in statuses)


_SENTENCES: Mapping[str, Callable[[Tolerance, Any], str]] = {
    "status": _status,
    "exit_code": lambda _, code: f"exit code {code}",
    "connected": lambda _, yes: "connected" if yes else "not connected",
    "running": lambda _, yes: "running" if yes else "not running",
    "max_restarts": lambda _, many: f"at most {many} restart{'' if many == 1 else 's'}",
    "contains": lambda _, text: f"text containing {text!r}",
    "matches": lambda _, pattern: f"text matching /{pattern}/",
    "max_latency": lambda _, seconds: f"answered within {DURATION.format(seconds)}",
    "min": lambda self, number: f"at least {self._quantity(number)}",
    "max": lambda self, number: f"at most {self._quantity(number)}",
    "invariant": lambda _, invariant: f"a number that {invariant.replace('at least', 'is at least')}",
}
