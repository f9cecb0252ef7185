"""Judge one steady state: held, deviated or inconclusive, with its sentence and its counts.

The rules are asked in order and the first that has something to say decides (docs/verdicts.md explains the
order): doubts that would explain a bad look, then bad looks, then doubts about what was not seen, then whether so few
looks could tell. Only then is it held.
"""

from collections.abc import Callable, Sequence

from chaos.analysis.case import Case
from chaos.analysis.counterexample import Judgement, left_out, not_back, out_of_bounds
from chaos.analysis.excluded import excluded, noticed, noticed_delay
from chaos.analysis.looks import gaps
from chaos.analysis.moments import percent, seconds, span
from chaos.analysis.recovery import JudgedSample
from chaos.analysis.result import SteadyStateResult, Tested
from chaos.analysis.timeline import PHASES
from chaos.faults.support.fidelity import share_interval
from chaos.statistics import binomial
from chaos.statistics.shares import Tally
from chaos.verdict import Verdict

MIN_LOOKS = 3
"""Fewer looks than this in a phase that counts say nothing about it."""


def judge_state(case: Case) -> SteadyStateResult:
    """The verdict of one steady state."""
    verdict, why = _judged(case)
    if verdict is Verdict.DEVIATED and (doubt := next(iter(case.run.explains), "") or _starved(case)):
        verdict, why = Verdict.INCONCLUSIVE, f"{doubt}, which may explain what was seen: {why}"
    back, share = case.recovery, case.share
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
        bad_share=None if share is None else round(share, 6),
        recover_within_s=case.asked.recover_within_s,
        recovery_time_seconds=_rounded(back.seconds) if back else None,
        resolution_seconds=_rounded(back.resolution_s) if back else None,
        relapses=back.relapses if back else None,
        noticed_share=_rounded(noticed(case), 6),
        noticed_delay_seconds=_rounded(noticed_delay(case)),
        data=case.run.data,
        tested=[_tested(case, each) for each in (case.tally("baseline"), *case.tallies) if each.count],
    )


def _judged(case: Case) -> Judgement:
    return next(judgement for rule in _RULES if (judgement := rule(case)) is not None)


def _starved(case: Case) -> str:
    """That the machine took time from the app where it was bad, when it would not have deviated otherwise."""
    calm = case.calmed()
    if calm is case or _judged(calm)[0] is Verdict.DEVIATED:
        return ""
    starved = sum(not look.good for look in case.counted) - sum(not look.good for look in calm.counted)
    bad = sum(not look.good for look in case.counted)
    return (
        f"the machine gave time to others that the app was ready to use, beyond what it stood in the baseline, around "
        f"{starved:,} of {bad:,} bad {case.noun}"
    )


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


def _tested(case: Case, found: Tally) -> Tested:
    _, low, high = share_interval(
        round(found.bad / found.clumping), max(1, round(found.count / found.clumping))
    )
    return Tested(
        where=found.where,
        what="requests" if case.by_request else "samples",
        bad=found.bad,
        count=found.count,
        independent=found.effective,
        share=round(found.share, 6),
        low=round(low, 6),
        high=round(high, 6),
        allowed=found.bound,
        by_chance=round(found.chance(), 6),
    )


def _unreadable(case: Case) -> Judgement | None:
    if case.asked.tolerance is None:
        return Verdict.INCONCLUSIVE, "this version cannot read its tolerance"
    return (Verdict.INCONCLUSIVE, "nobody looked: there is not one sample of it") if not case.looks else None


def _baseline(case: Case) -> Judgement | None:
    """Out of bounds before any fault, as certainly as it must be afterwards."""
    looks = case.of_phase("baseline")
    if len(looks) < _fewest(case):
        return Verdict.INCONCLUSIVE, _too_few(case, "baseline phase", len(looks))
    before = case.tally("baseline")
    if not before.beyond(case.run.tests.baseline):
        return None
    counted = f"{before.bad:,} of {before.count:,} {case.noun} ({percent(before.share)}) in the baseline"
    why = f"it was out of tolerance ({case.asked.tolerance}) before any fault: {counted}"
    return Verdict.INCONCLUSIVE, why


def _unseen(case: Case) -> Judgement | None:
    """Too few looks where it counts, or holes between them."""
    reference, end = case.run.reference, case.run.timeline.end
    if reference is None or end is None:
        return Verdict.INCONCLUSIVE, "no fault was put in place and undone, so it was not put to the test"
    counted: list[tuple[str, Sequence[JudgedSample], float, float]] = [
        (f"{each.name} phase", case.phase(each.name), each.start, each.end)
        for each in case.run.timeline.spans
        if each.name == "baseline" or (case.asked.holds == "throughout" and not case.asked.of_data)
    ]
    counted.append(("time after the fault", case.after, reference, end))
    for where, looks, start, until in counted:
        if len(looks) < _fewest(case):
            return Verdict.INCONCLUSIVE, _too_few(case, where, len(looks))
        # While the app is away it loses nothing by that: what it has in the end counts.
        last = looks[-1:] if case.asked.of_data else looks
        if holes := gaps(last, last[0].at if case.asked.of_data else start, until, case.asked.longest_gap_s):
            first, again = holes[0]
            why = f"{_nothing(case)} for {seconds(again - first)} ({span(first, again)}) in the {where}"
            return (
                Verdict.INCONCLUSIVE,
                f"{why}; at most {seconds(case.asked.longest_gap_s)} between two samples is allowed",
            )
    for each in case.tallies:
        if each.count < MIN_LOOKS:
            return Verdict.INCONCLUSIVE, _too_few(case, each.where, each.count)
    return None


