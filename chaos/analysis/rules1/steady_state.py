"""Judge one steady state: held, deviated or inconclusive, with its sentence and its counts.

The rules are asked in order and the first that has something to say decides (docs/verdicts.md explains the
order): doubts that would explain a bad look, then bad looks, then doubts about what was not seen. Only then
is it held.
"""

from collections.abc import Callable, Sequence

from chaos.analysis.looks import bad_share, gaps
from chaos.analysis.moments import clock, percent, seconds, span
from chaos.analysis.recovery import JudgedSample
from chaos.analysis.result import SteadyStateResult
from chaos.analysis.rules1.case import Rules1Case
from chaos.analysis.rules1.recovery import Rules1Recovery
from chaos.analysis.timeline import PHASES
from chaos.verdict import Verdict

MIN_LOOKS = 3
"""Fewer looks than this in a phase that counts say nothing about it."""

Judgement = tuple[Verdict, str]


def judge_state(case: Rules1Case) -> SteadyStateResult:
    """The verdict of one steady state."""
    verdict, why = next(judgement for rule in _RULES if (judgement := rule(case)) is not None)
    if verdict is Verdict.DEVIATED and case.run.explains:
        verdict, why = Verdict.INCONCLUSIVE, f"{case.run.explains[0]}, which may explain what was seen: {why}"
    back = case.recovery
    return SteadyStateResult(
        name=case.asked.name,
        verdict=verdict,
        why=why,
        probe=case.asked.probe,
        tolerance=str(case.asked.tolerance or "unreadable"),
        holds=case.asked.holds,
        baseline_bad=case.bad("baseline"),
        fault_bad=case.bad("fault"),
        recovery_bad=case.bad("recovery"),
        samples=sum(len(case.phase(phase)) for phase in PHASES),
        budget=case.asked.budget,
        bad_share=case.share,
        recover_within_s=case.asked.recover_within_s,
        recovery_time_seconds=_rounded(back.seconds) if back else None,
        resolution_seconds=_rounded(back.resolution_s) if back else None,
    )


def _rounded(value_s: float | None) -> float | None:
    return None if value_s is None else round(value_s, 4)


def _unreadable(case: Rules1Case) -> Judgement | None:
    if case.asked.tolerance is None:
        return Verdict.INCONCLUSIVE, "this version cannot read its tolerance"
    return (Verdict.INCONCLUSIVE, "nobody looked: there is not one sample of it") if not case.looks else None


def _baseline(case: Rules1Case) -> Judgement | None:
    looks = case.phase("baseline")
    if len(looks) < MIN_LOOKS:
        return Verdict.INCONCLUSIVE, _too_few("baseline phase", len(looks))
    share = bad_share(looks) or 0.0
    if share <= case.asked.budget:
        return None
    why = (
        f"it was out of tolerance ({case.asked.tolerance}) before any fault: {_count(looks)} in the baseline"
    )
    return Verdict.INCONCLUSIVE, why


def _out_of_budget(case: Rules1Case) -> Judgement | None:
    """Bad looks while it had to be good."""
    if case.asked.holds != "throughout" or (case.share or 0.0) <= case.asked.budget:
        return None
    before = [look for phase in ("baseline", "fault") for look in case.phase(phase)]
    if case.run.residue and (bad_share(before, case.planned) or 0.0) <= case.asked.budget:
        return Verdict.INCONCLUSIVE, f"bad only after the fault, and {case.run.residue}"
    bad = [look for look in case.counting if not look.good]
    where = ", ".join(f"{count} in the {phase} phase" for phase in PHASES if (count := case.bad(phase)))
    allowed = f", {percent(case.asked.budget)} allowed" if case.asked.budget else ""
    what = f"{_count(case.counting)} out of tolerance ({case.asked.tolerance}){allowed}"
    return Verdict.DEVIATED, f"{what}: {where}, first at {clock(bad[0].at)}"


def _recovery(case: Rules1Case) -> Judgement | None:
    """Not good again after the fault, or too late."""
    back, reference = case.recovery, case.run.reference
    bad = [look for look in case.after if not look.good]
    if back is None or reference is None or not bad:
        return None
    limit_s = case.asked.recover_within_s
    if back.seconds is not None and (limit_s is None or back.seconds <= limit_s):
        return None
    if case.run.residue:
        return Verdict.INCONCLUSIVE, f"bad after the fault, and {case.run.residue}"
    looked_s = case.after[-1].done - reference
    unfinished = not case.whole if limit_s is None else looked_s < limit_s
    if unfinished:
        return Verdict.INCONCLUSIVE, f"not good again when the run ended, {seconds(looked_s)} after the fault"
    if limit_s is not None and back.lower_s <= limit_s:
        return Verdict.INCONCLUSIVE, _too_coarse(back, limit_s)
    return Verdict.DEVIATED, _late(back, bad, looked_s, limit_s)


