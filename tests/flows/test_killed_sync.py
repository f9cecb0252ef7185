"""A sync that is killed anywhere: the next one ends as if it had never been."""

import asyncio
import multiprocessing
import random
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from chaos.gitops.repository.mirror import Mirror
from flows.gitops.reconciler import reconcile
from flows.server.api import Api
from flows.server.local import speaking_to
from tests.flows.test_reconcile import CRON, Scene

KILLS = 10
ACTIONS = 6
"""Of each sync. It tells of its beginning and of each that is done; the end of the last is never awaited."""
PROCESSES = multiprocessing.get_context("forkserver")
"""Prefect is imported once, by the server that the others are forked from."""


@pytest.fixture
def scene(prefect_server: Api, tmp_path: Path) -> Iterator[Scene]:
    PROCESSES.set_forkserver_preload([__name__])
    scene = Scene(tmp_path, prefect_server, f"k{random.getrandbits(32):08x}")
    with scene.api:
        yield scene


def one_sync(api: str, mirror: Mirror, out: Path, told: Connection) -> None:
    """What the process does that is killed: it tells that it begins, and of each action once it is done."""
    with speaking_to(api):
        told.send("begun")
        asyncio.run(reconcile(mirror, out, on_action=lambda action: told.send(action.kind)))
    signal.pause()  # What was quicker than its end is killed all the same.


def killed_after(scene: Scene, messages: int, and_s: float) -> None:
    """Begin a sync, and kill it so long after it has told that much."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    api = str(scene.api.base_url).rstrip("/")
    process = PROCESSES.Process(
        target=one_sync, args=(api, scene.mirror, scene.folder / "runs", theirs), daemon=True
    )
    process.start()
    theirs.close()
    with ours:
        for _ in range(messages):
            assert ours.poll(60)
            ours.recv()
        time.sleep(and_s)
        process.kill()
        process.join()
        assert process.exitcode == -9


def pushed(scene: Scene, number: int) -> None:
    """A commit in which one experiment changes, one goes and one comes: abort, prune, create, update, run, run."""
    scene.write("changes", hold=f"{number + 1}s", more=CRON)
    scene.write(f"comes{number}", more=CRON)
    (scene.repository.folder / f"experiments/comes{number - 1}.yaml").unlink(missing_ok=True)
    scene.repository.commit()


def test_killed_at_ten_random_points_the_next_sync_ends_the_same(scene: Scene) -> None:
    points = random.Random(scene.prefix)  # which a failure shows
    pushed(scene, 0)
    scene.sync()
    for number in range(1, KILLS + 1):
        pushed(scene, number)
        killed_after(scene, points.randint(1, ACTIONS), points.uniform(0, 0.05))
        scene.sync()
        found = scene.deployments()
        assert sorted(found) == ["changes", f"comes{number}"]
        assert {each["labels"]["chaoslab.commit"] for each in found.values()} == {
            scene.repository.git("rev-parse", "HEAD")
        }
        assert [len(each["schedules"]) for each in found.values()] == [1, 1]
        assert len(scene.runs("changes")) == number + 1, "each digest ran once"
        assert len(scene.runs(f"comes{number}")) == 1
    assert scene.sync().unchanged
    assert scene.sync(sweep=True).actions == ()
