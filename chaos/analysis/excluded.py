"""What a `held` excludes: the smallest share of bad ones, and the smallest delay, that would have been noticed."""

from chaos.analysis.case import Case
from chaos.analysis.intervals import quantile_at_least
from chaos.analysis.moments import percent, seconds


def noticed(case: Case) -> float | None:
    """The smallest share of bad ones under the fault (`afterwards`: after it) that is noticed with 95 %."""
    first = case.tallies[0]
    share = first.noticed(case.run.tests.against) if first.count else 2.0
    return share if share <= 1 else None


def noticed_delay(case: Case) -> float | None:
    """The smallest delay on every answer that makes as many of them late; None where none may be said.

    So many of the slowest must then be beyond the bound: how slow those are is known to their interval, whose lower
    end counts (David, Nagaraja, Order Statistics, 3rd ed., section 7.1).
    """
    share, latest_s, first = noticed(case), case.asked.latest_s, case.tallies[0]
    if share is None or latest_s is None:
        return None
    looks = case.of_phase("fault") if case.asked.holds == "throughout" else case.since_back
    took = sorted(look.took_s for look in looks)
    # A budget leaves out a part of the time: here the slowest, which is on the safe side.
    kept = took[: len(took) * (first.parts - 1) // first.parts] if first.parts > 1 else took
    slowest_s = quantile_at_least(kept, 1 - share, first.clumping)
    return None if slowest_s is None or slowest_s > latest_s else latest_s - slowest_s


def excluded(case: Case) -> str:
    """What this `held` says, and what it does not."""
    share, delay_s = noticed(case), noticed_delay(case)
    if share is None:
        return "so few would not notice a total outage with 95 %"
    where = " under the fault" if case.asked.holds == "throughout" else ""
    slower = f", and {seconds(delay_s)} more on every answer" if delay_s is not None else ""
    return f"{percent(share)} bad or more{where} would have been noticed{slower} (95 %)"
