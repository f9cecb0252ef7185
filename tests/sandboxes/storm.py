"""Many experiments at once in E2B's double on its worst day; `python -m tests.sandboxes.storm 30` says what came of it.

Each is an app of one process that is killed for a second; one controller conducts them all. Requests are refused (429,
503), stalled, carried out without an answer, or cut off in the middle of a stream.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos import api
from chaos.runs.journal import Journal
from tests.lab import HEALTHY, LOOK, Lab
from tests.sandboxes.microvm import at_double, variables

SHARES = {"429": 0.03, "503": 0.03, "stall": 0.02, "lose": 0.03, "drop": 0.03}
"""Of all requests: one in seven goes wrong."""


@dataclass(frozen=True)
class Survived:
    """What came of one experiment."""

    outcome: str
    verdict: str
    why: str
    injected: int
    """How often its journal says that the fault was injected."""
    destroyed: bool


@dataclass(frozen=True)
class Aftermath:
    """What came of them all."""

    survived: list[Survived]
    said: dict[str, int]
    """How often what happened in the double."""
    left: list[dict[str, Any]]
    """Sandboxes that still live."""
    secrets: list[str]
    """What nobody may have written down."""


def storm(folder: Path, many: int, recovery_s: int, create_per_s: float = 100.0) -> Aftermath:
    """Carry out so many at once; the double allows for so many and so many creations a second, and no more."""
    trouble = {"shares": SHARES, "stall_s": 1.0, "seed": 7}
    # It is about the machinery: so many apps at once on one machine are slow to come back.
    healthy = {**HEALTHY, "probe": {**LOOK, "every": "250ms"}, "recoverWithin": f"{recovery_s}s"}
    lab = Lab(folder)
    manifest = lab.manifest(
        sandbox={"type": "e2b", "memory": "64MiB", "disk": "16MiB", "ttl": "20m"},
        steadyState=[healthy],
        phases={"baseline": "1s", "recovery": f"{recovery_s}s"},
        retries=3,
    )
    rate = {"E2B_CREATE_RATE": f"{create_per_s}"}
    limits = {"at_once": many, "create_per_s": create_per_s + 1}
    with at_double(trouble=trouble, **limits) as double, variables(rate):
        survived = asyncio.run(_all(manifest, lab.runs, many))
        return Aftermath(survived, double.said(), double.sandboxes(), double.secrets())


async def _all(manifest: Path, runs: Path, many: int) -> list[Survived]:
    return await asyncio.gather(*(_one(manifest, runs) for _ in range(many)))


async def _one(manifest: Path, runs: Path) -> Survived:
    result = await api.run(api.plan(manifest), runs, publish=False)
    injected = len(Journal(runs / result.run_id / "journal.ndjson").of("fault.injected"))
    return Survived(result.outcome, result.verdict, result.why, injected, result.sandbox.destroyed)


def main() -> None:
    """Print it."""
    many = int(sys.argv[1])
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        after = storm(Path(folder), many, recovery_s=20, create_per_s=2.0)
    print(f"{many} experiments at once in {time.monotonic() - began:.0f} s; the double: {after.said}")
    print(f"verdicts {dict(Counter(each.verdict for each in after.survived))}")
    print(
        f"injections a run {dict(Counter(each.injected for each in after.survived))}; left {len(after.left)}"
    )
    for each in after.survived:
        if each.verdict != "held":
            print(f"  {each.verdict}: {each.outcome}: {each.why}")


if __name__ == "__main__":
    main()
