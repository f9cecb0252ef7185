"""The method: faults held for a time, one after another, side by side, again and again, or growing in stages."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Self, get_args, get_type_hints

from pydantic import Field, model_validator

from chaos.faults.support.base import Fault
from chaos.manifests.models.base import Part, Title
from chaos.manifests.models.faults import AnyFaultField
from chaos.run_spec.parts import FaultSpec, StepSpec
from chaos.units import Duration, PositiveDuration, Unit


class Repeat(Part):
    """Inject the same fault again and again: flapping."""

    times: Annotated[int, Field(ge=2, le=100)]
    """How often in all."""
    every: PositiveDuration
    """From one injection to the next; longer than `hold`."""


class Ramp(Part):
    """Change one number of the fault in equal stages over the hold; each stage is injected and measured by itself."""

    field: str
    """Which field of the fault."""
    from_: str = Field(alias="from")
    """Its value in the first stage, with its unit."""
    to: str
    """Its value in the last stage."""
    stages: Annotated[int, Field(ge=2, le=50)] = 5
    """How many; each is held for an equal part of `hold`."""


class Step(Part):
    """One fault, held for a time."""

    name: Title
    """One line that says what is done, unique in this file."""
    fault: AnyFaultField
    """What to inject: exact numbers, or `intensity: low | medium | high`."""
    hold: PositiveDuration = 30.0
    """How long the fault is kept before it is undone."""
    start: Duration | None = None
    """When to begin, counted from the start of the method; by default when the step before it is over.
    Steps that overlap are carried out side by side."""
    repeat: Repeat | None = None
    """Inject it again and again."""
    ramp: Ramp | None = None
    """Change one number of it in stages."""
    expect_met: bool = True
    """Whether the app must meet the fault for the run to be held: a fault that nobody met proves nothing. `false` is
    for who wants to show that it is not met."""
    reconnect: bool = False
    """Reset the connections that the app has open once when the fault begins, those to what the fault is about where it
    names something, so that connections that are kept open do not keep it from meeting the fault."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.reconnect and not self.fault.reconnects:
            raise ValueError(f"reconnect means nothing for {self.fault.type}: it is not about connections")
        if self.repeat and self.ramp:
            raise ValueError("repeat and ramp exclude each other: name one of them")
        if self.repeat and self.repeat.every <= self.hold:
            raise ValueError(
                "repeat.every must be longer than hold: a fault is undone before it is injected again"
            )
        list(self.entries())  # reads the ramp, and builds every stage's fault
        return self

    def entries(self) -> Iterator[StepSpec]:
        """What the agent does, one entry an injection."""
        if self.ramp:
            yield from self._stages(self.ramp)
            return
        times = self.repeat.times if self.repeat else 1
        every = self.repeat.every if self.repeat else 0.0
        for number in range(times):
            name = self.name if times == 1 else f"{self.name} {number + 1}/{times}"
            start = None if self.start is None else self.start + number * every
            since = every if number and self.start is None else None
            yield self._entry(name, self.fault, self.hold, start, since)

    def _stages(self, ramp: Ramp) -> Iterator[StepSpec]:
        unit = unit_of(type(self.fault), ramp.field)
        low, high = unit.parse(ramp.from_), unit.parse(ramp.to)
        hold = self.hold / ramp.stages
        for number in range(ramp.stages):
            value = low + (high - low) * number / (ramp.stages - 1)
            value = float(round(value)) if unit.whole else round(value, 6)
            changed: dict[str, Any] = {ramp.field: value, "intensity": None}
            fault = replace(self.fault, **changed)
            name = f"{self.name} {number + 1}/{ramp.stages} ({ramp.field} {unit.format(value)})"
            start = None if self.start is None else self.start + number * hold
            yield self._entry(name, fault, hold, start, None)

    def _entry(
        self, name: str, fault: Fault, hold_s: float, start_s: float | None, since: float | None
    ) -> StepSpec:
        return StepSpec(
            name=name,
            fault=FaultSpec.told(fault),
            prepares=fault.prepares_app(),
            hold_s=hold_s,
            start_s=start_s,
            since_previous_s=since,
            expect_met=self.expect_met,
            reconnect=self.reconnect,
        )


def unit_of(kind: type[Fault], field: str) -> Unit:
    """The unit of a fault's field. Raises ValueError when it has none, with the fields that do."""
    units = {
        name: mark
        for name, hint in get_type_hints(kind, include_extras=True).items()
        for option in (hint, *get_args(hint))  # a quantity, or one that may be left out
        for mark in getattr(option, "__metadata__", ())
        if isinstance(mark, Unit)
    }
    if field not in units:
        known = ", ".join(sorted(units)) or "none"
        raise ValueError(f"ramp.field: '{field}' is no quantity of this fault; known: {known}")
    return units[field]


def spans(method: Sequence[StepSpec]) -> list[tuple[float, float]]:
    """When each entry is planned to begin and end, in seconds from the start of the method."""
    found: list[tuple[float, float]] = []
    at, began = 0.0, 0.0
    for entry in method:
        if entry.start_s is not None:
            found.append((entry.start_s, entry.start_s + entry.hold_s))
            continue
        since = entry.since_previous_s
        began = at if since is None else max(at, began + since)
        at = began + entry.hold_s
        found.append((began, at))
    return found


def overlapping(method: Sequence[StepSpec]) -> Iterator[tuple[str, str]]:
    """Entries of one fault type that would act at the same time: neither could be told from the other."""
    planned = sorted(zip(spans(method), method, strict=True), key=lambda pair: pair[0])
    for index, ((_, end), entry) in enumerate(planned):
        for (begin, _), other in planned[index + 1 :]:
            if begin < end and entry.fault.type == other.fault.type:
                yield entry.name, other.name
