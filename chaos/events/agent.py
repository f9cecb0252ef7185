"""Events of the agent: one frozen dataclass for each type, its fields the keys, types and ranges of the event's data.

They are the schema at the gate: what the agent writes and is not here is refused (a test reads every `emit` of the
agent and compares). Host only: the agent writes them by keyword (`chaos.agent.record`). The ranges are wide: a line is
at most 1 MiB in any case, and an honest run must never be called tampered with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from chaos.events.schema import Fields, Flag, Listed, Mapped, Number, OneOf, Plain, Text, Whole, why_not

Name = Annotated[str, Text(4096)]
Words = Annotated[str, Text(2**20)]
Line = Annotated[str, Text(2**16)]
Count = Annotated[int, Whole()]
Pid = Annotated[int, Whole(1, 2**31 - 1)]
Bytes = Annotated[int, Whole()]
Seconds = Annotated[float, Number(-1.0, 1e9)]
Moment = Annotated[float, Number(0.0, 1e11)]
Ms = Annotated[float, Number(-1e3, 1e12)]
Percent = Annotated[float, Number(0.0, 1e12)]
Answer = Annotated[bool, Flag()]
Phase = Annotated[str, OneOf(("warmup", "baseline", "fault", "recovery"))]
Facts = Annotated[Mapping[str, Any], Plain()]


@dataclass(frozen=True, kw_only=True)
class AgentStarted:
    """The first of all."""

    type: ClassVar = "agent.started"
    pid: Pid
    python: Name
    kernel: Name
    memory_limit_bytes: Bytes
    memory_kind: Annotated[str, OneOf(("real", "emulated"))]


@dataclass(frozen=True, kw_only=True)
class AgentEnded:
    """The last of all; what comes after it is not taken."""

    type: ClassVar = "agent.ended"
    outcome: Annotated[str, OneOf(("completed", "aborted", "crashed", "not_injected"))]
    why: Words


@dataclass(frozen=True, kw_only=True)
class TargetConfined:
    """Whose ids the app has behind the wall (see `chaos.agent.identities`); none when there is no wall, and why."""

    type: ClassVar = "target.confined"
    ids: Annotated[str, OneOf(("own", "kept", "one", "none"))]
    why: Words


@dataclass(frozen=True, kw_only=True)
class ProcessStarted:
    type: ClassVar = "process.started"
    process: Name
    pid: Pid
    restarts: Count


@dataclass(frozen=True, kw_only=True)
class ProcessReady:
    type: ClassVar = "process.ready"
    process: Name
    took_s: Seconds


@dataclass(frozen=True, kw_only=True)
class ProcessExited:
    type: ClassVar = "process.exited"
    process: Name
    pid: Pid
    exit_code: Annotated[int, Whole(0, 255)] | None
    signal: Name | None
    restart_in_s: Seconds | None


@dataclass(frozen=True, kw_only=True)
class ProcessFailed:
    """It could not be started again; that is tried again, too."""

    type: ClassVar = "process.failed"
    process: Name
    why: Words
    restart_in_s: Seconds


@dataclass(frozen=True, kw_only=True)
class TargetReady:
    type: ClassVar = "target.ready"
    took_s: Seconds


@dataclass(frozen=True, kw_only=True)
class TargetFailed:
    type: ClassVar = "target.failed"
    why: Words


@dataclass(frozen=True, kw_only=True)
class PhaseStarted:
    type: ClassVar = "phase.started"
    phase: Phase


@dataclass(frozen=True, kw_only=True)
class PhaseEnded:
    type: ClassVar = "phase.ended"
    phase: Phase


@dataclass(frozen=True, kw_only=True)
class BaselineJudged:
    type: ClassVar = "baseline.judged"
    steady: Answer
    why: Words


@dataclass(frozen=True, kw_only=True)
class FaultInjected:
    type: ClassVar = "fault.injected"
    step: Name
    fault: Name
    mechanism: Name
    kind: Annotated[str, OneOf(("real", "emulated"))]
    asked: Annotated[Mapping[str, Any], Mapped(Plain(), 256)]
    notes: Annotated[Mapping[str, Any], Mapped(Plain(), 256)]


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
class FaultWithheld:
    """A control: the phase passes, nothing is injected."""

    type: ClassVar = "fault.withheld"
    lasts_s: Seconds


@dataclass(frozen=True, kw_only=True)
class FaultRecovered:
    type: ClassVar = "fault.recovered"
    step: Name
    fault: Name
    because: Name
    began_at: Moment | None
    """When its undo began; null when it failed."""
    residue: Annotated[Sequence[str], Listed(Text(2**20), 2**16)]


@dataclass(frozen=True, kw_only=True)
class FaultFailed:
    type: ClassVar = "fault.failed"
    step: Name
    fault: Name
    stage: Annotated[str, OneOf(("inject", "hold", "recover"))]
    why: Words


@dataclass(frozen=True, kw_only=True)
class OutsideAsked:
    """What the controller is to do, and the file that is to say what it did; see `chaos.outside`."""

    type: ClassVar = "outside.asked"
    step: Name
    act: Name
    answer: Name
    lasts_s: Seconds = 0.0
    beats: Name = ""
    network: Name = ""


@dataclass(frozen=True, kw_only=True)
class LoadStarted:
    type: ClassVar = "load.started"
    url: Words
    rate_per_s: Annotated[float, Number(0.0, 1e9)]


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


@dataclass(frozen=True, kw_only=True)
class JournalLimited:
    """What the journal's limit left out: lines of logs beyond their share, or samples when all of it is used up."""

    type: ClassVar = "journal.limited"
    what: Annotated[str, OneOf(("logs", "samples"))]
    left_out: Count
    limit_bytes: Bytes


