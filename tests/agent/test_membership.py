"""Real processes in real control groups, and outside of them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.agent import membership
from chaos.agent.budget import Budget
from chaos.agent.record import Record
from chaos.errors import TargetError
from chaos.events import Clock, Event
from chaos.namespaces import cgroups

needs_groups = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root may make a control group on every machine"
)
MIB = 2**20


@pytest.fixture
def budget(tmp_path: Path) -> Iterator[Budget]:
    """Over control groups of its own."""
    group = cgroups.make(f"chaoslab-{tmp_path.parent.name}-{tmp_path.name}", cgroups.CgroupLimits(64 * MIB))
    assert group.views, group.refused
    group.settle(None, None)
    for name, path in group.views.items():
        (tmp_path / name).symlink_to(path)
    yield Budget(64 * MIB, lambda: [], tmp_path)
    group.remove()


@pytest.fixture
def children() -> Iterator[list["subprocess.Popen[bytes]"]]:
    found: list[subprocess.Popen[bytes]] = []
    yield found
    for child in found:
        child.kill()
        child.wait()
        if child.stdout:
            child.stdout.close()


def started(command: list[str], children: list["subprocess.Popen[bytes]"]) -> int:
    """Its pid, once it runs."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    children.append(child)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    return child.pid


APP = ["/bin/sh", "-c", "echo up; exec sleep 60"]


@needs_groups
def test_who_joined_is_inside_and_its_children_too(
    budget: Budget, children: list["subprocess.Popen[bytes]"]
) -> None:
    parent = started(budget.wrap(["/bin/sh", "-c", "sleep 60 & echo up; wait"]), children)
    child = int(Path(f"/proc/{parent}/task/{parent}/children").read_text())
    assert budget.holds([parent, child])
    os.kill(child, signal.SIGKILL)


@needs_groups
def test_who_never_joined_left_or_joined_but_one_is_outside(
    budget: Budget, children: list["subprocess.Popen[bytes]"]
) -> None:
    stranger, leaver = started(APP, children), started(budget.wrap(APP), children)
    assert budget.outside([stranger, leaver]) == [stranger]
    one = budget.procs_files()[0]
    one.parent.resolve().parent.joinpath("cgroup.procs").write_text(str(leaver))  # up, out of the app's level
    assert budget.outside([leaver]) == [leaver]
    assert not budget.holds([leaver])


@needs_groups
def test_who_has_ended_is_nowhere_and_not_outside(
    budget: Budget, children: list["subprocess.Popen[bytes]"]
) -> None:
    pid = started(APP, children)
    children[0].kill()
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert budget.outside([pid]) == []  # a zombie
    children[0].wait()
    assert budget.outside([pid]) == []


@needs_groups
def test_a_real_join_is_proof(budget: Budget) -> None:
    budget.prove()


@needs_groups
def test_a_group_that_cannot_be_joined_ends_the_command_and_the_proof(budget: Budget, tmp_path: Path) -> None:
    budget.procs_files()[0].parent.resolve().rmdir()
    done = subprocess.run(budget.wrap(["echo", "ran"]), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (125, "")
    assert "cannot join the app's control group" in done.stderr
    with pytest.raises(TargetError, match="could not join"):
        budget.prove()


def test_a_file_that_is_no_control_group_holds_nobody(tmp_path: Path) -> None:
    """As when a bind mount is not what it seems: joining it succeeds, and means nothing."""
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "cgroup.procs").touch()
    found = Budget(MIB, lambda: [], tmp_path)
    assert not found.holds([os.getpid()])
    with pytest.raises(TargetError, match="elsewhere"):
        found.prove()


def test_without_groups_nobody_is_outside_and_nobody_held(tmp_path: Path) -> None:
    found = Budget(MIB, lambda: [], tmp_path)
    assert found.outside([os.getpid()]) == []
    assert not found.holds([os.getpid()])
    assert found.procs_files() == []
    with pytest.raises(TargetError, match="no control group"):
        found.prove()


def watch(outside: Any, path: Path) -> membership.Watch:
    return membership.Watch(outside, Record(str(path), Clock()))


def test_the_app_outside_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"2 of the app's processes .* \(pid 7, 8\)"):
        asyncio.run(watch(lambda: [8, 7], tmp_path / "journal").prove())


def test_one_that_is_just_being_started_is_waited_for(tmp_path: Path) -> None:
    looks = iter([[7], []])
    asyncio.run(watch(lambda: next(looks), tmp_path / "journal").prove())


def test_every_process_outside_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "_LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(membership, "_SECOND_LOOK_S", 0.01)
    looks = iter([[7], [7], [7], [7], [7, 9], [7, 9]])

    async def scene() -> None:
        async with asyncio.timeout(5):
            await watch(lambda: next(looks, []), tmp_path / "journal").forever()

    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(scene(), 0.5))
    events = [Event.from_line(line) for line in (tmp_path / "journal").read_bytes().splitlines()]
    assert [(event.type, event.data) for event in events] == [
        ("limits.escaped", {"pids": [7], "processes": 1}),
        ("limits.escaped", {"pids": [9], "processes": 1}),
    ]


def test_a_place_is_told_by_the_mount_it_is_on() -> None:
    assert membership.place_of(Path("/proc")) == ""
    assert sys.platform == "linux"
    if (cgroups.ROOT / "cgroup.procs").exists():
        assert membership.place_of(cgroups.ROOT) == "/"
