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

from chaos.analysis.result import Result
from chaos.events import Event
from chaos.manifests.load import Loaded, load
from chaos.planning.plan import plan
from chaos.runner import stages as runner
from chaos.runner.closing import concluded
from chaos.runs.directory import Run
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
    """First every sandbox is opened, so that no opening disturbs a baseline; then the apps begin.

    One after another, each when the one before is ready: that is when an app needs the machine most. The fragile one
    warms up for seconds in which it needs nothing: the next need not wait for its end.
    """
    opened, starting = asyncio.Barrier(len(loaded)), asyncio.Lock()
    async with asyncio.TaskGroup() as group:
        works = [group.create_task(_one(each, runs, opened, starting)) for each in loaded]
    return [work.result() for work in works]


async def _one(loaded: Loaded, runs: Path, opened: asyncio.Barrier, starting: asyncio.Lock) -> Result:
    drawn = plan(loaded)
    run, going = Run.new(drawn.name, runs), asyncio.Event()
    sign = "process.started" if "fragile" in drawn.name else "phase.started"

    def look(event: Event) -> None:
        if event.type in (sign, "agent.ended"):
            going.set()

    async with concluded(run):
        ref = await runner.open_sandbox(drawn, run)
        await opened.wait()
        async with starting:
            await runner.inject(drawn, run, ref)
            collecting = asyncio.create_task(runner.collect(run, ref, look))
            await going.wait()
        await collecting
    return runner.analyze(run)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        for fault, result in results(Path(place), sys.argv[1]).items():
            print(f"{fault}: {result.outcome}, {result.verdict}: {result.why}")
