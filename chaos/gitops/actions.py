"""Actions of a sync: what can be done about one experiment, the reason, and what a person allows."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from chaos.gitops.observed import Deployed, Shape
from chaos.gitops.wanted import DesiredDeployment

Kind = Literal["create", "update", "pause", "resume", "abort", "prune", "run", "stall"]


class Reason(StrEnum):
    """Why something is to be done; one word for machines."""

    NEW = "New"
    CHANGED = "Changed"
    DRIFTED = "Drifted"
    SUSPENDED = "Suspended"
    RESUMED = "Resumed"
    REMOVED = "Removed"
    PUSHED = "Pushed"
    BROKEN = "Broken"
    NAMES_UNKNOWN = "NamesUnknown"
    TOO_MUCH_WOULD_GO = "TooMuchWouldGo"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do; `why` is the sentence for people."""

    kind: Kind
    name: str
    """The experiment's, as the repository calls it; of a broken file that asks for none, its path."""
    reason: Reason
    why: str
    wanted: DesiredDeployment | None = None
    deployed: Deployed | None = None
    shape: Shape | None = None
    key: str = ""
    """Of a stall: what to remember, so that it is not told again."""
    keeps: tuple[str, ...] = ()
    """Of a stall: what stays as it was because of it."""
    deployment: str = ""
    """What its deployment is called, where that is to be made or written."""


@dataclass(frozen=True, slots=True)
class SyncPolicy:
    """What a person allows."""

    heal: bool = True
    """Undo what was changed by hand; else it is only told of, once, and what the repository changes is applied."""
    prune_share: float = 0.5
    """The largest share of our deployments that may go at once."""
    prune_all: bool = False
    """Let go even more, even all: a person said so."""
    run_on_push: bool = True
