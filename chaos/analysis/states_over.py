"""Each steady state over all trials and controls: how often it deviated, and whether chance explains it."""

from collections.abc import Iterator, Sequence

from chaos.analysis.intervals import by_chance
from chaos.analysis.judged import JudgedTrial
from chaos.analysis.pairs import in_turn, mcnemar
from chaos.analysis.trials_result import StateOver
from chaos.faults.support.fidelity import share_interval
from chaos.statistics.binomial import SIGNIFICANCE
from chaos.verdict import Verdict


def states_over(judged: Sequence[JudgedTrial]) -> list[StateOver]:
    """Of every steady state of the trials."""
    return [_over(name, judged) for name in names(judged)]


def names(judged: Sequence[JudgedTrial]) -> list[str]:
    """The steady states of the trials."""
    trials = (each for each in judged if not each.control)
    return list(dict.fromkeys(state.name for each in trials for state in each.result.steady_state))


def against(judged: Sequence[JudgedTrial]) -> float:
    """The significance of the test of each steady state: all of them together share the run's."""
    said = next((each.result.significance for each in judged), None)
    return (said or SIGNIFICANCE) / max(1, len(names(judged)))


def differing(name: str, judged: Sequence[JudgedTrial]) -> list[bool]:
    """Of each pair in which one of the two deviates, in their order: whether it is the trial."""
    return [trial for trial, control in _pairs(name, judged) if trial is not control]


def _pairs(name: str, judged: Sequence[JudgedTrial]) -> Iterator[tuple[bool, bool]]:
    """Whether trial and control deviated, of each pair in which both can tell, in the order in which they ended."""
    waiting: dict[int, JudgedTrial] = {}
    for each in judged:
        other = waiting.setdefault(each.trial, each)
        if other.control is each.control:
            continue
        both = (each.says(name), other.says(name))
        if None not in both:
            mine, its = (said is Verdict.DEVIATED for said in both)
            yield (its, mine) if each.control else (mine, its)


def _over(name: str, judged: Sequence[JudgedTrial]) -> StateOver:
    said = [verdict for each in judged if not each.control and (verdict := each.says(name))]
    beside = [verdict for each in judged if each.control and (verdict := each.says(name))]
    deviated, also = said.count(Verdict.DEVIATED), beside.count(Verdict.DEVIATED)
    pairs = list(_pairs(name, judged))
    _, low, high = share_interval(deviated, len(said))
    if any(each.result.rules == 1 for each in judged) and not judged[0].series.until_decided:
        chance = by_chance(deviated, len(said), also, len(beside)) if beside else None
    else:
        chance = _chance(name, judged) if pairs else None
    return StateOver(
        name=name,
        deviated=deviated,
        trials=len(said),
        low=round(low, 4),
        high=round(high, 4),
        controls_deviated=also,
        controls=len(beside),
        pairs=len(pairs),
        only_trials=pairs.count((True, False)),
        only_controls=pairs.count((False, True)),
        by_chance=None if chance is None or not deviated else round(chance, 6),
    )


def _chance(name: str, judged: Sequence[JudgedTrial]) -> float:
    found, series = differing(name, judged), judged[0].series
    if series.until_decided:
        return in_turn(found, against(judged), series.trials)[1]
    return mcnemar(found.count(True), found.count(False))
