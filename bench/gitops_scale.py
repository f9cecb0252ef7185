"""A repository of ten thousand manifests: nothing pushed, five files changed, and what memory that takes.

    python -m bench.gitops_scale [N]

No server: what is measured is what comes beside Prefect's time. Nothing pushed is a whole reconciliation, with an API
at which nobody listens: it asks for nothing. Five changed is fetch, reading, deciding and remembering, in a process of
its own that has Prefect imported, as `chaoslab sync` has. The peer is `git ls-remote` alone, which nobody can save.
"""

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from prefect.settings import PREFECT_API_URL, temporary_settings

from chaos.gitops.decide import decide, standing
from chaos.gitops.memory import SyncMemory
from chaos.gitops.observed import Observed
from chaos.gitops.reading import read
from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.repository.source import Source
from flows.gitops.reconciler import reconcile
from tests.gitops.repository import Repository, manifest

NOBODY = "http://127.0.0.1:9/api/"
"""As Prefect's client writes it."""
CHANGED = 5
T = TypeVar("T")


def timed(what: Callable[[], T]) -> tuple[float, T]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    done = what()
    return time.perf_counter() - began, done


def mirror_in(folder: Path) -> Mirror:
    """The copy that all parts work on."""
    return Mirror(Source(str(folder / "repository")), folder / "mirrors")


def first(folder: Path) -> float:
    """Read everything, with nothing remembered."""
    mirror = mirror_in(folder)
    commit = mirror.fetch()
    seconds, desired = timed(lambda: read(mirror, commit))
    assert not desired.broken
    SyncMemory(NOBODY, commit, desired.wanted, asked=mirror.source.asked).save(SyncMemory.file_of(mirror))
    return seconds


def unchanged(folder: Path, rounds: int = 10) -> float:
    """Look, in a process that goes on; the median."""
    mirror = mirror_in(folder)

    def look() -> None:
        assert asyncio.run(reconcile(mirror, folder / "runs")).unchanged

    with temporary_settings({PREFECT_API_URL: NOBODY}):
        return statistics.median(timed(look)[0] for _ in range(rounds))


def changed(folder: Path) -> float:
    """All that a reconciliation does beside asking Prefect, for what has changed."""
    mirror = mirror_in(folder)

    def bring() -> int:
        memory = SyncMemory.load(SyncMemory.file_of(mirror))
        desired = read(mirror, mirror.fetch())
        names = [name for name, one in desired.wanted.items() if memory.wanted.get(name) != one]
        observed = Observed({}, {}, memory.stalled)
        actions = decide(replace(desired, wanted={name: desired.wanted[name] for name in names}), observed)
        stalled = standing(desired, observed)
        new = SyncMemory(NOBODY, desired.commit, desired.wanted, stalled, asked=mirror.source.asked)
        new.save(SyncMemory.file_of(mirror))
        assert len(names) == CHANGED
        return len(actions)

    return timed(bring)[0]


PARTS: dict[str, Callable[[Path], float]] = {"first": first, "unchanged": unchanged, "changed": changed}


def apart(part: str, folder: Path) -> tuple[float, float]:
    """That part in a process of its own: seconds, and MiB at the most."""
    command = [sys.executable, "-m", "bench.gitops_scale", part, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer["seconds"], answer["mib"]


def main(count: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository = Repository.make(folder / "repository")
        for index in range(count):
            _write(repository, index, hold="1s")
        repository.commit()
        for part, what in (("first", "the first time"), ("unchanged", "nothing pushed")):
            print(
                f"{count:,} manifests, {what}: {'{:.3f} s, {:.0f} MiB at most'.format(*apart(part, folder))}"
            )
        mirror = mirror_in(folder)
        git = statistics.median(timed(mirror.head)[0] for _ in range(10))
        print(f"`git ls-remote` alone: {git:.3f} s")
        for index in range(CHANGED):
            _write(repository, index, hold="2s")
        repository.commit()
        print(f"{CHANGED} files changed: {'{:.3f} s, {:.0f} MiB at most'.format(*apart('changed', folder))}")


def _write(repository: Repository, index: int, *, hold: str) -> None:
    text = manifest(f"e{index:05}", hold=hold, app="../apps/web")
    repository.write(f"experiments/team-{index % 50:02}/e{index:05}.yaml", text)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in PARTS:
        seconds = PARTS[sys.argv[1]](Path(sys.argv[2]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "mib": peak}))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
