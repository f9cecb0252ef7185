"""What disproves a steady state: more bad ones than chance explains, no way back, a relapse."""

from collections.abc import Sequence

from chaos.analysis.case import Case
from chaos.analysis.intervals import by_chance
from chaos.analysis.moments import clock, percent, seconds
from chaos.analysis.recovery import JudgedSample, Recovery
from chaos.statistics import binomial
from chaos.statistics.shares import Tally
from chaos.verdict import Verdict

Judgement = tuple[Verdict, str]


def out_of_bounds(case: Case) -> Judgement | None:
    """Bad ones while it had to be good: in the fault phase, or in the recovery phase by itself."""
    if case.asked.holds != "throughout":
        return None
    against = case.run.tests.against
    beyond = [each for each in case.tallies if each.beyond(against)]
    if not beyond:
        return None
    what = "; ".join(_beyond(case, each) for each in beyond)
    if case.run.residue and case.tallies[0] not in beyond:
        return Verdict.INCONCLUSIVE, f"bad only after the fault, and {case.run.residue}"
    if explained := _as_before(case, beyond[0]):
        return Verdict.INCONCLUSIVE, f"{what}; {explained}"
    bad = [look for look in case.counted if not look.good]
    fault = case.run.timeline.span("fault")
    first = next((look for look in bad if fault and look.done > fault.start), bad[0])
    return Verdict.DEVIATED, f"{what}, first at {clock(first.at)}"


def _beyond(case: Case, found: Tally) -> str:
    counted = f"{found.bad:,} of {found.count:,} {case.noun} ({percent(found.share)})"
    allowed = ""
    if found.bound:
        allowed = f", {percent(found.bound)} allowed (by chance: {percent(found.chance())})"
    if case.run.data and case.run.data.why:
        allowed += f": {case.run.data.why}"
    where = f"{found.where}{left_out(found)}{case.failures(found.where.removesuffix(' phase'))}"
    return f"{counted} out of tolerance ({case.asked.tolerance}) in the {where}{allowed}"


def left_out(found: Tally) -> str:
    """`, but for its worst 10 %`: what a budget of a metric leaves out."""
    return f", but for its worst {percent(1 / found.parts)}" if found.parts > 1 else ""


def _as_before(case: Case, found: Tally) -> str:
    """Whether the baseline had bad ones, too, and chance explains that they are no more: then it is not the fault."""
    before = case.tally("baseline")
    if not found.bound or not before.bad:
        return ""
    clumping = max(found.clumping, before.clumping)
    chance = by_chance(*_fewer(found, clumping), *_fewer(before, clumping))
    if chance <= case.run.tests.significance:
        return ""
    return f"but {before.bad} of {before.count} in the baseline, and chance explains the difference"


def _fewer(found: Tally, clumping: float) -> tuple[int, int]:
    """As many independent ones as tell as much, and how many of them were bad."""
    count = max(1, round(found.count / clumping))
    return min(count, round(found.bad / clumping)), count


def not_back(case: Case) -> Judgement | None:
    """Not good again after the fault, or too late, or not for good."""
    back, reference = case.recovery, case.run.reference
    bad = [look for look in case.after if not look.good]
    if back is None or reference is None:
        return None
    limit_s = case.asked.recover_within_s
    hung = _hung(back, limit_s) if not bad or back.lower_s <= 0 else None
    return (_relapsed(case, back) or hung or _away(case, back, reference, bad)) if bad else hung


def _away(case: Case, back: Recovery, reference: float, bad: Sequence[JudgedSample]) -> Judgement | None:
    """Bad after the fault, and not back for all that was seen, or not in time."""
    limit_s = case.asked.recover_within_s
    late = limit_s is not None and back.seconds is not None and back.seconds > limit_s
    if back.seconds is not None and not late:
        return None
    if back.seconds is None and case.by_request and not _fails_to_the_end(case, back):
        return None
    if back.bad_since is None and case.bound and case.asked.holds == "throughout":
        return None  # bad now and then: the recovery phase's own test says whether too often
    if case.run.residue:
        return Verdict.INCONCLUSIVE, f"bad after the fault, and {case.run.residue}"
    looked_s = case.after[-1].done - reference
    unfinished = not case.whole if limit_s is None else looked_s < limit_s
    if unfinished:
        return Verdict.INCONCLUSIVE, f"not good again when the run ended, {seconds(looked_s)} after the fault"
    if limit_s is not None and back.lower_s <= limit_s:
        return Verdict.INCONCLUSIVE, _too_coarse(back, limit_s)
    return Verdict.DEVIATED, _late(back, bad, looked_s, limit_s)


