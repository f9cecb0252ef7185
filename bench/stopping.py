"""How long after a stop condition is met the fault is gone: every fragile demo, with its steady states as conditions.

    python -m bench.stopping [RUNS]

RUNS (20) runs, each of another fragile manifest of `experiments/`, its faults asked to be held for a minute. Each of
its steady states is a stop condition as well, broken for 300 ms. All times are from the run's own journal:

met      the intended time of the look after which the condition had been broken for long enough
known    when that look had ended
removed  when the last fault was undone

There is no peer: nothing that one would use instead has stop conditions that are looked at while a fault is held.
"""

import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bench import ours
from chaos.verdict import Outcome

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"
FOR = "300ms"


class Stopped(NamedTuple):
    """One run that a condition ended; seconds."""

    fault: str
    from_met_s: float
    from_known_s: float


def main() -> None:
    """Print one line a run, then the figures."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    stopped: list[Stopped] = []
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(EXPERIMENTS / "apps", Path(folder, "apps"))
        for name, manifest in fragile():
            ran = ours.run(manifest, Path(folder, name), failing=True)
            if ran.result.outcome is not Outcome.ABORTED:
                print(f"  {name}: no condition was met: {ran.result.outcome}, {ran.result.why}", flush=True)
                continue
            if not any(event.type == "fault.recovered" for event in ran.events):
                print(
                    f"  {name}: a condition was met before the fault was in place: {ran.result.why}",
                    flush=True,
                )
                continue
            stopped.append(timed(ran))
            print(f"  {stopped[-1].fault}: {_said(stopped[-1])}", flush=True)
            if len(stopped) == wanted:
                break
    for what, values in (
        ("met", sorted(each.from_met_s for each in stopped)),
        ("known", sorted(each.from_known_s for each in stopped)),
    ):
        p95 = values[max(0, -(-95 * len(values) // 100) - 1)]
        median = statistics.median(values)
        print(
            f"condition {what} -> fault removed, {len(values)} runs: median {median * 1000:.0f} ms,"
            f" p95 {p95 * 1000:.0f} ms, longest {values[-1] * 1000:.0f} ms"
        )


def fragile() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every fragile manifest, the five demos first, as one that is to be stopped."""
    files = [*EXPERIMENTS.glob("shop-fragile/*.yaml"), *sorted(EXPERIMENTS.glob("catalogue/*-fragile.yaml"))]
    for file in files:
        manifest = yaml.safe_load(file.read_text())
        spec = manifest["spec"]
        spec["target"]["app"] = spec["target"]["app"].removeprefix("../")
        spec["stopWhen"] = [
            {"probe": each["probe"], "tolerance": each["tolerance"], "for": FOR}
            for each in spec["steadyState"]
        ]
        spec["blastRadius"] = {"maxHold": "2m"}
        for step in spec["method"]:
            step["hold"] = "1m"
        yield file.name, manifest


def timed(ran: ours.Ran) -> Stopped:
    """From the journal alone: the agent writes that a condition tripped right after the look that made it."""
    tripped = next(index for index, event in enumerate(ran.events) if event.type == "stop.tripped")
    condition = ran.events[tripped].data["condition"]
    look = next(
        event
        for event in reversed(ran.events[:tripped])
        if event.type == "probe.sampled" and event.data["probe"] == condition
    )
    known = look.at + look.data["took_ms"] / 1000
    removed = max(event.at for event in ran.events if event.type == "fault.recovered")
    fault = next(event for event in ran.events if event.type == "fault.injected").data["fault"]
    return Stopped(fault, removed - look.at, removed - known)


def _said(stopped: Stopped) -> str:
    met_ms, known_ms = stopped.from_met_s * 1000, stopped.from_known_s * 1000
    return f"removed {met_ms:.0f} ms after it was met, {known_ms:.0f} ms after that was known"


if __name__ == "__main__":
    main()
