"""A repository's deployments by `chaoslab sync` and by `prefect deploy --all`: the first time, unchanged, one changed.

    python -m bench.gitops [N] [postgres]

N (200) experiments, each with a schedule; a Prefect server of its own for each side, both in one run: with SQLite, or
each with a database of one real Postgres.
Wall clock of the whole commands, and the CPU time of command and server together, which a busy machine changes less.
The peer's file asks for just what our side made; that both servers have the same in the end is checked. Then what only
we have: an unchanged commit inside a process that goes on (with the server switched off: nothing is asked of it), and
a look at every deployment.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench import gitops_peer as peer
from chaos.gitops.decide import SyncPolicy
from chaos.gitops.repository.source import Source
from flows.gitops.reconciler import Synced, reconcile
from flows.repositories.mirrors import mirror_of
from flows.server import api as server
from flows.server.local import local_keys, speaking_to, told_to_children
from tests.gitops.repository import Repository, manifest
from tests.postgres_fixture import Postgres, started

CRON = "  schedule: {{cron: '{} 9 * * 1', timezone: Europe/Berlin}}\n"
NO_RUN = SyncPolicy(run_on_push=False)


@dataclass(frozen=True)
class Took:
    """What one command cost."""

    wall_s: float
    cpu_s: float
    """Its own and the server's."""

    def __str__(self) -> str:
        """For a table."""
        return f"{self.wall_s:.2f} s ({self.cpu_s:.2f} s CPU)"


@dataclass(frozen=True)
class Side:
    """One of the two, with its server up."""

    api: httpx.Client
    pid: int
    command: tuple[str, ...]
    folder: Path

    def run(self) -> Took:
        """The whole command, which must succeed."""
        before, began = _cpu_s(self.pid), time.monotonic()
        with (self.folder / "said").open("w+") as said:
            process = subprocess.Popen(self.command, cwd=self.folder, stdout=said, stderr=said)
            _, code, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(code)
            took = Took(time.monotonic() - began, usage.ru_utime + usage.ru_stime + _cpu_s(self.pid) - before)
            if process.returncode != 0:
                sys.exit(f"{self.command} failed:\n{(self.folder / 'said').read_text()}")
        return took

    def deployments(self) -> dict[str, dict[str, Any]]:
        """All experiments that the server has, by name."""
        found: list[dict[str, Any]] = []
        while len(page := self._page(len(found))) == 200:
            found += page
        return {each["name"]: each for each in found + page}

    def _page(self, offset: int) -> list[dict[str, Any]]:
        body = {"flows": {"name": {"any_": ["experiment"]}}, "limit": 200, "offset": offset}
        page: list[dict[str, Any]] = self.api.post("/deployments/filter", json=body).raise_for_status().json()
        return page

    def pending(self) -> int:
        """How many runs its scheduler has made."""
        count: int = self.api.post("/flow_runs/count", json={}).raise_for_status().json()
        return count


_NAMES = ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING")


@contextmanager
def serving(folder: Path, postgres: Postgres | None, *command: str) -> Iterator[Side]:
    """A server for one side, ended afterwards."""
    folder.mkdir(exist_ok=True)
    for name in _NAMES:
        os.environ.pop(name, None)
    if postgres is not None:
        postgres.ask(f"create database {folder.name}")
        os.environ["POSTGRES_URL"] = postgres.url(folder.name)
    os.environ["CHAOSLAB_STATE_DIR"] = str(folder / "state")
    api = server.ensure_api()
    pid = server.status().pid
    assert pid is not None
    told_to_children(api.url)
    keys = local_keys()
    assert keys is not None
    try:
        with httpx.Client(base_url=api.url, timeout=120, headers={"Authorization": keys.basic()}) as client:
            yield Side(client, pid, command, folder)
    finally:
        for name in _NAMES:
            del os.environ[name]
        server.down()


