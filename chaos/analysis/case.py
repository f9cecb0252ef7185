"""One steady state with everything that its rules look at: its looks by phase, and the run around them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from chaos.analysis.data_seen import DataSeen
from chaos.analysis.looks import PlannedSteadyState
from chaos.analysis.moments import seconds
from chaos.analysis.recovery import JudgedSample, Recovery, recovery
from chaos.analysis.requested import as_looks, bound_of
from chaos.analysis.significance import Tests
from chaos.analysis.starvation import StarvationRecord
from chaos.analysis.timeline import PHASES, Timeline, between
from chaos.statistics.latencies import Request, percentile, unanswered
from chaos.statistics.shares import HICCUP_S, Tally, tally

RELAPSE_LOOKS = 2
"""So many bad looks in a row, if they last longer than a hiccup of the machine, or"""
RELAPSES = 3
"""so many streaks of any length are a relapse; less is a blip, of which nobody can tell whether it happens anyway."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the run as a whole says about the trust one of its steady states deserves."""

    timeline: Timeline
    undo_began: float | None
    """When the last fault began to be undone (an impulse: when it hit); None when no fault was undone."""
    reference: float | None
    """When that was done (an impulse: when it hit): the moment recovery counts from."""
    planned_s: float
    """All phases together, as asked."""
    explains: tuple[str, ...]
    """Doubts that could explain a bad look of this steady state by something of ours."""
    residue: str | None
    """What a fault left behind, when it did: bad looks after it may be its work."""
    weakens: tuple[str, ...]
    """Doubts that cannot explain a bad look, but forbid to call the rest good."""
    phases_s: Mapping[str, float] = field(default_factory=dict)
    """How long each phase was to last."""
    requests: Sequence[Request] = ()
    """The load of the run, by intended send time."""
    rate_per_s: float = 0.0
    data: DataSeen | None = None
    """Of an invariant."""
    starvation: StarvationRecord | None = None
    """What the machine took from the app."""
    tests: Tests = field(default_factory=Tests)