@dataclass(frozen=True, kw_only=True)
class StopTripped:
    type: ClassVar = "stop.tripped"
    condition: Name
    why: Words


@dataclass(frozen=True, kw_only=True)
class StopRequested:
    type: ClassVar = "stop.requested"
    why: Words


@dataclass(frozen=True, kw_only=True)
class ControllerLost:
    type: ClassVar = "controller.lost"
    why: Words


AgentEvent = (
    AgentStarted | AgentEnded | TargetConfined | ProcessStarted | ProcessReady | ProcessExited | ProcessFailed
    | TargetReady | TargetFailed | PhaseStarted | PhaseEnded | BaselineJudged | FaultInjected | FaultMeasured
    | FaultWithheld | FaultRecovered | FaultFailed | OutsideAsked | LoadStarted | LoadSampled | LoadEnded
    | ProbeSampled | UsageSampled | MemoryKilled | LogCaptured | JournalLimited | StopTripped | StopRequested
    | ControllerLost
)  # fmt: skip
"""The union is the registry."""

_OF_A_GAP = ("gap_over_s_ago", "asked_at", "resumed_at")

TYPES: Mapping[str, type[AgentEvent]] = {each.type: each for each in AgentEvent.__args__}
"""By the name that is in a journal."""


def check(type_: str, data: Any) -> str | None:
    """Why that is no event of the agent's; None when it is one."""
    known = TYPES.get(type_)
    if known is None:
        return "is of a type that the agent does not write"
    if type(data) is not dict:
        return f"{type_}: its data is no mapping"
    why = why_not(known, data)
    if why is None and data.get("gap_s") is not None and known is FaultMeasured:
        why = next((f"lacks {key}, with gap_s" for key in _OF_A_GAP if data.get(key) is None), None)
    return why and f"{type_}: {why}"


def decode(type_: str, data: Mapping[str, Any]) -> AgentEvent:
    """The typed event. Raises ValueError with the reason when it is none."""
    if why := check(type_, data):
        raise ValueError(why)
    known: Any = TYPES[type_]
    rest = getattr(known, "rest", "")
    named = {key: value for key, value in data.items() if key in known.__dataclass_fields__ and key != rest}
    more = {rest: {key: value for key, value in data.items() if key not in named}} if rest else {}
    typed: AgentEvent = known(**named, **more)
    return typed
