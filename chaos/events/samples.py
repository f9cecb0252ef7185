"""Samples of the agent: what it writes again and again, of the load, the probes, the faults, usage and logs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from chaos.events.fields import Answer, Bytes, Count, Line, Moment, Ms, Name, Percent, Pid, Seconds, Words
from chaos.events.schema import Fields, Listed, Mapped, Number, OneOf, Plain, Whole


@dataclass(frozen=True, kw_only=True)
class FaultMeasured:
    """One side-band sample; its keys are the fault's own, but for those that are read of any fault."""

    type: ClassVar = "fault.measured"
    rest: ClassVar = "sample"
    step: Name
    sample: Annotated[Mapping[str, Any], Plain()]
    seen_ms: Ms | None = None
    """How long after a blow its effect was seen."""
    asked_at: Moment | None = None
    resumed_at: Moment | None = None
    """When the controller froze the machine and let it go on, by a clock of its own."""
    gap_s: Seconds | None = None
    gap_over_s_ago: Seconds | None = None
    """How long it saw its own clock stand still, and how long ago that was over; of a freeze only."""


@dataclass(frozen=True, kw_only=True)
class LoadStarted:
    type: ClassVar = "load.started"
    url: Words
    rate_per_s: Annotated[float, Number(0.0, 1e9)]
    arrivals: Name = "uniform"
    """The point process of the requests' times: see `chaos.statistics.point_process`; its `seed`."""
    connections: Name = "reuse"
    seed: Annotated[int, Whole(0, 2**63)] | None = None


@dataclass(frozen=True, kw_only=True)
class LoadSampled:
    """One request; `at` is the intended time. See `chaos.agent.load`."""

    type: ClassVar = "load.sampled"
    late_ms: Ms
    took_ms: Ms
    status: Annotated[int, Whole(0, 999)] | None
    error: Words | None
    bytes: Bytes
    queued_ms: Ms = 0.0
    connect_ms: Ms = 0.0
    reopened: Answer = False


@dataclass(frozen=True, kw_only=True)
class LoadEnded:
    type: ClassVar = "load.ended"
    sent: Count


@dataclass(frozen=True, kw_only=True)
class ProbeSampled:
    """One look; `at` is the intended time. See `chaos.agent.probing`."""

    type: ClassVar = "probe.sampled"
    probe: Name
    late_ms: Ms
    took_ms: Ms
    value: Annotated[Mapping[str, Any], Mapped(Plain(), 64)] | None
    error: Words | None


@dataclass(frozen=True, kw_only=True)
class DiskUsage:
    size_bytes: Bytes
    used_bytes: Bytes


@dataclass(frozen=True, kw_only=True)
class ProcessUsage:
    cpu_percent: Percent
    rss_bytes: Bytes
    pids: Count


@dataclass(frozen=True, kw_only=True)
class UsageSampled:
    """The agent's heartbeat: ten a second while anything is observed."""

    type: ClassVar = "usage.sampled"
    cpu_percent: Percent
    memory_bytes: Annotated[int, Whole(-(2**62))]
    memory_percent: Annotated[float, Number(-1e12, 1e12)]
    disk: Annotated[Mapping[str, Any], Mapped(Fields(DiskUsage), 2**14)]
    processes: Annotated[Mapping[str, Any], Mapped(Fields(ProcessUsage), 2**14)]
    agent_cpu_percent: Percent
    waited_ms: Ms = 0.0
    """How long the app's threads, all together, were ready to run and did not, since the sample before."""
    taken_ms: Ms = 0.0
    """How much of that is the machine's doing: see `chaos.agent.starvation`."""


@dataclass(frozen=True, kw_only=True)
class MemoryKilled:
    """Processes that were ended for want of memory, by the kernel or, where it sets no limit, the agent."""

    type: ClassVar = "memory.killed"
    processes: Count
    by: Annotated[str, OneOf(("kernel", "agent"))]
    pid: Pid = 1
    bytes: Bytes = 0


@dataclass(frozen=True, kw_only=True)
class LogCaptured:
    type: ClassVar = "log.captured"
    process: Name
    stream: Annotated[str, OneOf(("stdout", "stderr"))]
    line: Line
    level: Annotated[str, OneOf(("error", "more", "warning"))] | None = None
    """`more`: it goes on with the error before it. See `chaos.text.loglines`."""


@dataclass(frozen=True, kw_only=True)
class LogCounted:
    """How many lines a stream had in all up to then, and how many of them were not kept. See `chaos.agent.capture`."""

    type: ClassVar = "log.counted"
    process: Name
    stream: Annotated[str, OneOf(("stdout", "stderr"))]
    lines: Count
    errors: Count
    left_out: Count
    errors_left_out: Count


@dataclass(frozen=True, kw_only=True)
class LimitsEscaped:
    """Processes of the app's that were found outside of its control group, each once."""

    type: ClassVar = "limits.escaped"
    pids: Annotated[Sequence[int], Listed(Whole(1, 2**31 - 1), 2**16)]
    processes: Count


@dataclass(frozen=True, kw_only=True)
class JournalLimited:
    """What the journal's limit left out: lines of logs beyond their share, or samples when all of it is used up."""

    type: ClassVar = "journal.limited"
    what: Annotated[str, OneOf(("logs", "samples"))]
    left_out: Count
    limit_bytes: Bytes
