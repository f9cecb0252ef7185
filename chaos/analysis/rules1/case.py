"""One steady state with everything that its rules look at: its looks by phase, and the run around them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from chaos.analysis.case import Circumstances
from chaos.analysis.looks import PlannedSteadyState, bad_share
from chaos.analysis.recovery import JudgedSample
from chaos.analysis.rules1.recovery import Rules1Recovery, recovery
from chaos.analysis.timeline import PHASES, between


@dataclass(frozen=True)
class Rules1Case:
    """One steady state with everything its rules look at."""

    asked: PlannedSteadyState
    looks: Sequence[JudgedSample]
    run: Circumstances

    @cached_property
    def moments(self) -> list[float]:
        """Intended times, sorted."""
        return [look.at for look in self.looks]

    def phase(self, name: str) -> Sequence[JudgedSample]:
        """The looks of one phase."""
        return self._phases.get(name, [])

    @cached_property
    def _phases(self) -> dict[str, Sequence[JudgedSample]]:
        """By intended time; but a look that was under way when the fault phase began is the fault's, not the
        baseline's: what a kill does to it is no flaw of the baseline."""
        found = {each.name: self.looks[each.of(self.moments)] for each in self.run.timeline.spans}
        fault = self.run.timeline.span("fault")
        if fault is not None:
            before = found.get("baseline", [])
            found["baseline"] = [look for look in before if look.done <= fault.start]
            found["fault"] = [*(look for look in before if look.done > fault.start), *found["fault"]]
        return found

    @cached_property
    def after(self) -> Sequence[JudgedSample]:
        """The looks since the last fault began to be undone, to the end of the last phase."""
        began, end = self.run.undo_began, self.run.timeline.end
        return [] if began is None or end is None else self.looks[between(self.moments, began, end)]

    @cached_property
    def recovery(self) -> Rules1Recovery | None:
        """How it came back; None when there was nothing to come back from, or nobody looked."""
        began, reference, end = self.run.undo_began, self.run.reference, self.run.timeline.end
        if began is None or reference is None or end is None or not self.after:
            return None
        asked = self.asked
        back = recovery(self.after, reference, end, asked.every_s, asked.window_s, asked.budget)
        # Somewhere in its undo the fault ended: a look that was bad meanwhile tells the moment only so well.
        hazy = reference - began if back.since is not None else 0.0
        return replace(back, resolution_s=back.resolution_s + hazy)

    @cached_property
    def counting(self) -> Sequence[JudgedSample]:
        """The looks that the budget counts: all phases, or baseline and since it was good again."""
        if self.asked.holds == "throughout":
            return [look for phase in PHASES for look in self.phase(phase)]
        since = self.recovery.since if self.recovery else None
        return [*self.phase("baseline"), *(look for look in self.after if since is None or look.at >= since)]

    @cached_property
    def share(self) -> float | None:
        """Share of the looks that count that were bad."""
        return bad_share(self.counting, 0.0 if self.whole else self.planned)

    @property
    def planned(self) -> float:
        """How many looks the whole run should have had."""
        return self.run.planned_s / self.asked.every_s

    @property
    def whole(self) -> bool:
        """Whether all phases ran to their end."""
        return [each.name for each in self.run.timeline.spans if each.closed] == list(PHASES)

    def bad(self, phase: str) -> int:
        """Bad looks of one phase."""
        return sum(not look.good for look in self.phase(phase))
