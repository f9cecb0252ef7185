"""What is left behind is named, and what merely happened is not."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chaos.agent import residue
from chaos.agent.residue import Snapshot, left, snapshot
from chaos.faults.clock.page import ClockPage
from tests.faults.deadman import seconds_until
from tests.lab import ROOT


@pytest.fixture
def app() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(["sleep", "60"]) as child:
        yield child
        child.kill()


def look(child: "subprocess.Popen[bytes]") -> Snapshot:
    return snapshot([child.pid], [])


def test_a_process_that_still_stands_still_is_named(app: "subprocess.Popen[bytes]") -> None:
    before = look(app)
    os.kill(app.pid, signal.SIGSTOP)
    seconds_until(lambda: left(before, look(app)) != [])
    assert f"process {app.pid}: stopped" in left(before, look(app))[0]
    os.kill(app.pid, signal.SIGCONT)
    seconds_until(lambda: left(before, look(app)) == [])


def test_a_limit_that_was_not_put_back_is_named(app: "subprocess.Popen[bytes]") -> None:
    before = look(app)
    soft, hard = resource.prlimit(app.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(app.pid, resource.RLIMIT_NOFILE, (16, hard))
    assert f"'16', '{hard}'" in left(before, look(app))[0]
    resource.prlimit(app.pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert left(before, look(app)) == []


def test_a_process_that_was_started_again_is_nothing_left(app: "subprocess.Popen[bytes]") -> None:
    before = look(app)
    with subprocess.Popen(["sleep", "60"]) as another:
        assert left(before, snapshot([app.pid, another.pid], [])) == []
        another.kill()


def test_a_clock_that_was_not_put_right_is_named(
    app: "subprocess.Popen[bytes]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residue, "_CLOCKS", tmp_path)
    page = ClockPage(tmp_path, "web")
    page.make()
    before = look(app)
    page.set(-300.0, 0.01)
    assert left(before, look(app))[0] == "clock of web: off by -300.0 s, drift 0.01"
    page.put_right()
    assert left(before, look(app)) == []


IN_ITS_OWN_MOUNTS = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount"]
LOOK = """
import json, sys
from chaos.agent.residue import left, snapshot
before = snapshot([], sys.argv[1:])
for _ in iter(sys.stdin.readline, ""):
    print(json.dumps(left(before, snapshot([], sys.argv[1:]))), flush=True)
"""


class Looking:
    """An agent's look at mounts of its own, which are slaves of nobody, like a sandbox's."""

    def __init__(self, folder: Path, *mounted: str, disks: Sequence[str] = ()) -> None:
        script = "; ".join(["set -e", *mounted, 'exec "$@"'])
        inside = [*IN_ITS_OWN_MOUNTS, "sh", "-c", script, "sh", sys.executable, "-c", LOOK, *disks]
        self.process = subprocess.Popen(
            inside,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "F": str(folder)},
        )
        assert self.left() == []

    def left(self) -> list[str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("look\n")
        self.process.stdin.flush()
        found: list[str] = json.loads(self.process.stdout.readline())
        return [line for line in found if not line.startswith(residue.PROCESS)]

    def run(self, *command: str) -> None:
        """Something that happens in there."""
        view = ["nsenter", f"--target={self.process.pid}", "--mount", "--user"] if os.geteuid() else [
            "nsenter", f"--target={self.process.pid}", "--mount"
        ]  # fmt: skip
        subprocess.run([*view, *command], check=True)

    def __enter__(self) -> "Looking":
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Looking]:
    """A file and a folder of the host's, shown read-only on a root of our own as a sandbox does."""
    (tmp_path / "root").mkdir()
    (tmp_path / "cache").write_text("old\n")
    (tmp_path / "lib/sub").mkdir(parents=True)
    mounted = (
        'mount -t tmpfs ours "$F/root"',
        'touch "$F/root/cache"; mkdir "$F/root/lib"',
        'mount --bind "$F/cache" "$F/root/cache"; mount -o remount,bind,ro "$F/root/cache"',
        'mount --bind "$F/lib" "$F/root/lib"; mount -o remount,bind,ro "$F/root/lib"',
    )
    with Looking(tmp_path, *mounted, disks=[str(tmp_path / "root")]) as looking:
        yield looking


