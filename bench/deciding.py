"""How often decisions are wrong: of budgets, error rates, trials against controls, and faults that land."""

from collections.abc import Mapping, Sequence
from math import exp, lgamma, log, log1p
from random import Random

from bench.made_up import (
    Bad,
    Phases,
    Run,
    answering,
    error_rate,
    in_bursts,
    independent,
    looked_at,
    p95,
)
from bench.promises import ENDS, PHASES, PROMISED, Row, Table, ends, limit, percents
from chaos.analysis import judge
from chaos.analysis.result import Result
from chaos.faults.support.fidelity import enough_for, share_fits, traffic_needed
from chaos.statistics import binomial
from chaos.verdict import Verdict


def budgets(rounds: int, names: Sequence[str] = tuple(PHASES)) -> Table:
    """The fault does nothing: the app fails by itself, by this much of what is allowed."""
    rows = []
    for name in names:
        phases = PHASES[name]
        for budget in (0.01, 0.02, 0.05, 0.1):
            for times in (0.5, 1.0, 2.0):
                some = max(20, rounds // (1 if phases.end < 20 else 4))

                def make(random: Random, p: Phases = phases, b: float = budget, t: float = times) -> Run:
                    return Run([looked_at(every=0.05, budget=b)], {"answers": independent(random, b * t)}, p)

                found = ends(make, some, f"budget {name} {budget} {times}")
                wrong = {"false deviated": (found["deviated"] / some, limit(some))} if times <= 1 else {}
                if times >= 2:
                    wrong = {"false held": (found["held"] / some, limit(some))}
                rows.append(
                    Row([name, f"{100 * budget:g} %", f"{100 * budget * times:g} %", *percents(found)], wrong)
                )
    return Table("Budgets: looks every 50 ms, independent", ("phases", "allowed", "truth", *ENDS), rows)


def under_fault(rounds: int) -> Table:
    """A perfect app, but for the fault phase."""
    rows = []
    for budget in (0.0, 0.02, 0.05, 0.1):
        for under in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0):

            def make(random: Random, b: float = budget, u: float = under) -> Run:
                phases = PHASES["2/4/3"]
                bad = {"answers": independent(random, 0.0, u, phases)}
                return Run([looked_at(every=0.05, budget=b)], bad, phases)

            found = ends(make, rounds // 2, f"under {budget} {under}")
            wrong = {}
            if budget and under >= 2 * budget:
                wrong["false held"] = (found["held"] / found.total(), limit(found.total()))
            said = binomial.noticed(80, budget, PROMISED / 2 if budget else PROMISED)
            if under >= said:
                wrong["missed"] = (1 - found["deviated"] / found.total(), limit(found.total()))
            cells = [f"{100 * budget:g} %", f"{100 * under:g} %", f"{100 * said:.1f} %", *percents(found)]
            rows.append(Row(cells, wrong))
    head = ("allowed", "truth under the fault", "noticed with 95 %", *ENDS)
    return Table("Power: 2/4/3, 80 looks under the fault", head, rows)


def afterwards(rounds: int, lasting_s: Sequence[float] = (4.0, 10.0)) -> Table:
    """The fault does nothing: it is bad by this much before as after, of a state that has to come back."""
    rows = []
    for recovery_s in lasting_s:
        for budget in (0.02, 0.05, 0.1):
            for times in (0.5, 1.0, 2.0):
                phases = Phases(4.0, 2.0, recovery_s)

                def make(random: Random, p: Phases = phases, b: float = budget, t: float = times) -> Run:
                    state = looked_at(every=0.05, budget=b, holds="afterwards", recover_within_s=3.0)
                    return Run([state], {"answers": independent(random, b * t)}, p)

                found = ends(make, rounds, f"afterwards {recovery_s} {budget} {times}")
                what = "false deviated" if times <= 1 else "false held"
                wrong = {what: (found[what.removeprefix("false ")] / rounds, limit(rounds))}
                cells = [f"{recovery_s:g} s", f"{100 * budget:g} %", f"{100 * budget * times:g} %"]
                rows.append(Row([*cells, *percents(found)], wrong))
    head = ("recovery", "allowed", "truth", *ENDS)
    return Table("Afterwards, with a budget: bad before as after, looks every 50 ms", head, rows)


def delays(rounds: int) -> Table:
    """What a held says of delays: so much on every answer of another run."""
    rows = []
    for rate in (20.0, 50.0):
        random, phases, some = Random(f"delays {rate}"), Phases(3.0, 5.0, 3.0), max(10, rounds // 3)
        said, noticed, half = [], 0, 0
        while len(said) < some:
            [state] = _answering(random, phases, rate).steady_state
            if state.noticed_delay_seconds is None:
                continue
            more_s = state.noticed_delay_seconds
            said.append(more_s)
            noticed += _answering(random, phases, rate, more_s).verdict is Verdict.DEVIATED
            half += _answering(random, phases, rate, more_s / 2).verdict is Verdict.DEVIATED
        wrong = {"missed": (1 - noticed / some, limit(some))}
        mean_ms = 1000 * sum(said) / some
        cells = [
            f"{rate:g}/s",
            f"{mean_ms:.0f} ms",
            f"{100 * noticed / some:.1f} %",
            f"{100 * half / some:.1f} %",
        ]
        rows.append(Row(cells, wrong))
    head = ("load", "said, on average", "such a delay is deviated in", "half of it in")
    return Table(
        "Delays that would have been noticed: median 100 ms, sigma 0.5, p95 of at most 1 s", head, rows
    )


def _answering(random: Random, phases: Phases, rate: float, more_s: float = 0.0) -> Result:
    run = Run([p95(1.0)], {}, phases, rate, answered_s=answering(random, phases, more_s))
    return judge(run.events())


def many_states(rounds: int) -> Table:
    """Several steady states of one run, each exactly at its bound."""
    rows = []
    for count in (1, 2, 3, 5):

        def make(random: Random, n: int = count) -> Run:
            states = [looked_at(f"s{number}", every=0.05, budget=0.05) for number in range(n)]
            return Run(
                states, {str(each["name"]): independent(random, 0.05) for each in states}, PHASES["2/4/3"]
            )

        found = ends(make, rounds // 2, f"states {count}")
        wrong = {"false deviated": (found["deviated"] / found.total(), limit(found.total()))}
        rows.append(Row([str(count), *percents(found)], wrong))
    return Table("Several steady states, each with 5 % bad where 5 % are allowed", ("states", *ENDS), rows)


def dependence(rounds: int) -> Table:
    """Bad in bursts, at half of what is allowed, at all of it, and at twice of it."""
    rows = []
    for length_s in (0.1, 0.25, 0.5, 1.0):
        for times in (0.5, 1.0, 2.0):

            def make(random: Random, s: float = length_s, t: float = times) -> Run:
                phases = PHASES["2/4/3"]
                bad: Mapping[str, Bad] = {"answers": in_bursts(random, 0.05 * t, s, phases.end)}
                return Run([looked_at(every=0.05, budget=0.05)], bad, phases)

            found = ends(make, rounds, f"bursts {length_s} {times}")
            wrong = {}
            if times <= 1 and length_s <= 0.25:
                wrong = {"false deviated": (found["deviated"] / rounds, limit(rounds))}
            rows.append(Row([f"{1000 * length_s:g} ms", f"{5 * times:g} %", *percents(found)], wrong))
    return Table("Hiccups: 2/4/3, looks every 50 ms, 5 % allowed", ("each lasts", "truth", *ENDS), rows)


def error_rates(rounds: int, names: Sequence[str] = tuple(PHASES)) -> Table:
    """An app that fails by itself, under a bound of its error rate."""
    rows = []
    loads = (("2/4/3", 20.0), ("2/4/3", 50.0), ("20/40/30", 20.0))
    for name, rate in ((name, rate) for name, rate in loads if name in names):
        for most in (0.01, 0.05):
            for times in (0.5, 1.0, 2.0):
                phases, some = PHASES[name], max(20, rounds // (1 if name == "2/4/3" else 4))

                def make(
                    random: Random, p: Phases = phases, r: float = rate, m: float = most, t: float = times
                ) -> Run:
                    return Run([error_rate(m)], {}, p, r, independent(random, m * t))

                found = ends(make, some, f"errors {name} {rate} {most} {times}")
                wrong = {"false deviated": (found["deviated"] / some, limit(some))} if times <= 1 else {}
                if times >= 2:
                    wrong = {"false held": (found["held"] / some, limit(some))}
                cells = [
                    name,
                    f"{rate:g}/s",
                    f"{100 * most:g} %",
                    f"{100 * most * times:g} %",
                    *percents(found),
                ]
                rows.append(Row(cells, wrong))
    return Table("Error rates, by requests", ("phases", "load", "allowed", "truth", *ENDS), rows)


def binomial_of(count: int, share: float) -> list[float]:
    """The probability of each number of hits."""
    if share in (0.0, 1.0):
        return [float(k == count * share) for k in range(count + 1)]
    ways = (lgamma(count + 1) - lgamma(k + 1) - lgamma(count - k + 1) for k in range(count + 1))
    return [exp(w + k * log(share) + (count - k) * log1p(-share)) for k, w in enumerate(ways)]


def shares() -> Table:
    """How often a share fault lands, by what it truly does; exact."""
    rows = []
    for asked in (0.01, 0.05, 0.1, 0.5):
        for times in (0.0, 0.5, 1.0, 2.0):
            cells = [f"{100 * asked:g} %", f"{100 * min(1.0, asked * times):g} %"]
            wrong = {}
            for some in (enough_for(asked), 4 * enough_for(asked)):
                landed = sum(
                    p
                    for k, p in enumerate(binomial_of(some, min(1.0, asked * times)))
                    if p > 1e-12 and share_fits(k, some, asked)
                )
                cells.append(f"{some:,}: {100 * landed:.1f} %")
                if times == 1:
                    wrong[f"not landed of {some}"] = (1 - landed, 0.005)
                if times == 0:
                    wrong[f"landed of {some}"] = (landed, 0.0)
            cells.append(str(traffic_needed(asked)))
            rows.append(Row(cells, wrong))
    head = ("asked", "truth", "landed, of so few of ours", "of four times as many", "of the target's needed")
    return Table("Share faults: how often they land (exact)", head, rows)
