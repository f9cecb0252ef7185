"""The demo experiments of a directory in E2B sandboxes of the double, all at once, conducted by this process.

The manifests are the repository's own; only the type of the sandbox is another, and as all share one machine, what has
been hurt may take longer to come back. `python -m tests.sandboxes.shops shop-fragile` prints the verdicts.
"""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from chaos import runner
from chaos.manifests.load import Loaded, load
from chaos.measure.result import Result
from chaos.plan import plan
from chaos.run import Run
from tests.lab import ROOT
from tests.sandboxes.microvm import at_double

FAULTS = ("dependency-failure", "disk-full", "memory-pressure", "network-delay", "process-kill")


def results(folder: Path, directory: str) -> dict[str, Result]:
    """What each came to, by its fault."""
    experiments = folder / "experiments"
    shutil.copytree(ROOT / "experiments" / "apps" / "shop", experiments / "apps" / "shop")
    (experiments / directory).mkdir()
    (folder / ".git").mkdir()  # the root of a repository, beyond which no app may be
    loaded = {fault: _elsewhere(experiments / directory / f"{fault}.yaml") for fault in FAULTS}

    async def all_of_them() -> list[Result]:
        return await asyncio.gather(*(_one(each, folder / "runs") for each in loaded.values()))

    with at_double():
        return dict(zip(loaded, asyncio.run(all_of_them()), strict=True))


def _elsewhere(path: Path) -> Loaded:
    text = (ROOT / "experiments" / path.parent.name / path.name).read_text()
    changed = text.replace("type: local", "type: e2b").replace("recoverWithin: 2s", "recoverWithin: 6s")
    assert changed.count("type: e2b") == 1
    path.write_text(changed.replace("recovery: 4s", "recovery: 7s"))
    return load(str(path))[0]


async def _one(loaded: Loaded, runs: Path) -> Result:
    drawn = plan(loaded)
    run = Run.new(drawn.name, runs)
    await runner.carry_out(drawn, run, lambda _event: None, asyncio.Event())
    return runner.analyze(run)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        for fault, result in results(Path(place), sys.argv[1]).items():
            print(f"{fault}: {result.outcome}, {result.verdict}: {result.why}")
