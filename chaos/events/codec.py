"""Codec of the agent's events: which type has which dataclass, whether data fits it, and the typed event of it."""

from collections.abc import Mapping
from typing import Any

from chaos.events.agent import (
    AgentEnded,
    AgentStarted,
    BaselineJudged,
    ControllerLost,
    FaultFailed,
    FaultInjected,
    FaultRecovered,
    FaultWithheld,
    OutsideAsked,
    PhaseEnded,
    PhaseStarted,
    ProcessExited,
    ProcessFailed,
    ProcessLeft,
    ProcessReady,
    ProcessStarted,
    StopRequested,
    StopTripped,
    TargetConfined,
    TargetFailed,
    TargetReady,
)
from chaos.events.samples import (
    FaultMeasured,
    JournalLimited,
    LimitsEscaped,
    LoadEnded,
    LoadSampled,
    LoadStarted,
    LogCaptured,
    LogCounted,
    MemoryKilled,
    ProbeSampled,
    UsageSampled,
)
from chaos.events.schema import why_not

AgentEvent = (
    AgentStarted | AgentEnded | TargetConfined | ProcessStarted | ProcessReady | ProcessExited | ProcessFailed
    | ProcessLeft | TargetReady | TargetFailed | PhaseStarted | PhaseEnded | BaselineJudged | FaultInjected
    | FaultMeasured | FaultWithheld | FaultRecovered
    | FaultFailed | OutsideAsked | LoadStarted | LoadSampled | LoadEnded | ProbeSampled
    | UsageSampled | MemoryKilled | LogCaptured | LogCounted | JournalLimited | LimitsEscaped
    | StopTripped | StopRequested | ControllerLost
)  # fmt: skip
"""The union is the registry."""

_OF_A_GAP = ("gap_over_s_ago", "asked_at", "resumed_at")

TYPES: Mapping[str, type[AgentEvent]] = {each.type: each for each in AgentEvent.__args__}
"""By the name that is in a journal."""


def check(type_: str, data: Any) -> str | None:
    """Why that is no event of the agent's; None when it is one."""
    known = TYPES.get(type_)
    if known is None:
        return "of a type that the agent does not write"
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
