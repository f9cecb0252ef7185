"""How often we cry wolf: real runs in which nothing is done that matters, and how many of them are called deviated.

    python -m bench.aa [single|series] [demo|flaky] [--runs N] [--at-once N] [--pairs N] [--keep FILE]

An A/A test, each run in a sandbox of its own and judged by the rules of every run. `single`: controls, the faults are
withheld. `series`: so many pairs, of which the trial has a delay of 10 ms, which matters to nobody, and its control has
none. `demo` is the shop (bench/aa.yaml), `flaky` an app that fails 0.5 % by itself (bench/aa-flaky.yaml). More at
once keep the machine busy, as it will be elsewhere. Deviated is a false alarm; inconclusive is none, but a run for
nothing.

With `--keep` every run is a line of FILE as soon as it ends, and what is there already is not run again: when it is cut
off, the same command goes on. Intervals are exact (Clopper, Pearson), 95 %. Exit code 1: more false alarms than 5 %.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from chaos.analysis.result import Result
from chaos.manifests.load import load
from chaos.planning.plan import Plan, plan
from chaos.runner import stages as runner
from chaos.runner.pipeline import Stages, carry_out, carry_out_trial
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.statistics import binomial
from chaos.verdict import Outcome, Verdict

ALLOWED = 0.05
MANIFESTS = {"demo": "aa.yaml", "flaky": "aa-flaky.yaml"}


@dataclass(frozen=True)
class Ended:
    """What one run, or one series, came to."""

    kind: str
    app: str
    number: int
    outcome: str
    verdict: str
    why: str
    states: dict[str, str]
    """Steady state -> its verdict (of a series: of its most telling trial)."""
    took_s: float


def asked_for(kind: str, app: str, number: int, pairs: int) -> Plan:
    """One run: a control by itself, or so many pairs."""
    [loaded] = load(Path(__file__).with_name(MANIFESTS[app]))
    made = plan(loaded, seed=number)
    return replace(made, withheld=True) if kind == "single" else replace(made, trials=pairs, control=True)


async def carried_out(kind: str, app: str, number: int, pairs: int, out: Path) -> Ended:
    """Carry it out and judge it."""
    asked, began = asked_for(kind, app, number, pairs), time.monotonic()
    run = Run.new(f"aa-{number}", out)
    if kind == "single":
        await carry_out_trial(asked, run, Stages(), Stop())
    else:
        await carry_out(asked, run, Stages(), Stop())
    result = await asyncio.to_thread(runner.analyze, run)
    verdict, why = verdict_of(result, kind)
    states = {state.name: str(state.verdict) for state in result.steady_state}
    took_s = round(time.monotonic() - began, 1)
    return Ended(kind, app, number, str(result.outcome), str(verdict), why, states, took_s)


def verdict_of(result: Result, kind: str) -> tuple[Verdict, str]:
    """What it says, and why; a control says it by itself: as a run it is never `held`."""
    if kind == "series":
        return result.verdict, result.why
    assert result.trials is not None
    control = result.trials.segments[0]
    return control.verdict, control.why


async def all_of(numbers: Iterable[int], at_once: int, one: Callable[[int], Awaitable[None]]) -> None:
    """Never more than `at_once` at a time."""
    room = asyncio.Semaphore(at_once)

    async def in_turn(number: int) -> None:
        async with room:
            await one(number)

    await asyncio.gather(*(in_turn(number) for number in numbers))


def kept(file: Path | None) -> list[Ended]:
    """What was carried out before; half a line at the end is none."""
    if file is None or not file.exists():
        return []
    found = []
    for line in file.read_text().splitlines():
        try:
            found.append(Ended(**json.loads(line)))
        except ValueError:
            continue
    return found


def line(name: str, count: int, runs: int) -> str:
    """`deviated  1 of 100: 1.0 % (95 % interval 0.0 to 5.4 %)`."""
    low, high = binomial.lowest(count, runs, 0.025), binomial.highest(count, runs, 0.025)
    share = f"{100 * count / runs:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f} %)"
    return f"{name:14}{count:4} of {runs}: {share}"


def report(ended: Iterable[Ended], what: str) -> int:
    """Print the shares; the number of false alarms."""
    some = list(ended)
    verdicts = Counter(each.verdict for each in some)
    print(f"{what}: {len(some)}, {sum(each.took_s for each in some) / len(some):.1f} s each")
    for verdict in Verdict:
        print(line(str(verdict), verdicts[str(verdict)], len(some)))
    print(line("not completed", sum(each.outcome != str(Outcome.COMPLETED) for each in some), len(some)))
    bad = Counter(name for each in some for name, verdict in each.states.items() if verdict == "deviated")
    print(
        f"steady states: {sum(bad.values())} of {sum(len(e.states) for e in some)} deviated {dict(bad) or ''}"
    )
    return verdicts[str(Verdict.DEVIATED)]


def main() -> None:
    """Print what was not held as it happens, then the shares; exit with 1 when there were too many alarms."""
    parser = argparse.ArgumentParser(prog="bench.aa")
    parser.add_argument("kind", nargs="?", choices=("single", "series"), default="single")
    parser.add_argument("app", nargs="?", choices=tuple(MANIFESTS), default="demo")
    for name, usual in (("--runs", 100), ("--at-once", 2), ("--pairs", 5)):
        parser.add_argument(name, type=int, default=usual)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    done = [each for each in kept(asked.keep) if (each.kind, each.app) == (asked.kind, asked.app)]
    missing = sorted(set(range(asked.runs)) - {each.number for each in done})
    with tempfile.TemporaryDirectory() as out:

        async def one(number: int) -> None:
            ended = await carried_out(asked.kind, asked.app, number, asked.pairs, Path(out))
            done.append(ended)
            if asked.keep:
                with asked.keep.open("a") as file:
                    file.write(json.dumps(asdict(ended)) + "\n")
            if ended.verdict != str(Verdict.HELD):
                print(f"{number:4}  {ended.verdict}: {ended.why}", flush=True)

        asyncio.run(all_of(missing, asked.at_once, one))
    sys.exit(report(done, f"{asked.kind} {asked.app}") > ALLOWED * len(done))


if __name__ == "__main__":
    main()