def ours(
    work: Path, repository: Repository, change: Callable[[], None], postgres: Postgres | None
) -> tuple[list[Took], dict[str, Any]]:
    """First, unchanged, one changed; and what the server had before the change."""
    sync = (sys.executable, "-m", "flows.main", "sync", str(repository.folder), "--no-run", "--out", "runs")
    with serving(work / "ours", postgres, *sync) as side:
        first = side.run()
        made, pending = side.deployments(), _settled(side)
        unchanged = side.run()
        assert side.deployments() == made, "an unchanged commit touches nothing, no schedule either"
        assert side.pending() >= pending, "and drops no run that was made by a schedule"
        _inside(side, repository)
        change()
        changed = side.run()
        other = side.deployments()
        assert sum(other[name] != made[name] for name in made) == 1
    _without_server(side, repository)
    return [first, unchanged, changed], made


def theirs(work: Path, made: Mapping[str, dict[str, Any]], postgres: Postgres | None) -> list[Took]:
    """The same of `prefect deploy --all`."""
    with serving(work / "theirs", postgres, str(peer.PREFECT), "--no-prompt", "deploy", "--all") as side:
        peer.pool()
        peer.write(side.folder, made.values())
        first = side.run()
        got, pending = side.deployments(), _settled(side)
        assert {name: peer.like(each) for name, each in got.items()} == {
            name: peer.like(each) for name, each in made.items()
        }, "both sides ask for the same"
        unchanged = side.run()
        again = side.deployments()
        kept = sum(again[name]["schedules"] == got[name]["schedules"] for name in got)
        print(
            f"prefect deploy, unchanged: {kept} of {len(got)} schedules kept,"
            f" {side.pending()} of {pending} pending runs"
        )
        name = min(made)
        peer.write(side.folder, ({**made, name: {**made[name], "description": "changed"}}).values())
        changed = side.run()
    return [first, unchanged, changed]


def _inside(side: Side, repository: Repository) -> None:
    """What a process that goes on pays."""
    looks = [_reconciled(side, repository) for _ in range(10)]
    assert all(done.unchanged for _, done in looks)
    print(f"unchanged, in process: median {statistics.median(wall for wall, _ in looks) * 1000:.1f} ms")
    sweeps = [_reconciled(side, repository, sweep=True) for _ in range(3)]
    assert not any(done.actions for _, done in sweeps)
    print(f"a look at every deployment: median {statistics.median(wall for wall, _ in sweeps):.2f} s")


def _without_server(side: Side, repository: Repository) -> None:
    wall, done = _reconciled(side, repository)
    assert done.unchanged
    print(f"unchanged, in process, the server switched off: {wall * 1000:.1f} ms")


def _reconciled(side: Side, repository: Repository, *, sweep: bool = False) -> tuple[float, Synced]:
    with speaking_to(str(side.api.base_url).rstrip("/")):
        began = time.monotonic()
        mirror = mirror_of(Source(str(repository.folder)))
        done = asyncio.run(reconcile(mirror, side.folder / "runs", NO_RUN, sweep=sweep))
        return time.monotonic() - began, done


def _settled(side: Side) -> int:
    """How many runs there are once the scheduler has made all it wants."""
    count = -1
    while (now := side.pending()) != count:
        count = now
        time.sleep(10)  # its loop looks every five seconds
    return count


def _cpu_s(pid: int) -> float:
    """Of one process so far, all threads. Source: proc(5), stat, utime and stime."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(count: int, database: str) -> None:
    """Print the figures and the ratios."""
    kept = started() if database == "postgres" else nullcontext()
    with kept as postgres, tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        repository = Repository.make(work / "repository")
        for index in range(count):
            text = manifest(f"e{index:04}", more=CRON.format(index % 60))
            repository.write(f"experiments/e{index:04}.yaml", text)
        repository.commit()

        def change() -> None:
            text = manifest("e0000", hold="2s", more=CRON.format(0))
            repository.write("experiments/e0000.yaml", text)
            repository.commit()

        mine, made = ours(work, repository, change, postgres)
        other = theirs(work, made, postgres)
    for what, one, two in zip(("the first time", "unchanged", "one changed"), mine, other, strict=True):
        ratio = f"{two.wall_s / one.wall_s:.1f} x faster, {two.cpu_s / one.cpu_s:.1f} x less CPU"
        print(
            f"{count} deployments, {database}, {what}: {one}; prefect deploy --all {two}\nratio: ours is {ratio}"
        )


if __name__ == "__main__":
    main(int(next(iter(sys.argv[1:]), 200)), "postgres" if "postgres" in sys.argv[2:] else "sqlite")
