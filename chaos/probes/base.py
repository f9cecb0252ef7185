"""What a probe is: its fields are the manifest, `observe` is one look at the target from inside the sandbox.

A probe only looks; whether what it saw is acceptable is for a tolerance (`chaos.tolerances`) to say. As with
faults, one frozen stdlib dataclass serves both sides: validated on the host, built again by the agent.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Protocol

from chaos.units import Unit

Metric = Literal[
    "latency_p50", "latency_p95", "latency_p99",
    "latency_p50_with_failures", "latency_p95_with_failures", "latency_p99_with_failures",
    "error_rate", "throughput", "cpu", "memory",
]  # fmt: skip

# 10 ms: as fast as one Python agent can look at several things without showing up in what it measures.
INTERVAL = Unit("duration", (("ms", 0.001), ("s", 1.0), ("m", 60.0)), "100ms", low=0.01, high=600.0)
WINDOW = Unit("duration", (("ms", 0.001), ("s", 1.0), ("m", 60.0)), "1s", low=0.1, high=600.0)

Interval = Annotated[float, INTERVAL]
Window = Annotated[float, WINDOW]


class Windows(Protocol):
    """The agent's recent requests and usage."""

    def value(self, metric: str, window_s: float, now: float) -> float | None:
        """The metric over the last `window_s`, in its base unit; None when nothing fell into that window."""


class ProcessState(Protocol):
    """What the supervisor knows of one process of the manifest."""

    @property
    def running(self) -> bool: ...

    @property
    def restarts(self) -> int: ...

    @property
    def pid(self) -> int | None: ...


class Context(Protocol):
    """Where a probe looks, beyond the network."""

    def now(self) -> float:
        """Unix seconds of the clock that the windows are kept with."""

    @property
    def windows(self) -> Windows: ...

    @property
    def processes(self) -> Mapping[str, ProcessState]: ...

    async def run_command(self, command: Sequence[str], timeout_s: float) -> tuple[int, str]:
        """Run it where the app is; exit code and output. Raises ProbeError when it does not end in time."""


@dataclass(frozen=True, kw_only=True)
class Probe(ABC):
    """One way to look at a target."""

    judged_as: ClassVar[str] = ""
    """The type of the probe whose tolerances suit what this one sees; its own, when empty."""
    type: str
    every: Interval
    """Time between the intended starts of two looks."""
    arrivals: Literal["random", "uniform"] = "random"
    """When in each interval it looks: at a random place, drawn by the seed, or at its beginning. Evenly spaced looks
    are in step with what has their period: a round robin, a timer, a garbage collection."""

    @property
    @abstractmethod
    def subject(self) -> str:
        """What it looks at, in a word for sentences."""

    @property
    def words(self) -> str:
        """`http http://127.0.0.1/`, `metric error_rate`."""
        return f"{self.type} {self.subject}"

    @property
    def asks(self) -> int | None:
        """The port of the app's that it asks as a user would; None when it asks none."""
        return None

    @abstractmethod
    async def observe(self, context: Context) -> Mapping[str, Any]:
        """Look once; what was seen, as JSON in base units. Raises ProbeError when nothing could be seen."""
