"""How a run ended and what it taught us: two words on purpose.

A crashed run and a deviated system are different news. Verdicts form a lattice, merged by the worst:
held < inconclusive < deviated.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

RULES = 3
"""The version of the rules that verdicts follow; 1 and 2 are what they were before, kept for a release
(docs/verdicts.md)."""
LATENCY_OF_ANSWERS = 3
"""From these rules on, a latency is of answers and timeouts; before, each failure counted as the timeout at least."""


class Verdict(StrEnum):
    """What we learnt about the hypothesis."""

    HELD = "held"
    INCONCLUSIVE = "inconclusive"
    DEVIATED = "deviated"


class Outcome(StrEnum):
    """How the run itself ended."""

    COMPLETED = "completed"
    ABORTED = "aborted"
    NOT_INJECTED = "not_injected"
    CRASHED = "crashed"


class RunStatus(StrEnum):
    """Where a run is, whoever carries it out; what it taught is for Outcome and Verdict to say."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    """For a person's answer."""
    STOPPING = "stopping"
    ENDED = "ended"


def ending(outcome: Outcome, verdict: Verdict) -> str:
    """One word for how a run ended, for people and for conditions: `Held`, `Deviated`, `NotInjected`."""
    if outcome is Outcome.COMPLETED:
        return verdict.value.title()
    return outcome.value.title().replace("_", "")


_BADNESS = {Verdict.HELD: 0, Verdict.INCONCLUSIVE: 1, Verdict.DEVIATED: 2}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of them; of none at all, inconclusive: nothing looked at proves nothing."""
    return max(verdicts, key=_BADNESS.__getitem__, default=Verdict.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One judgement with its sentence and its numbers."""

    name: str
    verdict: Verdict
    why: str
    numbers: dict[str, float] = field(default_factory=dict)


def exit_code(outcome: Outcome, verdict: Verdict) -> int:
    """The exit code that says both: 0 held, 1 deviated, 3 inconclusive or not injected, 4 aborted, 5 crashed."""
    match outcome:
        case Outcome.CRASHED:
            return 5
        case Outcome.ABORTED:
            return 4
        case Outcome.NOT_INJECTED:
            return 3
    return {Verdict.HELD: 0, Verdict.DEVIATED: 1, Verdict.INCONCLUSIVE: 3}[verdict]