def _hung(back: Recovery, limit_s: float | None) -> Judgement | None:
    """No answer was bad until then, but one came after the limit: that is no evidence of having been back in time."""
    if limit_s is None or not back.seconds or back.seconds <= limit_s:
        return None
    late = f"no sample was bad until then, but it stood still, and answered {seconds(back.seconds)} after the fault"
    return Verdict.INCONCLUSIVE, f"{late}: too coarse for a limit of {seconds(limit_s)}"


def _relapsed(case: Case, back: Recovery) -> Judgement | None:
    """Stably good, and bad again: more than the budget allows."""
    if case.asked.holds == "throughout" or back.seconds is None or not back.relapses:
        return None
    if not case.bound and case.settled:
        return None
    rest, limit_s = case.rest, case.asked.recover_within_s
    if limit_s is not None and back.lower_s > limit_s:
        return None  # too late is the worse news
    good = f"good again {_after(back)}"
    times = f"relapsed {'once' if back.relapses == 1 else f'{back.relapses} times'}"
    counted = f"{rest.bad:,} of {rest.count:,} {case.noun} since then were bad ({percent(rest.share)})"
    if case.bound:
        if not rest.beyond(case.run.tests.against):
            return None
        counted += f", {percent(case.bound)} allowed"
        if explained := _as_before(case, rest):
            return Verdict.INCONCLUSIVE, f"{good}, but {times}: {counted}; {explained}"
    elif not case.by_request and case.blip:
        why = f"{good}, but {counted}; so few may be what it does anyway, which {_count(case)} cannot tell"
        return Verdict.INCONCLUSIVE, why
    elif not rest.bad:
        return None
    if case.run.residue:
        return Verdict.INCONCLUSIVE, f"bad after the fault, and {case.run.residue}"
    return Verdict.DEVIATED, f"{good}, but {times}: {counted}"


def _after(back: Recovery) -> str:
    return f"{seconds(back.seconds or 0.0)} after the fault" if back.seconds else "at once"


def _count(case: Case) -> str:
    return f"a baseline of {len(case.of_phase('baseline')):,} {case.noun}"


def _fails_to_the_end(case: Case, back: Recovery) -> bool:
    """Of a metric: whether its requests, too, are beyond the bound since its windows are."""
    since = (back.bad_since if back.bad_since is not None else case.after[0].at) - case.asked.window_s
    last = [look for look in case.counted if look.at >= since]
    bad = sum(not look.good for look in last)
    return bad > 0 and binomial.at_least(bad, len(last), case.bound) <= case.run.tests.against


def _too_coarse(back: Recovery, limit_s: float) -> str:
    """No bad sample was sent after the limit, and no stable good one answered before it."""
    last = f"the last bad sample was {seconds(back.lower_s)} after the fault"
    if back.seconds is None:
        return f"{last}, and too little followed to call it stably good; {seconds(limit_s)} are allowed"
    good = f"the next good one was answered after {seconds(back.seconds)}"
    return f"{last}, {good}: too coarse for a limit of {seconds(limit_s)}"


def _late(back: Recovery, bad: Sequence[JudgedSample], looked_s: float, limit_s: float | None) -> str:
    relapsed = f", and then {back.relapses} relapse{'s' * (back.relapses > 1)}" if back.relapses else ""
    allowed = f"; {seconds(limit_s)} are allowed" if limit_s is not None else ""
    if back.seconds is not None:
        return f"good again only {seconds(back.seconds)} after the fault{relapsed}{allowed}"
    again = f": it was good for a while and relapsed, {len(bad)} bad samples" if back.relapses else ""
    last = f"last bad at {clock(bad[-1].at)}"
    return f"not stably good again within {seconds(looked_s)} after the fault{again}, {last}{allowed}"
