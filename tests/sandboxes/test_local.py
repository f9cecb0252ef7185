"""The embedded sandbox: what it isolates, limits, and leaves behind (nothing)."""

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaos.errors import SandboxError
from chaos.namespaces import cgroups
from chaos.sandboxes.local import keeper as keeping
from chaos.sandboxes.local.provider import LocalSandbox
from tests.sandboxes.box import MIB, local_box

ROOT = Path(__file__).parents[2]
HOLDS_A_CGROUP = os.geteuid() == 0


def cgroups_of(box_id: str) -> list[Path]:
    return [*cgroups.ROOT.glob(f"chaoslab-{box_id}"), *cgroups.ROOT.glob(f"*/chaoslab-{box_id}")]


def sh(script: str, **box_size: float) -> str:
    async def scene() -> str:
        async with local_box(**box_size) as box:
            done = await box.run(["sh", "-c", script])
            return done.stdout.decode() + done.stderr

    return asyncio.run(scene())


def test_the_root_is_read_only_and_tmp_and_app_are_not() -> None:
    said = sh("touch /x; touch /usr/x; touch /etc/x /tmp/x /app/x && ls /tmp/x /app/x")
    assert "cannot touch '/x': Read-only" in said
    assert "cannot touch '/usr/x': Read-only" in said
    said = sh("touch /tmp/x /app/x && ls /tmp/x /app/x")
    assert said == "/app/x\n/tmp/x\n"


def test_disks_are_as_large_as_asked() -> None:
    assert sh("df -B1 --output=size /tmp | tail -1", disk_bytes=8 * MIB).strip() == str(8 * MIB)


def test_it_sees_no_process_and_no_network_but_its_own() -> None:
    assert sh("ls -d /proc/[0-9]* | wc -l").strip() in ("2", "3", "4")  # PID 1, sh, ls, wc
    interfaces = sh("tail -n +3 /proc/net/dev").splitlines()
    assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]


def test_the_hosts_home_and_runtime_directories_are_not_in_it() -> None:
    assert sh(f"ls {keeping.runtime_dir()} {shlex.quote(str(ROOT))}/tests").count("No such file") == 2


def test_process_names_resolve_to_its_loopback() -> None:
    async def scene() -> None:
        async with local_box(hosts=["inventory"]) as box:
            done = await box.run(["getent", "ahostsv4", "inventory"])
            assert done.stdout.startswith(b"127.0.0.1 ")

    asyncio.run(scene())


@pytest.mark.skipif(not HOLDS_A_CGROUP, reason="only root may make a control group on every machine")
def test_the_kernel_ends_what_exceeds_the_memory_limit() -> None:
    async def scene() -> None:
        async with local_box(memory_bytes=64 * MIB) as box:
            hog = "b = bytearray(96 * 2**20); b[::4096] = b'x' * len(b[::4096])"
            join = "for g in /run/chaoslab/cgroup/*; do echo 0 > $g/cgroup.procs; done; exec"
            done = await box.run(["sh", "-c", f'{join} {shlex.quote(box.python)} -S -c "{hog}"'])
            assert done.exit_code == -signal.SIGKILL
            assert (await box.run(["true"])).exit_code == 0  # and nothing else

    asyncio.run(scene())


def test_destroying_leaves_no_process_no_directory_and_no_cgroup() -> None:
    async def scene() -> LocalSandbox:
        async with local_box() as box:
            await box.start(["sleep", "1000"], output="/tmp/log")
            if HOLDS_A_CGROUP:
                assert cgroups_of(box.ref.id)
        return box

    assert_gone(asyncio.run(scene()))


def assert_gone(box: LocalSandbox) -> None:
    folder = str(box.ref.facts["folder"])
    assert not Path(folder).exists()
    assert cgroups_of(box.ref.id) == []
    assert processes_of(folder) == []