def _too_coarse(back: Rules1Recovery, limit_s: float) -> str:
    """No bad sample was sent after the limit, and no stable good one answered before it."""
    last = f"the last bad sample was {seconds(back.lower_s)} after the fault"
    if back.seconds is None:
        return f"{last}, and too little followed to call it stably good; {seconds(limit_s)} are allowed"
    good = f"the next good one was answered after {seconds(back.seconds)}"
    return f"{last}, {good}: too coarse for a limit of {seconds(limit_s)}"


def _late(back: Rules1Recovery, bad: Sequence[JudgedSample], looked_s: float, limit_s: float | None) -> str:
    relapsed = f", after {back.relapses} relapse{'s' * (back.relapses > 1)}" if back.relapses else ""
    allowed = f"; {seconds(limit_s)} are allowed" if limit_s is not None else ""
    if back.seconds is not None:
        return f"good again only {seconds(back.seconds)} after the fault{relapsed}{allowed}"
    again = f": it was good for a while and relapsed, {len(bad)} bad samples" if back.relapses else ""
    last = f"last bad at {clock(bad[-1].at)}"
    return f"not stably good again within {seconds(looked_s)} after the fault{again}, {last}{allowed}"


def _unseen(case: Rules1Case) -> Judgement | None:
    """Too few looks where it counts, or holes between them."""
    reference, end = case.run.reference, case.run.timeline.end
    if reference is None or end is None:
        return Verdict.INCONCLUSIVE, "no fault was put in place and undone, so it was not put to the test"
    counted: list[tuple[str, Sequence[JudgedSample], float, float]] = [
        (f"{each.name} phase", case.phase(each.name), each.start, each.end)
        for each in case.run.timeline.spans
        if each.name == "baseline" or case.asked.holds == "throughout"
    ]
    counted.append(("time after the fault", case.after, reference, end))
    for where, looks, start, until in counted:
        if len(looks) < MIN_LOOKS:
            return Verdict.INCONCLUSIVE, _too_few(where, len(looks))
        if holes := gaps(looks, start, until, case.asked.longest_gap_s):
            first, last = holes[0]
            why = f"no sample for {seconds(last - first)} ({span(first, last)}) in the {where}"
            return (
                Verdict.INCONCLUSIVE,
                f"{why}; at most {seconds(case.asked.longest_gap_s)} between two samples is allowed",
            )
    return None


def _cut_short(case: Rules1Case) -> Judgement | None:
    if case.whole:
        return None
    ended = [each.name for each in case.run.timeline.spans if each.closed]
    missing = [phase for phase in PHASES if phase not in ended]
    return (
        Verdict.INCONCLUSIVE,
        f"in tolerance as far as seen, but the {missing[0]} phase did not run to its end",
    )


def _weakened(case: Rules1Case) -> Judgement | None:
    return (Verdict.INCONCLUSIVE, case.run.weakens[0]) if case.run.weakens else None


def _not_stable(case: Rules1Case) -> Judgement | None:
    back = case.recovery
    if back is None or back.seconds is None:
        return Verdict.INCONCLUSIVE, "the time after the fault is too short to call it stable"
    return None


def _held(case: Rules1Case) -> Judgement | None:
    back, looks = case.recovery, case.counting
    bad = sum(not look.good for look in looks)
    counted = (
        f"all {len(looks):,} samples good"
        if not bad
        else f"{_count(looks)} bad, {percent(case.asked.budget)} allowed"
    )
    if case.asked.holds == "throughout":
        return Verdict.HELD, f"{counted} ({case.asked.tolerance}) in baseline, fault and recovery"
    if back and back.seconds:
        within = (
            f", within {seconds(case.asked.recover_within_s)}"
            if case.asked.recover_within_s is not None
            else ""
        )
        around = f"{seconds(back.seconds)} (known to {seconds(back.resolution_s)}) after the fault{within}"
        return Verdict.HELD, f"good again ({case.asked.tolerance}) {around}, and stayed so: {counted}"
    return Verdict.HELD, f"good ({case.asked.tolerance}) before the fault and never bad after it: {counted}"


def _too_few(where: str, count: int) -> str:
    return f"only {count} sample{'s' * (count != 1)} in the {where}; at least {MIN_LOOKS} are needed"


def _count(looks: Sequence[JudgedSample]) -> str:
    bad = sum(not look.good for look in looks)
    return f"{bad:,} of {len(looks):,} samples ({percent(bad / len(looks))})"


_RULES: tuple[Callable[[Rules1Case], Judgement | None], ...] = (
    _unreadable,
    _baseline,
    _out_of_budget,
    _recovery,
    _cut_short,
    _unseen,
    _not_stable,
    _weakened,
    _held,
)
