"""Events of the agent: one frozen dataclass for each type, its fields the keys, types and ranges of the event's data.

They are the schema at the gate: what the agent writes and is neither here nor in `chaos.events.samples` is
refused; a test reads every `emit` of the agent and compares. Host only: the agent writes by keyword.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from chaos.events.fields import Answer, Bytes, Count, Moment, Name, Phase, Pid, Seconds, Words
from chaos.events.schema import Fields, Listed, Mapped, OneOf, Plain, Text, Whole


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
class ProcessLeft:
    """What was left of a process's tree when its main process `pid` was over: ended with it, or kept on request."""

    type: ClassVar = "process.left"
    process: Name
    pid: Pid
    names: Annotated[Sequence[str], Listed(Text(4096), 2**16)]
    """Of their programs, each once."""
    processes: Count
    alive: Count
    """How many of them went on."""
    kept: Answer


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
class FaultWithheld:
    """A control: the phase passes, nothing is injected."""

    type: ClassVar = "fault.withheld"
    lasts_s: Seconds


@dataclass(frozen=True, kw_only=True)
class MetSeen:
    """How often the target met a fault; `count` null: not measurable."""

    count: Count | None
    of: Count | None
    why: Words
    enough: Answer


@dataclass(frozen=True, kw_only=True)
class FaultRecovered:
    type: ClassVar = "fault.recovered"
    step: Name
    fault: Name
    because: Name
    began_at: Moment | None
    """When its undo began; null when it failed."""
    residue: Annotated[Sequence[str], Listed(Text(2**20), 2**16)]
    met: Annotated[Mapping[str, Any], Fields(MetSeen)] | None = None
    """Null when its hold was never over, and in older journals."""


@dataclass(frozen=True, kw_only=True)
class FaultFailed:
    type: ClassVar = "fault.failed"
    step: Name
    fault: Name
    stage: Annotated[str, OneOf(("inject", "hold", "recover"))]
    why: Words


@dataclass(frozen=True, kw_only=True)
class OutsideAsked:
    """What the controller is to do, and the file that is to say what it did; see `chaos.runner.host_requests`."""

    type: ClassVar = "outside.asked"
    step: Name
    act: Name
    answer: Name
    lasts_s: Seconds = 0.0
    beats: Name = ""
    network: Name = ""


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