def test_what_the_host_does_to_its_own_files_is_no_residue(shown: Looking, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new\n")
    (tmp_path / "new").rename(tmp_path / "cache")  # as a package's installation replaces /etc/ld.so.cache
    mountinfo = Path(f"/proc/{shown.process.pid}/mountinfo").read_text()
    assert "cache//deleted" in mountinfo
    assert shown.left() == []
    (tmp_path / "cache").unlink()
    (tmp_path / "lib").rename(tmp_path / "library")
    (tmp_path / "library/sub").rmdir()
    assert shown.left() == []


@pytest.mark.parametrize(
    ("hurt", "undo", "about"),
    [
        (["mount", "--bind", "/etc/hostname", "{root}/cache"], ["umount", "{root}/cache"], "/cache"),
        (["mount", "--rbind", "{root}", "{root}"], ["umount", "--lazy", "{root}"], "/root "),
        (
            ["mount", "-o", "remount,bind,rw", "{root}/lib"],
            ["mount", "-o", "remount,bind,ro", "{root}/lib"],
            "/lib",
        ),
        (["mount", "-t", "tmpfs", "x", "{root}/lib/sub"], ["umount", "{root}/lib/sub"], "/lib/sub"),
        (["mount", "-o", "remount,size=1m", "{root}"], None, "size of"),
        (["umount", "{root}/cache"], None, "gone: mount"),
    ],
)
def test_what_a_fault_does_to_mounts_is_named(
    shown: Looking, tmp_path: Path, hurt: list[str], undo: list[str] | None, about: str
) -> None:
    root = str(tmp_path / "root")
    shown.run(*(part.format(root=root) for part in hurt))
    found = shown.left()
    assert any(about in line for line in found), found
    if undo is not None:
        shown.run(*(part.format(root=root) for part in undo))
        assert shown.left() == []


def test_another_file_in_the_place_of_a_mount_is_named(shown: Looking, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("another\n")
    place = str(tmp_path / "root/cache")
    shown.run("umount", place)
    shown.run("mount", "--bind", str(tmp_path / "other"), place)
    shown.run("mount", "-o", "remount,bind,ro", place)
    assert [line.startswith(("mount ", "gone: mount ")) for line in shown.left()] == [True, True]


def test_a_mount_that_the_host_takes_away_with_its_folder_is_no_residue(tmp_path: Path) -> None:
    """Inside of a folder of the host's that is shown: the kernel detaches it here when the host removes its place."""
    (tmp_path / "root").mkdir()
    (tmp_path / "lib/inner").mkdir(parents=True)
    mounted = (
        'mount --make-rprivate /; mount -t tmpfs host "$F/lib/inner"',
        'mount -t tmpfs ours "$F/root"; mkdir "$F/root/lib"',
        'mount --rbind "$F/lib" "$F/root/lib"; mount -o remount,bind,ro "$F/root/lib"; umount "$F/lib/inner"',
    )
    with Looking(tmp_path, *mounted) as looking:
        (tmp_path / "lib/inner").rmdir()
        assert "root/lib/inner" not in Path(f"/proc/{looking.process.pid}/mountinfo").read_text()
        assert looking.left() == []


def test_routes_that_a_router_teaches_come_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zero, own = "0" * 32, "00000000 00000001 00000000"
    learnt = f"{zero} 00 {zero} 00 fe80{'0' * 27}1 00000400 00000001 00000000 00450003     eth0\n"
    ours = f"fd{'0' * 30} 40 {zero} 00 {zero} {own} 00000001     eth0\n"
    table = tmp_path / "ipv6_route"
    monkeypatch.setitem(residue._TABLES, "ipv6 route", str(table))
    table.write_text("")
    before = snapshot([], [])
    table.write_text(learnt)
    assert left(before, snapshot([], [])) == []
    table.write_text(learnt + ours)
    assert left(before, snapshot([], [])) == [f"ipv6 route fd{'0' * 30} 40 {zero} 00"]


def test_routes_of_a_loopback_that_speaks_ipv6_since_are_the_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zero = "0" * 32
    rest = f"{zero} 00 {zero} 00000000 00000002 00000000"
    loopback = f"{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n"
    loopback += f"{'0' * 31}1 80 {rest} 80200001       lo\n"
    table = tmp_path / "ipv6_route"
    monkeypatch.setitem(residue._TABLES, "ipv6 route", str(table))
    before = snapshot([], [])  # the module is not loaded: there is no such file
    table.write_text(loopback)
    assert left(before, snapshot([], [])) == []
    table.write_text(loopback + f"fd{'0' * 30} 40 {rest} 00000001       lo\n")
    assert left(before, snapshot([], [])) == [f"ipv6 route fd{'0' * 30} 40 {zero} 00"]
