"""The demo experiments of a directory in E2B sandboxes of the double, all at once, conducted by this process.

The manifests are the repository's own; only the type of the sandbox is another, and as all share one machine, what has
been hurt in the resilient shop may take longer to come back. `python -m tests.sandboxes.shops shop-fragile` prints what
each comes to.
"""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from chaos import runner
from chaos.events import Event
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

    with at_double():
        found = asyncio.run(_all(list(loaded.values()), folder / "runs"))
    return dict(zip(loaded, found, strict=True))


def _elsewhere(path: Path) -> Loaded:
    text = (
        (ROOT / "experiments" / path.parent.name / path.name).read_text().replace("type: local", "type: e2b")
    )
    assert text.count("type: e2b") == 1
    if "fragile" not in path.parent.name:  # of that one it is the point that it takes too long
        text = text.replace("recoverWithin: 2s", "recoverWithin: 6s").replace("recovery: 4s", "recovery: 7s")
    path.write_text(text)
    return load(str(path))[0]


async def _all(loaded: list[Loaded], runs: Path) -> list[Result]:
    """Each begins when the app of the one before it is ready: that is when an app needs the machine most.

    The fragile one warms up for seconds in which it needs nothing: the next begins when its sandbox is open.
    """
    works = []
    for each in loaded:
        going = asyncio.Event()
        sign = "sandbox.opened" if "fragile" in each.manifest.metadata.name else "phase.started"
        works.append(asyncio.create_task(_one(each, runs, going, sign)))
        await going.wait()
    return await asyncio.gather(*works)


async def _one(loaded: Loaded, runs: Path, going: asyncio.Event, sign: str) -> Result:
    drawn = plan(loaded)
    run = Run.new(drawn.name, runs)

    def look(event: Event) -> None:
        if event.type == sign:
            going.set()

    await runner.carry_out(drawn, run, look, asyncio.Event())
    going.set()
    return runner.analyze(run)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        for fault, result in results(Path(place), sys.argv[1]).items():
            print(f"{fault}: {result.outcome}, {result.verdict}: {result.why}")
