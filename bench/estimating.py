"""How good estimates are: recovery times, intervals, and two runs compared."""

from collections import Counter
from math import exp, log
from random import Random
from typing import Any

from bench.deciding import binomial_of
from bench.made_up import Phases, Run, every_so_often, looked_at
from bench.promises import ENDS, PHASES, Row, Table, ends, limit, percents
from chaos.analysis import judge
from chaos.analysis.latency import summarise
from chaos.analysis.trial_numbers import over
from chaos.explain.comparison import compare
from chaos.faults.support.fidelity import mean_interval, median_interval, share_interval
from chaos.statistics.latencies import Request


def outages(rounds: int) -> Table:
    """The true recovery time lies in what is reported; and blips after it."""
    rows = []
    for every in (0.02, 0.1, 0.5):
        for outage_s in (0.3, 1.0):
            random, inside, found = Random(f"outage {every} {outage_s}"), 0, Counter[str]()
            some = max(15, rounds // 4)
            for _ in range(some):
                phases = Phases(2.0, 1.0, 6.0)
                truth = outage_s * (0.8 + 0.4 * random.random())
                begin, shift = phases.baseline, random.random() * every
                state = looked_at(every=every, holds="afterwards", recover_within_s=4.0)
                run = Run(
                    [state],
                    {"answers": lambda at, b=begin, t=truth, s=shift: b <= at + s < b + t},
                    phases,
                    kill=True,
                )
                result = judge(run.events())
                found[str(result.verdict)] += 1
                [one] = result.steady_state
                back, known = one.recovery_time_seconds, one.resolution_seconds
                if back is not None and known is not None:
                    inside += back - known - 1e-3 <= truth - shift <= back + 1e-3
            cells = [
                f"{1000 * every:g} ms",
                f"{outage_s:g} s",
                f"{100 * inside / some:.0f} %",
                *percents(found),
            ]
            rows.append(Row(cells, {"truth outside": (1 - inside / some, 0.0)}))
    return Table("Recovery: is the truth within what is reported", ("looks", "outage", "within", *ENDS), rows)


def flapping(rounds: int) -> Table:
    """Good again at once, then bad again now and then."""
    rows = []
    for period_s in (2.0, 3.0, 5.0, 10.0):
        for length_s in (0.1, 0.3):

            def make(random: Random, p: float = period_s, s: float = length_s) -> Run:
                phases = Phases(2.0, 2.0, 22.0)
                since = phases.baseline + random.random()
                state = looked_at(holds="afterwards", recover_within_s=22.0)
                return Run([state], {"answers": every_so_often(p, s, since)}, phases, kill=True)

            some = max(10, rounds // 10)
            found = ends(make, some, f"flaps {period_s} {length_s}")
            cells = [f"{1000 * length_s:g} ms every {period_s:g} s", *percents(found)]
            rows.append(Row(cells, {"false held": (found["held"] / some, 0.0)}))
    return Table("Flapping for ever after a kill, looks every 100 ms, 22 s", ("bad for", *ENDS), rows)


def coverage(rounds: int) -> Table:
    """How often a printed 95 % interval holds the truth."""
    rows, some = [], 4 * rounds
    for r in (0.0, 0.3, 0.6, 0.8):
        for count in (10, 20, 40, 80, 300):
            random = Random(f"coverage {r} {count}")
            held = Counter[str]()
            for _ in range(some):
                values = [random.gauss(0, 1)]
                for _ in range(count - 1):
                    values.append(r * values[-1] + random.gauss(0, (1 - r * r) ** 0.5))
                for name, interval in (("mean", mean_interval), ("median", median_interval)):
                    _, low, high, _ = interval(values)
                    held[name] += low is None or high is None or low <= 0 <= high
            cells = [
                f"{r:g}",
                str(count),
                *(f"{100 * held[name] / some:.1f} %" for name in ("mean", "median")),
            ]
            few = 0.07 if count >= 20 else 0.1
            wrong = {f"{name} not covered": (1 - held[name] / some, limit(some, few)) for name in held}
            rows.append(Row(cells, wrong))
    return Table(
        "Intervals of side-band samples: coverage, said to be 95 %",
        ("correlation", "samples", "mean", "median"),
        rows,
    )


def wilson() -> Table:
    """Coverage of Wilson's interval, exactly."""
    rows = []
    for count in (20, 80, 300):
        covers = []
        for step in range(1, 100):
            truth = step / 100
            covers.append(
                sum(
                    p
                    for k, p in enumerate(binomial_of(count, truth))
                    if (bounds := share_interval(k, count))[1] <= truth <= bounds[2]
                )
            )
        rows.append(
            Row([str(count), f"{100 * sum(covers) / len(covers):.1f} %", f"{100 * min(covers):.1f} %"])
        )
    return Table("Wilson's interval: coverage over shares of 1 to 99 % (exact)", ("n", "mean", "least"), rows)


def recovery_over_trials(rounds: int) -> Table:
    """The interval of the median recovery, from looks that come late."""
    rows = []
    for every in (0.02, 0.05, 0.1):
        for count in (5, 10, 20):
            random, inside, said = Random(f"median {every} {count}"), 0, 0.0
            for _ in range(rounds):
                seen, least = [], []
                for _ in range(count):
                    truth, begin = max(0.05, random.gauss(0.3, 0.06)), random.random() * every
                    last = begin + int((truth - begin) / every) * every if truth > begin else 0.0
                    least.append(last)
                    seen.append(last + every + 0.004)
                bounds = over(seen, least)
                said += bounds.coverage / rounds
                inside += (
                    bounds.low is not None and bounds.high is not None and bounds.low <= 0.3 <= bounds.high
                )
            cells = [
                f"{1000 * every:g} ms",
                str(count),
                f"{100 * said:.1f} %",
                f"{100 * inside / rounds:.1f} %",
            ]
            rows.append(Row(cells, {"not covered": (1 - inside / rounds, limit(rounds, 1 - said))}))
    return Table(
        "Median recovery over trials, outages of 0.3 s (sd 20 %)", ("looks", "trials", "said", "holds"), rows
    )


def same_twice(rounds: int) -> Table:
    """The same app, two runs: how often they are called different; and twice as slow, or failing more."""
    rows = []
    cases: list[tuple[str, dict[str, float], dict[str, float]]] = [
        ("the same, median 100 ms, sigma 0.5", {"sigma": 0.5}, {"sigma": 0.5}),
        ("the same, sigma 1", {"sigma": 1.0}, {"sigma": 1.0}),
        ("the same, 5 % errors", {"errors": 0.05}, {"errors": 0.05}),
        ("the same, 20 % errors", {"errors": 0.2}, {"errors": 0.2}),
        ("twice as slow", {"slower": 2.0}, {}),
        ("2 % errors, then 10 %", {"errors": 0.02}, {"errors": 0.1}),
        ("2 % errors, then 20 %", {"errors": 0.02}, {"errors": 0.2}),
    ]
    base = judge(Run([looked_at()], {}, PHASES["2/4/3"]).events())
    for name, one, other in cases:
        cells, wrong = [name], {}
        for count in (80, 250, 1000):
            random, some = Random(f"twice {name} {count}"), max(40, rounds // (1 if count < 1000 else 2))
            differ = 0
            for _ in range(some):
                now, then = (
                    base.model_copy(update={"load": {"fault": _load(random, count, **about)}})
                    for about in (one, other)
                )
                differ += bool(compare(now, then).changes)
            cells.append(f"{100 * differ / some:.1f} %")
            if name.startswith("the same"):
                wrong[f"{count} requests"] = (differ / some, limit(some))
        rows.append(Row(cells, wrong))
    return Table("Two runs compared: called different", ("", "80 requests", "250", "1,000"), rows)


def _load(random: Random, count: int, sigma: float = 0.5, errors: float = 0.0, slower: float = 1.0) -> Any:
    found = []
    for number in range(count):
        took, failed = slower * exp(random.gauss(log(0.1), sigma)), random.random() < errors
        failure = "http_503" if failed else None
        found.append(Request(number / 20, took, 0.0, failure, max(took, 2.0) if failed else took, True))
    return summarise(found, count / 20)
