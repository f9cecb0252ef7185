"""Events of the host: one frozen dataclass for each type, as `chaos.events.agent` has those of the agent.

What the host writes of a run it writes itself, so no gate reads them: they say what is in a journal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from chaos.events.fields import Answer, Count, Facts, Name, Seconds, Words
from chaos.events.schema import Mapped, OneOf, Text, Whole


@dataclass(frozen=True, kw_only=True)
class RunStarted:
    """The first of a trial or a control."""

    type: ClassVar = "run.started"
    run_id: Name
    experiment: Name
    digest: Name
    seed: Annotated[int, Whole()]
    plan: Facts
    """What the agent is told: `chaos.run_spec.model.RunSpec`, without values of secrets."""
    dashboard: Name | None
    """The template of the team's own dashboard."""
    overrides: Annotated[Mapping[str, Any], Mapped(Text(4096), 64)]
    """What was asked for instead of the manifest's own."""
    versions: Annotated[Mapping[str, Any], Mapped(Text(4096), 64)]
    trial: Count
    control: Answer


@dataclass(frozen=True, kw_only=True)
class SandboxOpened:
    """The machine is there, with the app set up in it."""

    type: ClassVar = "sandbox.opened"
    ref: Facts
    """How another process finds it again."""
    took_s: Seconds
    unrecorded: Words = ""
    """Why this machine's inventory could not be written, when it could not."""


@dataclass(frozen=True, kw_only=True)
class JournalFollowed:
    """How the agent's events came in, once a second."""

    type: ClassVar = "journal.followed"
    seq: Count
    silent_s: Seconds
    ahead_s: Seconds


@dataclass(frozen=True, kw_only=True)
class SandboxDestroyed:
    """The machine has gone, or why nobody knows."""

    type: ClassVar = "sandbox.destroyed"
    destroyed: Answer
    why: Words


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """The last of a trial or a control."""

    type: ClassVar = "run.ended"
    outcome: Annotated[str, OneOf(("completed", "aborted", "crashed", "not_injected"))]
    why: Words
    tampered: Answer = False
    """Somebody else wrote to the agent's journal: whatever else it says is not to be believed."""


HostEvent = RunStarted | SandboxOpened | JournalFollowed | SandboxDestroyed | RunEnded
"""The union is the registry."""
