"""Tolerances: which values an author may accept of each probe, in the unit that suits it."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from chaos.invariants import Invariant
from chaos.manifests.models.base import Part
from chaos.statistics.latencies import QUANTILES
from chaos.text.automaton import PatternError
from chaos.text.regex import pattern_of
from chaos.tolerances import Tolerance
from chaos.units import Duration, PositiveDuration, Share, Unit

# Wider than the units of the same name elsewhere: two busy cores are 200%, and a throughput may be nought.
CPU = Unit("share", (("%", 0.01),), "80%", high=1024.0)
THROUGHPUT = Unit("rate", (("/s", 1.0), ("/m", 1 / 60)), "50/s", high=1e6)


def _regular(pattern: str) -> str:
    try:
        pattern_of(pattern)
    except PatternError as error:
        raise PydanticCustomError("regex", "{why}", {"why": str(error)}) from error
    return pattern


def _statuses(value: Any) -> int | tuple[int, ...]:
    listed: tuple[Any, ...] = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not listed or any(type(one) is not int or not 100 <= one <= 599 for one in listed):
        raise PydanticCustomError("status", "expected a status such as 200, or a list of them, 100 to 599")
    return listed if isinstance(value, list | tuple) else int(value)


_ONE_STATUS = {"type": "integer", "minimum": 100, "maximum": 599}
Statuses = Annotated[
    int | tuple[int, ...],
    PlainValidator(_statuses),
    WithJsonSchema({"anyOf": [_ONE_STATUS, {"type": "array", "items": _ONE_STATUS, "minItems": 1}]}),
]
Regex = Annotated[StrictStr, StringConstraints(max_length=500), AfterValidator(_regular)]
Place = Annotated[StrictStr, StringConstraints(pattern=r"^[^.\s]+(\.[^.\s]+)*$", max_length=200)]
Text = Annotated[StrictStr, StringConstraints(min_length=1, max_length=10_000)]


class TolerancePart(Part):
    """The values accepted of one probe."""

    unit: ClassVar[str | None] = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            known = ", ".join(field.alias or name for name, field in type(self).model_fields.items())
            raise PydanticCustomError("empty", "says nothing; write one of: {known}", {"known": known})
        return self

    def tolerance(self) -> Tolerance:
        """The same, in base units, as the agent and the measurements use it."""
        said = {name: value for name, value in self if value is not None}
        return Tolerance(**said, unit=self.unit)


class HttpTolerance(TolerancePart):
    """Accepted answers to an http probe."""

    status: Statuses | None = None
    """Accepted status, or a list of them; any 2xx when not given."""
    contains: Text | None = None
    """Text that the body must contain."""
    matches: Regex | None = None
    """Regular expression of Python that must match somewhere in the body. Refused, because no search in linear time
    knows them: backreferences, look-around, conditions, atomic groups, possessive repeats."""
    max_latency: PositiveDuration | None = None
    """Longest time for the whole answer."""
    invariant: Invariant | None = None
    """What must hold of the number that the looks read, all together: that the app's data are still there. A look
    that sees no number, because the app is away, says nothing about its data."""
    number: Place | None = None
    """With `invariant`: where the number is in a JSON body, such as `orders.count`; without it, what the body begins
    with."""


class CommandTolerance(TolerancePart):
    """Accepted ends of a command probe."""

    exit_code: Annotated[StrictInt, Field(ge=0, le=255)] | None = None
    """Accepted exit code; 0 when not given."""
    contains: Text | None = None
    """Text that the output must contain."""
    matches: Regex | None = None
    """Regular expression of Python that must match somewhere in the output. Refused, because no search in linear time
    knows them: backreferences, look-around, conditions, atomic groups, possessive repeats."""
    max_latency: PositiveDuration | None = None
    """Longest time to end."""
    invariant: Invariant | None = None
    """What must hold of the number that the looks read, all together: that the app's data are still there. A look
    that sees no number, because the command fails, says nothing about the data."""
    number: Place | None = None
    """With `invariant`: where the number is in a JSON output, such as `orders.count`; without it, what the output
    begins with."""


class TcpTolerance(TolerancePart):
    """Accepted results of a tcp probe."""

    connected: StrictBool | None = None
    """Whether the port must accept (true when not given) or must not."""
    max_latency: PositiveDuration | None = None
    """Longest time to connect."""


class ProcessTolerance(TolerancePart):
    """Accepted states of a process."""

    running: StrictBool | None = None
    """Whether it must run (true when not given) or must not."""
    max_restarts: Annotated[StrictInt, Field(ge=0, le=1_000_000)] | None = None
    """Most restarts since the run began."""


class _Bounds(TolerancePart):
    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = getattr(self, "min", None), getattr(self, "max", None)
        if low is not None and high is not None and low > high:
            raise PydanticCustomError("bounds", "'min' is above 'max', so that no value is accepted")
        return self


class LatencyTolerance(_Bounds):
    """Accepted latencies."""

    unit = "duration"
    min: Duration | None = None
    """Shortest accepted, such as 10ms."""
    max: Duration | None = None
    """Longest accepted, such as 1s."""


class ShareTolerance(_Bounds):
    """Accepted shares of requests, or of the sandbox's memory."""

    unit = "share"
    min: Share | None = None
    """Smallest accepted, such as 10%."""
    max: Share | None = None
    """Largest accepted, such as 50%."""


class CpuTolerance(_Bounds):
    """Accepted shares of one core; two busy cores are 200%."""

    unit = "share"
    min: Annotated[float, CPU] | None = None
    """Smallest accepted, such as 10%."""
    max: Annotated[float, CPU] | None = None
    """Largest accepted, such as 150%."""


class ThroughputTolerance(_Bounds):
    """Accepted rates of good answers."""

    unit = "rate"
    min: Annotated[float, THROUGHPUT] | None = None
    """Lowest accepted, such as 40/s."""
    max: Annotated[float, THROUGHPUT] | None = None
    """Highest accepted, such as 100/s."""


_BY_PROBE: dict[str, type[TolerancePart]] = {
    "http": HttpTolerance,
    "tcp": TcpTolerance,
    "command": CommandTolerance,
    "process": ProcessTolerance,
}
_BY_METRIC: dict[str, type[TolerancePart]] = {
    **dict.fromkeys(QUANTILES, LatencyTolerance),
    "error_rate": ShareTolerance,
    "memory": ShareTolerance,
    "cpu": CpuTolerance,
    "throughput": ThroughputTolerance,
}
SUITED: Mapping[tuple[str, str | None], type[TolerancePart]] = {
    **{(probe, None): part for probe, part in _BY_PROBE.items()},
    **{("metric", metric): part for metric, part in _BY_METRIC.items()},
}
"""(probe type, metric or None) -> the tolerance that suits it."""
