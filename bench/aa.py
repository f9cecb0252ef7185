"""How often we cry wolf: runs in which nothing is done to a healthy app, and how many of them are called deviated.

    python bench/aa.py [RUNS] [AT_ONCE] [MANIFEST]

An A/A test: each run is a control of bench/aa.yaml (bench/aa-flaky.yaml: of an app that fails 0.5 % by itself), in a
sandbox of its own, judged by the rules of every run. Two at once keep the machine busy, as it will be elsewhere.
Deviated is a false alarm; inconclusive is no alarm, but a run
for nothing. Intervals are Wilson's, 95 %. The exit code is 1 when more than 5 % of the runs were false alarms.
"""

import asyncio
import dataclasses
import sys
import tempfile
from collections import Counter
from pathlib import Path

from chaos import runner
from chaos.faults.fidelity import share_interval
from chaos.manifests.load import load
from chaos.measure.result import Result, SteadyStateResult
from chaos.plan import Plan, plan
from chaos.run import Run
from chaos.verdict import Outcome, Verdict

ALLOWED = 0.05
MANIFEST = Path(__file__).with_name("aa.yaml")


async def controls(asked: Plan, runs: int, at_once: int, out: Path) -> list[Result]:
    """Carry out and judge so many controls, never more than `at_once` at a time."""
    room = asyncio.Semaphore(at_once)

    async def one(number: int) -> Result:
        async with room:
            run = Run.new(f"aa-{number}", out)
            await runner.carry_out_one(
                dataclasses.replace(asked, seed=number), run, lambda _: None, asyncio.Event()
            )
            result = runner.analyze(run)
            verdict, why = verdict_of(result)
            if verdict is not Verdict.HELD:
                print(f"{number:4}  {verdict}: {why}", flush=True)
            return result

    return await asyncio.gather(*(one(number) for number in range(runs)))


def verdict_of(result: Result) -> tuple[Verdict, str]:
    """What the control says by itself, and why: as a run it is never `held`."""
    assert result.trials is not None
    control = result.trials.segments[0]
    return control.verdict, control.why


def line(name: str, count: int, runs: int) -> str:
    """`deviated  1 of 100: 1.0 % (95 % interval 0.2 to 5.4 %)`."""
    share, low, high = share_interval(count, runs)
    return f"{name:14}{count:4} of {runs}: {100 * share:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f} %)"


def main() -> None:
    """Print what was not held as it happens, then the shares; exit with 1 when there were too many alarms."""
    runs, at_once = (int(number) for number in (*sys.argv[1:3], *("100", "2")[len(sys.argv[1:3]) :]))
    [loaded] = load(Path(sys.argv[3]) if len(sys.argv) > 3 else MANIFEST)
    asked = dataclasses.replace(plan(loaded), withheld=True)
    with tempfile.TemporaryDirectory() as out:
        results = asyncio.run(controls(asked, runs, at_once, Path(out)))
    verdicts = Counter(verdict_of(result)[0] for result in results)
    for verdict in Verdict:
        print(line(verdict, verdicts[verdict], runs))
    unsteady = sum(result.outcome is not Outcome.COMPLETED for result in results)
    print(line("not completed", unsteady, runs))
    states: list[SteadyStateResult] = [state for result in results for state in result.steady_state]
    bad = Counter(state.name for state in states if state.verdict is Verdict.DEVIATED)
    print(f"steady states: {sum(bad.values())} of {len(states)} deviated {dict(bad) or ''}")
    sys.exit(verdicts[Verdict.DEVIATED] > ALLOWED * runs)


if __name__ == "__main__":
    main()