def processes_of(folder: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if folder.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue  # it ended while we looked
    return found


def until_gone(folder: Path, within_s: float) -> float:
    """Seconds until the keeper has removed its directory and has ended itself."""
    began = time.monotonic()
    while folder.exists() or processes_of(str(folder)):
        assert time.monotonic() - began < within_s, f"{folder} is still there"
        time.sleep(0.01)
    return time.monotonic() - began


async def _call_for_ever(box: LocalSandbox) -> None:
    async with asyncio.timeout(10):
        while True:
            await box.run(["sleep", "0.05"])


def test_it_ends_by_its_ttl_though_its_controller_keeps_calling() -> None:
    async def scene() -> None:
        box = await LocalSandbox.open(memory_bytes=64 * MIB, disk_bytes=8 * MIB, ttl_s=0.5)
        with pytest.raises(SandboxError):
            await _call_for_ever(box)
        await box.close()
        until_gone(Path(box.ref.facts["folder"]), within_s=5)
        assert_gone(box)

    asyncio.run(scene())


def test_a_command_that_takes_longer_than_the_lease_is_no_silence() -> None:
    async def scene() -> None:
        async with local_box(lease_s=0.5) as box:
            assert (await box.run(["sleep", "1.5"])).exit_code == 0

    asyncio.run(scene())


CONTROLLER = """
import asyncio, json, sys
from chaos.sandboxes.local.provider import LocalSandbox
async def main():
    box = await LocalSandbox.open(memory_bytes=2**26, disk_bytes=2**23, ttl_s=60, lease_s=1.0)
    await box.start(["sleep", "1000"], output="/tmp/log")
    print(json.dumps(box.ref.to_json()), flush=True)
    while True:
        await box.run(["true"])
asyncio.run(main())
"""


def test_when_its_controller_is_killed_it_ends_by_its_lease() -> None:
    controller = subprocess.Popen(
        [sys.executable, "-c", CONTROLLER], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert controller.stdout is not None
    with controller.stdout:
        ref = json.loads(controller.stdout.readline())
    controller.kill()
    controller.wait()
    took = until_gone(Path(ref["facts"]["folder"]), within_s=10)
    assert took > 0.3  # the lease, not the kill, ended it: another controller could have taken over
    assert cgroups_of(ref["id"]) == []
    assert processes_of(ref["facts"]["folder"]) == []


def test_when_its_keeper_is_killed_everything_dies_and_gc_removes_the_rest() -> None:
    async def scene() -> LocalSandbox:
        box = await LocalSandbox.open(memory_bytes=64 * MIB, disk_bytes=8 * MIB, ttl_s=60)
        os.kill(box.ref.facts["keeper"], signal.SIGKILL)
        with pytest.raises(SandboxError):
            await _call_for_ever(box)
        await box.close()
        return box

    box = asyncio.run(scene())
    folder = Path(box.ref.facts["folder"])
    assert folder in list(keeping.orphans())
    keeping.remove(folder)
    assert_gone(box)


def test_a_running_sandbox_is_no_orphan() -> None:
    async def scene() -> None:
        async with local_box() as box:
            assert Path(box.ref.facts["folder"]) not in list(keeping.orphans())

    asyncio.run(scene())


def test_without_user_namespaces_an_ordinary_user_is_told_the_cause_and_the_remedy() -> None:
    script = (
        "import asyncio; from chaos.errors import SandboxError\n"
        "from chaos.sandboxes.local.provider import LocalSandbox\n"
        "try: asyncio.run(LocalSandbox.open(memory_bytes=2**26, disk_bytes=2**23, ttl_s=9))\n"
        "except SandboxError as error: print(error)"
    )
    # A user namespace of our own in which no further one may be made: the host's limit stays untouched.
    no_more = "echo 0 > /proc/sys/user/max_user_namespaces"
    inner = (
        f'{no_more}; exec setpriv --bounding-set=-all --inh-caps=-all {shlex.quote(sys.executable)} -c "$0"'
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", inner, script],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert "cannot open a local sandbox: no Linux namespaces:" in done.stdout, done.stderr
    assert "sysctl" in done.stdout


def test_a_runtime_directory_whose_path_is_too_long_for_a_socket_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    monkeypatch.setenv("CHAOSLAB_RUNTIME_DIR", str(long))
    with pytest.raises(SandboxError, match=r"too long for the sockets in it; set CHAOSLAB_RUNTIME_DIR"):
        keeping.new_folder()
    assert list(long.iterdir()) == []
