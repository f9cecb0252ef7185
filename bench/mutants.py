"""Resilience mutants of the demo shop: each safety net taken away, one at a time; which experiments notice.

Usage: python -m bench.mutants [--all] [--at-once N] [--only WORD]. A net that can go while every experiment stays green
is a net that nobody tests; then this ends with 1. Without --all a mutant's first experiment that notices is enough.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from bench import ours
from chaos.analysis.result import Result

ROOT = Path(__file__).parents[1]
EXPERIMENTS = ROOT / "experiments"


class Mutant(NamedTuple):
    """One net less: in that file, `old` is replaced by `new`."""

    name: str
    file: str
    old: str
    new: str
    by: tuple[str, ...]
    """Experiments that are made for it, tried first."""


MUTANTS = (
    Mutant(
        "no timeout of a call",
        "apps/shop/offers.py",
        "min(ATTEMPT_S, until - time.monotonic())",
        "60.0",
        ("shop/inventory-hangs",),
    ),
    Mutant(
        "no timeout of both calls together",
        "apps/shop/offers.py",
        "WITHIN_S = 0.55",
        "WITHIN_S = 60.0",
        ("shop/inventory-hangs",),
    ),
    Mutant("no retry", "apps/shop/offers.py", "for left in (1, 0):", "for left in (0,):", ("shop/retry",)),
    Mutant(
        "no last known offer",
        "apps/shop/offers.py",
        "if item not in self._known:",
        "if True:",
        ("shop/dependency-failure",),
    ),
    Mutant(
        "no place for orders but the disk",
        "apps/shop/orders.py",
        "            except OSError as error:\n",
        "            except ZeroDivisionError as error:\n",
        ("shop/disk-full",),
    ),
    Mutant(
        "nothing dropped when memory is short",
        "apps/shop/receipts.py",
        "short = used is not None and used > SHORT_ABOVE",
        "short = False",
        ("shop/memory-spared",),
    ),
    Mutant(
        "no bound of the receipts",
        "apps/shop/receipts.py",
        "if len(self._kept) > KEPT_AT_MOST:",
        "if False:",
        ("shop/bounds",),
    ),
    Mutant(
        "no bound of the idle connections",
        "apps/shop/offers.py",
        "queue.LifoQueue(IDLE_CONNECTIONS)",
        "queue.LifoQueue()",
        ("shop/bounds",),
    ),
    Mutant(
        "no bound of the orders that wait",
        "apps/shop/orders.py",
        "deque(maxlen=WAITING_AT_MOST)",
        "deque()",
        ("shop/orders-wait",),
    ),
    Mutant(
        "half an order is left on the disk",
        "apps/shop/orders.py",
        "            os.ftruncate(self._file, before)  #",
        "            pass  #",
        ("shop/orders-wait",),
    ),
    Mutant(
        "not started again",
        "shop/process-kill.yaml",
        "restart: always",
        "restart: never",
        ("shop/process-kill",),
    ),
)


class Told(NamedTuple):
    """What one experiment said of one mutant."""

    mutant: str
    experiment: str
    verdict: str
    why: str


def tried(mutant: Mutant, experiments: Sequence[str], *, every: bool) -> Iterator[Told]:
    """The verdicts, up to the first `deviated` unless `every` one is wanted. Raises ValueError when it is no mutant."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name)
        (folder / ".git").mkdir()
        shutil.copytree(EXPERIMENTS, folder / "experiments")
        place = folder / "experiments" / mutant.file
        text = place.read_text()
        if text.count(mutant.old) != 1:
            raise ValueError(
                f"{mutant.name}: {mutant.old!r} is {text.count(mutant.old)} times in {mutant.file}"
            )
        place.write_text(text.replace(mutant.old, mutant.new))
        for experiment in experiments:
            told = _run(mutant, folder, experiment)
            yield told
            if told.verdict == "deviated" and not every:
                return


def _run(mutant: Mutant, folder: Path, experiment: str) -> Told:
    manifest = folder / "experiments" / f"{experiment}.yaml"
    done = subprocess.run(
        ours.command(manifest, folder / "runs"),
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    if not done.stdout:
        raise SystemExit(f"{experiment}: {done.stderr}")
    result = Result.model_validate_json(done.stdout)
    told = Told(mutant.name, experiment, result.verdict.value, result.why)
    print(f"{told.mutant}: {told.experiment}: {told.verdict}: {told.why}", file=sys.stderr, flush=True)
    return told


def all_experiments() -> list[str]:
    """The resilient shop's, of the five scenarios and of the catalogue."""
    files = [*sorted(EXPERIMENTS.glob("shop/*.yaml")), *sorted(EXPERIMENTS.glob("catalogue/*.yaml"))]
    left_out = ("-fragile", "-trials")
    return [
        str(file.relative_to(EXPERIMENTS).with_suffix(""))
        for file in files
        if not file.stem.endswith(left_out)
    ]


def table(told: Sequence[Told]) -> Iterator[str]:
    """Markdown, a line for each mutant."""
    yield "| what is missing | noticed by | not by |"
    yield "|---|---|---|"
    for mutant in dict.fromkeys(each.mutant for each in told):
        of = [each for each in told if each.mutant == mutant]
        by = ", ".join(each.experiment for each in of if each.verdict == "deviated") or "**nobody**"
        others = ", ".join(f"{each.experiment} ({each.verdict})" for each in of if each.verdict != "deviated")
        yield f"| {mutant} | {by} | {others} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--all", action="store_true", help="every experiment of the shop, not only those made for it"
    )
    parser.add_argument("--at-once", type=int, default=3)
    parser.add_argument("--only", default="")
    given = parser.parse_args()

    def one(mutant: Mutant) -> list[Told]:
        return list(tried(mutant, all_experiments() if given.all else mutant.by, every=given.all))

    wanted = [mutant for mutant in MUTANTS if given.only in mutant.name]
    with ThreadPoolExecutor(given.at_once) as pool:
        told = [each for of in pool.map(one, wanted) for each in of]
    print("\n".join(table(told)))
    noticed = {each.mutant for each in told if each.verdict == "deviated"}
    sys.exit(len(noticed) < len(wanted))


if __name__ == "__main__":
    main()
