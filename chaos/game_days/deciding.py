"""Decisions before and between the stages of a game day. Pure, apart from persons and probes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chaos.errors import ManifestError
from chaos.game_days.day import Ran
from chaos.game_days.planning import DayPlan
from chaos.manifests.models.calendar import next_start, refusal
from chaos.manifests.models.game_day import ByVerdicts
from chaos.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said."""

    go: bool
    why: str
    who: str | None = None


class NotNow(ManifestError):
    """The day may not run at this time."""


def check_time(plan: DayPlan, now: datetime, *, anytime: bool = False) -> None:
    """Raises NotNow when the day may not begin, with the next time at which it does by itself."""
    why = None if anytime else refusal(plan.spec.schedule, now)
    if why:
        then = next_start(plan.spec.schedule, now)
        after = f"; it runs by itself at {then:%Y-%m-%d %H:%M} UTC" if then else ""
        raise NotNow(f"{plan.name}: may not run now: {why}{after}")


def by_verdicts(gate: ByVerdicts, ran: Sequence[Ran]) -> Answer:
    """Whether a stage taught what the gate requires. Follow-ups look closer at what has counted already."""
    counted = [each for each in ran if each.follow_up_of is None]
    bad = [
        each
        for each in counted
        if each.verdict is Verdict.DEVIATED or (gate.require == "held" and each.verdict is not Verdict.HELD)
    ]
    if bad:
        return Answer(
            False, ", ".join(f"{each.experiment} {each.verdict or 'came to nothing'}" for each in bad)
        )
    wanted = "held" if gate.require == "held" else "none deviated"
    return Answer(True, f"{len(counted)} of {len(counted)} {wanted}" if wanted == "held" else wanted)