@dataclass(frozen=True)
class Case:
    """One steady state with everything its rules look at."""

    asked: PlannedSteadyState
    looks: Sequence[JudgedSample]
    run: Circumstances
    calm: bool = False
    """Without the bad ones that starvation explains."""

    @cached_property
    def by_request(self) -> bool:
        """Whether it is a metric that is judged by the requests of a phase."""
        return bound_of(self.asked) is not None

    @property
    def noun(self) -> str:
        """What is counted."""
        return "requests" if self.by_request else "samples"

    def failures(self, phase: str) -> str:
        """What became of the failures of a phase that are no timeouts, when this is about latency; empty of none."""
        span = self.run.timeline.span(phase)
        if span is None or not self.by_request or not self.asked.of_answers:
            return ""
        sent = [each for each in self.run.requests if each.sent]
        lost = unanswered(sent, self.asked.window_s)
        inside = [index for index, each in enumerate(sent) if span.start <= each.at < span.end]
        failed = sum(not sent[index].has_latency for index in inside)
        nobody = sum(index in lost for index in inside)
        if nobody:
            window = seconds(self.asked.window_s)
            return (
                f"; {nobody:,} of them failures, {window} or longer without one good answer: no good latency"
            )
        return f"; {failed:,} other{'s' * (failed > 1)} failed, which is in the error rate" if failed else ""

    @property
    def bound(self) -> float:
        """The share of what is counted that may be bad."""
        bound = bound_of(self.asked)
        return self.asked.budget if bound is None else bound

    @property
    def every_s(self) -> float:
        """From one of what is counted to the next."""
        return 1 / self.run.rate_per_s if self.by_request and self.run.rate_per_s else self.asked.every_s

    @cached_property
    def counted(self) -> Sequence[JudgedSample]:
        """What the verdict counts: the looks, or the requests."""
        if not self.by_request:
            return self.looks
        found = as_looks(self.run.requests, self.asked)
        return self._calmed(found) if self.calm else found

    def calmed(self) -> "Case":
        """The same without those; itself when there are none."""
        looks = self._calmed(self.looks)
        calm = replace(self, looks=looks, calm=True)
        return calm if len(looks) < len(self.looks) or len(calm.counted) < len(self.counted) else self

    def _calmed(self, looks: Sequence[JudgedSample]) -> list[JudgedSample]:
        """Of requests those that were late have the metric's own limit."""
        starvation, baseline = self.run.starvation, self.run.timeline.span("baseline")
        if not starvation or baseline is None:
            return list(looks)
        latency = self.asked.tolerance.max if self.asked.tolerance and self.asked.reads_latency else None
        usual = starvation.usual(
            [look for look in looks if look.good and baseline.start <= look.at < baseline.end],
            self.asked.window_s,
        )
        marked = [replace(look, limit_s=latency) if self.by_request else look for look in looks]
        return [
            look
            for look, found in zip(looks, marked, strict=True)
            if look.good or not starvation.explains(found, usual, self.asked.window_s)
        ]

    def phase(self, name: str) -> Sequence[JudgedSample]:
        """The looks of one phase."""
        return self._phases.get(name, [])

    def of_phase(self, name: str) -> Sequence[JudgedSample]:
        """What is counted of one phase."""
        return self._counted_phases.get(name, [])

    @cached_property
    def _phases(self) -> dict[str, Sequence[JudgedSample]]:
        return self._by_phase(self.looks)

    @cached_property
    def _counted_phases(self) -> dict[str, Sequence[JudgedSample]]:
        return self._by_phase(self.counted) if self.by_request else self._phases

    def _by_phase(self, looks: Sequence[JudgedSample]) -> dict[str, Sequence[JudgedSample]]:
        """By intended time; but a look that was under way when the fault phase began is the fault's, not the
        baseline's: what a kill does to it is no flaw of the baseline."""
        moments = [look.at for look in looks]
        found = {each.name: looks[each.of(moments)] for each in self.run.timeline.spans}
        fault = self.run.timeline.span("fault")
        if fault is not None:
            before = found.get("baseline", [])
            found["baseline"] = [look for look in before if look.done <= fault.start]
            found["fault"] = [*(look for look in before if look.done > fault.start), *found["fault"]]
        return found

    @cached_property
    def after(self) -> Sequence[JudgedSample]:
        """The looks since the last fault began to be undone, to the end of the last phase."""
        return self._after(self.looks)

    def _after(self, looks: Sequence[JudgedSample]) -> Sequence[JudgedSample]:
        began, end = self.run.undo_began, self.run.timeline.end
        if began is None or end is None:
            return []
        return looks[between([look.at for look in looks], began, end)]

    @cached_property
    def recovery(self) -> Recovery | None:
        """How it came back; None when there was nothing to come back from, or nobody looked."""
        began, reference, end = self.run.undo_began, self.run.reference, self.run.timeline.end
        if began is None or reference is None or end is None or not self.after:
            return None
        asked = self.asked
        usual_s = percentile(sorted(look.took_s for look in self.phase("baseline")), 0.9) or 0.0
        budget = 0.0 if self.by_request else asked.budget
        back = recovery(self.after, reference, end, asked.every_s, asked.window_s, usual_s, budget)
        # Somewhere in its undo the fault ended: a look that was bad meanwhile tells the moment only so well.
        hazy = reference - began if back.since is not None else 0.0
        return replace(back, resolution_s=back.resolution_s + hazy)

    def tally(self, phase: str) -> Tally:
        """One phase against the bound."""
        looks = self.of_phase(phase)
        planned = 0.0 if self.whole else self.run.phases_s.get(phase, 0.0) / self.every_s
        return self._tally(f"{phase} phase", looks, planned)

    @cached_property
    def since_back(self) -> Sequence[JudgedSample]:
        """What is counted of the time after it was stably good again."""
        since = self.recovery.since if self.recovery else None
        if self.settled and self.recovery and since is not None:
            since = max([since, *(look.done for look in self.after if not look.good)])
        return [look for look in self._after(self.counted) if since is None or look.at >= since]

    @cached_property
    def rest(self) -> Tally:
        """That against the bound."""
        return self._tally("time after it was good again", self.since_back)

    @cached_property
    def settled(self) -> bool:
        """Whether it was only restless for a moment before the limit, and every look after that limit was good.

        A hiccup or two, no relapse; and as long as the limit is seen after it again, so that "for good" is no guess.
        """
        back, limit_s, reference = self.recovery, self.asked.recover_within_s, self.run.reference
        if back is None or limit_s is None or reference is None or not back.relapses or not self.blip:
            return False
        bad = [look for look in self.after if not look.good]
        seen_s = self.after[-1].at + self.asked.every_s - reference
        return bool(bad) and bad[-1].done <= reference + limit_s and seen_s >= 2 * limit_s

    @property
    def blip(self) -> bool:
        """Whether what came after it was good again is too little to call it a relapse."""
        back = self.recovery
        if back is None or back.relapses >= RELAPSES:
            return False
        return back.longest < RELAPSE_LOOKS or back.longest * self.asked.every_s <= HICCUP_S + 1e-9

    def _tally(self, where: str, looks: Sequence[JudgedSample], planned: float = 0.0) -> Tally:
        """Of a metric that is judged by requests, the budget is a part of the time."""
        marks = [(look.at, not look.good) for look in looks]
        return tally(
            where, marks, self.bound, self.every_s, planned, self.asked.budget if self.by_request else 0.0
        )

    @cached_property
    def tallies(self) -> list[Tally]:
        """What is tested for being beyond the bound."""
        if self.asked.of_data and self.asked.holds == "throughout":
            # It may be away under the fault: what it lost meanwhile shows when it answers again.
            return [
                self._tally(
                    "time since the fault began", [*self.of_phase("fault"), *self.of_phase("recovery")]
                )
            ]
        if self.asked.holds == "throughout":
            return [self.tally("fault"), self.tally("recovery")]
        return [self.rest]

    @property
    def share(self) -> float | None:
        """The highest share of bad ones in what is tested."""
        return max((each.share for each in self.tallies if each.count), default=None)

    @property
    def whole(self) -> bool:
        """Whether all phases ran to their end."""
        return [each.name for each in self.run.timeline.spans if each.closed] == list(PHASES)

    def bad(self, phase: str) -> int:
        """Bad looks of one phase."""
        return sum(not look.good for look in self.phase(phase))
