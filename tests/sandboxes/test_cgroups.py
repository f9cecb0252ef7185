"""The control groups of a sandbox as the kernel has them: two levels of limits, and whose they are."""

import json
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.namespaces import cgroups, delegation
from chaos.namespaces.spec import MOST_TASKS, SPARE_TASKS, BoxSpec
from chaos.sandboxes.local import ending

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root may make a control group on every machine"
)
MIB = 2**20
SOMEBODY = 524_288


@pytest.fixture
def group() -> Iterator[cgroups.Cgroup]:
    found = cgroups.make(
        f"chaoslab-tests_of-{secrets.token_hex(3)}", cgroups.CgroupLimits(64 * MIB, 16 * MIB)
    )
    assert found.views, found.refused
    yield found
    found.remove()


def limit(group: cgroups.Cgroup, level: str, *names: str) -> int:
    """Of the first file of these that some controller has at that level."""
    return int(
        next((p / level / n).read_text() for p in group.parents for n in names if (p / level / n).exists())
    )


def test_the_app_has_its_limits_and_all_of_it_a_hard_one(group: cgroups.Cgroup) -> None:
    memory, tasks = ("memory.max", "memory.limit_in_bytes"), ("pids.max",)
    assert limit(group, "", *memory) == (64 + 2 * 16 + 1024) * MIB
    assert limit(group, "", *tasks) == MOST_TASKS + SPARE_TASKS
    group.settle(None, None)
    assert limit(group, "app", *memory) == 64 * MIB
    assert limit(group, "app", *tasks) == MOST_TASKS


def test_the_agents_identity_has_the_apps_limits_and_not_the_hard_one(group: cgroups.Cgroup) -> None:
    group.settle(None, SOMEBODY)
    for parent in group.parents:
        assert (parent / "app" / "cgroup.procs").stat().st_uid == SOMEBODY
        for name in ("memory.max", "memory.limit_in_bytes", "pids.max", "cpu.max", "cpu.cfs_quota_us"):
            if (parent / "app" / name).exists():
                assert (parent / "app" / name).stat().st_uid == SOMEBODY
            if (parent / name).exists():
                assert (parent / name).stat().st_uid == 0


def test_groups_within_the_apps_go_with_it(group: cgroups.Cgroup) -> None:
    (group.parents[0] / "app" / "a" / "b").mkdir(parents=True)
    group.remove()
    assert not any(parent.exists() for parent in group.parents)
    group.remove()  # a second time is nothing to complain of


def test_what_a_killed_keeper_left_is_found_where_it_wrote_it_down(
    group: cgroups.Cgroup, tmp_path: Path
) -> None:
    folder = tmp_path / "box-tests_of"
    folder.mkdir()
    name = group.parents[0].name.removeprefix("chaoslab-")
    (folder / "spec.json").write_text(BoxSpec(name, str(folder), MIB, MIB, 1.0, 1.0).to_json())
    (folder / "groups.json").write_text(json.dumps([*map(str, group.parents), "/etc", "/sys/fs/cgroup"]))
    ending.remove(folder)
    assert not any(parent.exists() for parent in group.parents)
    assert not folder.exists()


def test_who_is_still_in_the_groups_is_ended_with_them(group: cgroups.Cgroup, tmp_path: Path) -> None:
    """As the PID 1 of a sandbox whose keeper was killed while it was being made: nobody else knows of it."""
    folder = tmp_path / "box-tests_of"
    folder.mkdir()
    name = group.parents[0].name.removeprefix("chaoslab-")
    (folder / "spec.json").write_text(BoxSpec(name, str(folder), MIB, MIB, 1.0, 1.0).to_json())
    with subprocess.Popen(["sleep", "600"]) as orphan:
        try:
            group.add(orphan.pid)
            ending.remove(folder)
            assert orphan.wait(5) == -signal.SIGKILL
            assert not any(parent.exists() for parent in group.parents)
        finally:
            orphan.kill()


def test_controllers_that_are_mounted_as_one_are_one_group_by_two_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As systemd mounts version 1."""
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    for name in ("memory", "cpu,cpuacct", "pids"):
        (tmp_path / name).mkdir()
    for link in ("cpu", "cpuacct"):
        (tmp_path / link).symlink_to("cpu,cpuacct")
    made = cgroups.make("chaoslab-x", cgroups.CgroupLimits(MIB))
    assert made.views["cpu"] == made.views["cpuacct"] == tmp_path / "cpu,cpuacct" / "chaoslab-x" / "app"
    assert len(made.parents) == 3


def test_a_base_where_nothing_may_be_made_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    assert "no memory controller" in cgroups.make("chaoslab-x", cgroups.CgroupLimits(MIB)).refused


def test_without_a_systemd_of_ours_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)
    group, why_not = delegation.own_scope("chaoslab-x")
    assert group is None
    assert "loginctl enable-linger" in why_not
    assert delegation.REMEDY in why_not
