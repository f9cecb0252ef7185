"""How often a series of trials against their controls is wrong, and how many it takes; summed up exactly.

`itself` is how often a state deviates by itself in any segment, `under` how often with the fault. The hardest case for
a test is an app that takes turns: exactly one of every pair deviates, whichever comes first, or second, by a pattern.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random

from bench.made_up import Phases, Run, looked_at
from bench.promises import PROMISED, Row, Table, limit
from chaos.analysis.judged import JudgedTrial
from chaos.analysis.judgement import judge_segment
from chaos.analysis.pairs import fewest, mcnemar, stages
from chaos.analysis.states_over import states_over
from chaos.analysis.trials_verdict import decide_series, decided, outcome_of
from chaos.run_spec.codec import encode
from chaos.run_spec.model import SeriesSpec
from chaos.statistics.series_plan import SeriesPlan
from chaos.verdict import Verdict

LENGTHS = (3, 5, 10, 20, 40)
Ways = Mapping[str, float]
"""The probability that of a pair only the trial deviates (`b`), only the control (`c`)."""
CASES: tuple[tuple[float, float], ...] = (
    (0.01, 0.01), (0.05, 0.05), (0.2, 0.2), (0.5, 0.5),
    (0.05, 0.2), (0.05, 0.5), (0.1, 0.5), (0.0, 0.5), (0.0, 1.0),
)  # fmt: skip
"""(by itself, under the fault)."""


def independent(itself: float, under: float) -> Ways:
    """Of a pair whose two segments know nothing of each other."""
    return {"b": under * (1 - itself), "c": itself * (1 - under)}


TURNS: Ways = {"b": 0.5, "c": 0.5}
"""Exactly one of each pair, and a coin says which of the two runs first."""


def differing(count: int, ways: Ways) -> Iterator[tuple[int, int, float]]:
    """(pairs of the trial only, of the control only, probability) after so many pairs."""
    going = {(0, 0): 1.0}
    for _ in range(count):
        after: Counter[tuple[int, int]] = Counter()
        for (b, c), p in going.items():
            after[b + 1, c] += p * ways["b"]
            after[b, c + 1] += p * ways["c"]
            after[b, c] += p * (1 - ways["b"] - ways["c"])
        going = after
    yield from ((b, c, p) for (b, c), p in going.items() if p)


def fixed(count: int, ways: Ways, significance: float = PROMISED) -> float:
    """How often so many pairs are deviated."""
    return sum(p for b, c, p in differing(count, ways) if b and mcnemar(b, c) <= significance)


def until_decided(most: int, ways: Ways, significance: float = PROMISED) -> tuple[float, float]:
    """How often a series until it is decided is deviated, and how many pairs it takes; giving up is not counted."""
    bounds = stages(significance, most)
    going, deviated, pairs = {(0, 0): 1.0}, 0.0, 0.0
    for _ in range(most):
        pairs += sum(going.values())
        after: Counter[tuple[int, int]] = Counter()
        for (b, c), p in going.items():
            after[b + 1, c] += p * ways["b"]
            after[b, c + 1] += p * ways["c"]
            after[b, c] += p * (1 - ways["b"] - ways["c"])
        ended = {each for each in after if sum(each) and each[0] >= bounds[sum(each) - 1].decides}
        deviated += sum(after[each] for each in ended)
        going = {each: p for each, p in after.items() if each not in ended}
    return deviated, pairs


def series() -> Table:
    """Trials against controls: a state that deviates by itself in so many of all segments."""
    rows = []
    cases = [(f"{100 * i:g} %", f"{100 * u:g} %", independent(i, u), i == u) for i, u in CASES]
    for itself, under, ways, nothing in [*cases, ("takes turns", "the same", TURNS, True)]:
        found = [fixed(count, ways) for count in LENGTHS]
        until, pairs = until_decided(40, ways)
        wrong = {}
        if nothing:
            wrong = {f"{n} trials": (p, PROMISED) for n, p in zip(LENGTHS, found, strict=True)}
            wrong["until decided"] = (until, PROMISED)
        cells = [f"{100 * each:.1f} %" for each in (*found, until)]
        rows.append(Row([itself, under, *cells, f"{pairs:.0f}"], wrong))
    head = ("by itself", "under the fault", *(f"{count} trials" for count in LENGTHS))
    return Table(
        "Trials against controls: how often deviated (exact, one steady state)",
        (*head, "until decided (max 40)", "pairs it takes"),
        rows,
    )


def provable() -> Table:
    """In how many trials it must deviate, and in no control, or in so many of the pairs that differ."""
    rows = []
    for states in (1, 2, 4):
        bounds = stages(PROMISED / states, 40)
        steps = [
            f"{each.decides} of {count}"
            for count, each in enumerate(bounds, 1)
            if each.decides <= count and (count == 1 or each.decides == bounds[count - 2].decides)
        ]
        most = next(b for b in range(41) if mcnemar(b, 1) <= PROMISED / states)
        rows.append(
            Row([str(states), str(fewest(PROMISED / states)), f"{most} of {most + 1}", ", ".join(steps[:6])])
        )
    head = ("steady states", "and no control", "and one control", "until decided: of the pairs that differ")
    return Table("Deviated is what deviates in so many trials", head, rows)


def carried_out(rounds: int) -> Table:
    """The same through the rules of every run, with what happens meanwhile: drift, a cold beginning, turns."""
    rows = []
    for name, itself, under, asked in (
        ("by chance, 20 %", 0.2, 0.2, {"control": True}),
        ("the first of each pair", 0.0, 0.0, {"control": True}),
        ("more and more, 0 to 60 %", 0.0, 0.0, {"control": True}),
        ("the fault, 60 %, by itself 5 %", 0.05, 0.6, {"control": True}),
        ("the fault, always", 0.0, 1.0, {"control": True}),
        ("the fault, 10 %, no controls", 0.0, 0.1, {"control": False}),
        ("never", 0.0, 0.0, {"control": True}),
    ):
        plan = SeriesPlan(40, bool(asked["control"]), True)
        kinds, dice, found, took = _segments(plan), Random(f"until {name}"), Counter[str](), 0
        for _ in range(rounds):
            verdict, pairs = _one(plan, kinds, dice, name, itself, under)
            found[str(verdict)] += 1
            took += pairs
        shares = [found[each] / rounds for each in ("held", "inconclusive", "deviated")]
        wrong = {}
        if itself == under and name != "never":
            wrong["false deviated"] = (shares[2], limit(rounds))
        if under == 0.1:
            wrong["false held"] = (shares[0], limit(rounds))
        cells = [name, *(f"{100 * share:.1f} %" for share in shares), f"{took / rounds:.0f}"]
        rows.append(Row(cells, wrong))
    head = ("what deviates", "held", "inconclusive", "deviated", "trials it takes")
    return Table("Until decided (max 40), carried out by the rules", head, rows)


def _segments(plan: SeriesPlan) -> Mapping[tuple[bool, bool], JudgedTrial]:
    """(control, deviated) -> what such a segment is judged."""
    phases, made = Phases(1.0, 2.0, 1.0), {}
    for control in (False, True):
        for bad in (False, True):
            run = Run(
                [looked_at()],
                {"answers": lambda at, b=bad: b and 2.0 <= at < 2.5},
                phases,
                place={"trial": 1, "control": control, "series": encode(SeriesSpec.told(plan))},
            )
            made[control, bad] = judge_segment(run.events())
    return made


def _one(
    plan: SeriesPlan,
    kinds: Mapping[tuple[bool, bool], JudgedTrial],
    dice: Random,
    name: str,
    itself: float,
    under: float,
) -> tuple[Verdict, int]:
    judged: list[JudgedTrial] = []
    for trial in range(1, plan.trials + 1):
        first = dice.random() < 0.5
        for place, control in enumerate((first, not first) if plan.control else (False,)):
            share = itself if control else under
            if name == "the first of each pair":
                share = 1.0 - place
            if name.startswith("more and more"):
                share = 0.6 * trial / plan.trials
            judged.append(replace(kinds[control, dice.random() < share], trial=trial))
        if decided(judged):
            break
    states = states_over(judged)
    return decide_series(judged, states, *outcome_of(judged, states)).verdict, trial