def _nothing(case: Case) -> str:
    """What a gap is. A metric of the load has no number while too few requests end."""
    if case.asked.of_data:
        return "no number was seen"
    return "no sample (too few requests ended to tell)" if case.asked.reads_load else "no sample"


def _cut_short(case: Case) -> Judgement | None:
    if case.whole:
        return None
    ended = [each.name for each in case.run.timeline.spans if each.closed]
    missing = [phase for phase in PHASES if phase not in ended]
    return (
        Verdict.INCONCLUSIVE,
        f"in tolerance as far as seen, but the {missing[0]} phase did not run to its end",
    )


def _weakened(case: Case) -> Judgement | None:
    return (Verdict.INCONCLUSIVE, case.run.weakens[0]) if case.run.weakens else None


def _not_stable(case: Case) -> Judgement | None:
    back, tested = case.recovery, bool(case.bound) and case.asked.holds == "throughout"
    if back is None or (back.seconds is None and not case.by_request and not tested):
        return Verdict.INCONCLUSIVE, "the time after the fault is too short to call it stable"
    return None


def _not_decided(case: Case) -> Judgement | None:
    """So few that neither the bound is disproved nor twice of it excluded."""
    tests = case.run.tests
    for each in case.tallies:
        if each.within(tests.significance) or _short_but_good(case, each):
            continue
        counted = f"{each.bad:,} of {each.count:,} {case.noun} ({percent(each.share)}) were bad"
        where = f"in the {each.where}{left_out(each)}"
        allowed = (
            f"{percent(each.bound)} allowed, and {percent(binomial.twice(each.bound))} cannot be excluded"
        )
        more = each.needed(tests.against, tests.significance)
        return (
            Verdict.INCONCLUSIVE,
            f"{counted} {where}, {allowed}: not decided, {_needed(case, more)} there"
            f"{case.failures(each.where.removesuffix(' phase'))}",
        )
    return None


def _short_but_good(case: Case, found: Tally) -> bool:
    """A recovery phase beside a fault phase that was decided may be short, when nothing at all was bad in it."""
    return (
        not found.bad and found.count >= MIN_LOOKS and len(case.tallies) > 1 and found is not case.tallies[0]
    )


def _needed(case: Case, more: int | None) -> str:
    if more:
        return f"{more:,} {case.noun} are needed"
    return f"even {binomial.MOST_NEEDED:,} {case.noun} would not tell so small a difference"


def _held(case: Case) -> Judgement | None:
    back = case.recovery
    found = case.tallies
    bad, count = sum(each.bad for each in found), sum(each.count for each in found)
    if not bad:
        counted = f"all {count:,} {case.noun} good"
    else:
        counted = f"{bad:,} of {count:,} {case.noun} bad ({percent(bad / count)})"
    allowed = f", {percent(case.bound)} allowed" if case.bound else ""
    unseen = f"{allowed}; {excluded(case)}{_of_data(case)}"
    if case.asked.holds == "throughout":
        return (
            Verdict.HELD,
            f"{counted} ({case.asked.tolerance}) under the fault and after it{left_out(found[0])}{unseen}"
            f"{case.failures('fault')}",
        )
    blips = f"{counted} since then{left_out(found[0])}{unseen}"
    if back and back.seconds:
        within = (
            f", within {seconds(case.asked.recover_within_s)}"
            if case.asked.recover_within_s is not None
            else ""
        )
        around = f"{seconds(back.seconds)} (known to {seconds(back.resolution_s)}) after the fault{within}"
        return Verdict.HELD, f"good again ({case.asked.tolerance}) {around}, and stayed so: {blips}"
    return Verdict.HELD, f"good ({case.asked.tolerance}) before the fault and never bad after it: {blips}"


def _of_data(case: Case) -> str:
    """What an invariant saw of the data."""
    data = case.run.data
    if data is None:
        return ""
    writes = "" if data.acknowledged is None else f", {data.acknowledged:,} writes acknowledged in the run"
    return f"; {data.first:,.0f} at the first look, {data.last:,.0f} at the last{writes}"


def _fewest(case: Case) -> int:
    """Windows may be few where each request in them is judged."""
    return 1 if case.by_request else MIN_LOOKS


def _too_few(case: Case, where: str, count: int) -> str:
    noun = case.noun.removesuffix("s") if count == 1 else case.noun
    return f"only {count} {noun} in the {where}; at least {MIN_LOOKS} are needed"


_RULES: tuple[Callable[[Case], Judgement | None], ...] = (
    _unreadable,
    _baseline,
    out_of_bounds,
    not_back,
    _cut_short,
    _unseen,
    _not_stable,
    _weakened,
    _not_decided,
    _held,
)
