"""Parts of a run specification: faults and probes by their fields, processes, load, steady states, steps.

Everything is in base units. Standard library only: host and agent read the same classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias, TypeVar

from chaos.errors import SpecError
from chaos.run_spec.codec import OR_NONE, UNSAID, decode, encode
from chaos.tolerances import Tolerance

if TYPE_CHECKING:
    from chaos.faults.support.base import Fault
    from chaos.probes.base import Probe

P = TypeVar("P", bound="Probe")
Kind: TypeAlias = type[P]


@dataclass(frozen=True, kw_only=True)
class FaultSpec:
    """A fault by its type and its own fields."""

    rest: ClassVar = "fields"
    type: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def told(cls, fault: "Fault") -> Self:
        """That of a fault."""
        return decode(cls, encode(asdict(fault)))

    def made(self) -> "Fault":
        """The fault itself. Raises what its class does for a type or fields that it does not know."""
        from chaos.faults import fault_class

        return fault_class(self.type)(**{"type": self.type, **self.fields})


@dataclass(frozen=True, kw_only=True)
class ProbeSpec:
    """A probe by its type and its own fields; `made` is the probe itself."""

    rest: ClassVar = "fields"
    type: str = ""
    every: float = 0.1
    arrivals: Literal["random", "uniform"] = field(default="random", metadata=UNSAID)
    timeout: float | None = field(default=None, metadata=UNSAID)
    fields: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def told(cls, probe: "Probe") -> Self:
        """That of a probe."""
        return decode(cls, encode(asdict(probe)))

    def made(self) -> "Probe":
        """The probe. Raises SpecError for a type or fields that this version does not know."""
        from chaos.probes import made

        timeout = {} if self.timeout is None else {"timeout": self.timeout}
        own = {"type": self.type, "every": self.every, "arrivals": self.arrivals}
        try:
            return made({**own, **timeout, **self.fields})
        except (ImportError, AttributeError, TypeError) as error:
            raise SpecError(f"no probe of this version: {error}") from error

    def of(self, kind: Kind[P]) -> P | None:
        """The probe when it is of that kind. Raises SpecError when it has fields that this version does not know."""
        if self.type != kind.__dataclass_fields__["type"].default:
            return None
        probe = self.made()
        return probe if isinstance(probe, kind) else None

    @property
    def longest_s(self) -> float:
        """How long one look may take; 0.0 for one that waits for nothing."""
        return self.timeout or 0.0


@dataclass(frozen=True, kw_only=True)
class SecretRef:
    """A value that is in the environment of whoever carries the experiment out, under that name."""

    secret: str = ""


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """One process of the app."""

    name: str = ""
    command: Sequence[str] | None = None
    """None: what its image says."""
    port: int | None = None
    env: Mapping[str, str | SecretRef] = field(default_factory=dict)
    cwd: str | None = None
    ready: ProbeSpec | None = None
    restart: Literal["always", "on-failure", "never"] = "never"
    ready_timeout_s: float = 30.0
    leftovers: Literal["kill", "keep"] = field(default="kill", metadata=UNSAID)
    user: str = field(default="", metadata=UNSAID)
    """Who it runs as, by name or id; root, or what its image says, when empty."""
    secret: Sequence[str] = field(default=(), metadata=UNSAID)
    """Variables whose values came from the environment; in the agent's order only."""

    @property
    def values(self) -> Mapping[str, str]:
        """The environment without what is only named."""
        return {name: value for name, value in self.env.items() if isinstance(value, str)}


@dataclass(frozen=True, kw_only=True)
class LoadSpec:
    """Requests at drawn times."""

    url: str = ""
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    connections: int = 256
    """Most that are open at once."""
    rate_per_s: float = 0.0
    timeout_s: float = 2.0
    arrivals: Literal["poisson", "uniform"] = field(default="poisson", metadata=UNSAID)
    connection_use: Literal["mix", "reuse", "new"] = field(default="mix", metadata=UNSAID)


@dataclass(frozen=True, kw_only=True)
class StateSpec:
    """One steady state: a probe, what is accepted of it, and when."""

    name: str = ""
    probe: ProbeSpec = field(default_factory=ProbeSpec)
    tolerance: Tolerance | None = field(default_factory=Tolerance, metadata=OR_NONE)
    """None where a journal has one of another version: what it accepts is not known, so nothing is judged by it."""
    holds: Literal["throughout", "afterwards"] = "throughout"
    budget: float = 0.0
    recover_within_s: float | None = None

    @property
    def accepted(self) -> Tolerance:
        """The tolerance. Raises SpecError where it is not known."""
        return _known(self.tolerance, self.name)


@dataclass(frozen=True, kw_only=True)
class StopSpec:
    """An observation that ends a run early when it is not accepted for so long."""

    probe: ProbeSpec = field(default_factory=ProbeSpec)
    tolerance: Tolerance | None = field(default_factory=Tolerance, metadata=OR_NONE)
    """None where a journal has one of another version: what it accepts is not known, so nothing is judged by it."""
    for_s: float = 0.0

    @property
    def accepted(self) -> Tolerance:
        """The tolerance. Raises SpecError where it is not known."""
        return _known(self.tolerance, "stop condition")


@dataclass(frozen=True, kw_only=True)
class StepSpec:
    """One injection."""

    name: str = ""
    fault: FaultSpec = field(default_factory=FaultSpec)
    prepares: bool = False
    """Whether the app must be started with something of the fault's."""
    hold_s: float = 0.0
    start_s: float | None = None
    """From the start of the method; None: when the step before it is over."""
    since_previous_s: float | None = None
    expect_met: bool = field(default=True, metadata=UNSAID)
    reconnect: bool = field(default=False, metadata=UNSAID)


def _known(tolerance: Tolerance | None, whose: str) -> Tolerance:
    if tolerance is None:
        raise SpecError(f"{whose}: its tolerance is of another version")
    return tolerance
