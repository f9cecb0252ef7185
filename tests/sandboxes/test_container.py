"""The container provider: what a container is given and what not, how it ends, what it says when it cannot begin."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest

from chaos.errors import SandboxError, SandboxLost
from chaos.runner.provision import behind_the_wall
from chaos.sandboxes import SandboxRef
from chaos.sandboxes.container import engine as container_engine
from chaos.sandboxes.container import ours as container_ours
from chaos.sandboxes.container.engine import Engine
from chaos.sandboxes.container.orphans import id_of, is_orphan, remove_orphans
from chaos.sandboxes.container.provider import ContainerSandbox
from chaos.sandboxes.container.start import CAPABILITIES, ENDS, LABEL
from chaos.settings import Settings
from tests.sandboxes.containers import (
    ENGINE,
    MIB,
    WHY_NOT,
    bare_image,
    container_box,
    engine,
    left,
    needs_engine,
    settings,
)

ROOT = Path(__file__).parents[2]
GONE_WITHIN_S = 40.0
MINE = f"test-{os.getpid()}"


def until_gone(box: ContainerSandbox) -> None:
    """Wait until the engine knows nothing of it."""
    name = box.ref.facts["container"]
    deadline = time.monotonic() + GONE_WITHIN_S
    while name in engine("ps", "--all", "--format", "{{.Names}}").split():
        assert time.monotonic() < deadline, f"{name} is still there"
        time.sleep(0.1)


@needs_engine
def test_what_is_inside() -> None:
    async def scene() -> None:
        async with container_box(hosts=["inventory"], disk_bytes=8 * MIB) as box:

            async def sh(script: str) -> str:
                done = await box.run(await behind_the_wall(box, ["sh", "-c", script]), cwd="/")
                return done.stdout.decode() + done.stderr

            (known,) = json.loads(engine("inspect", box.ref.facts["container"]))
            assert known["HostConfig"]["Privileged"] is False
            assert known["HostConfig"]["NetworkMode"] == "none"
            assert {name.removeprefix("CAP_") for name in known["EffectiveCaps"]} <= set(CAPABILITIES)

            assert "Read-only" in await sh("echo x > /x")
            assert (await sh("echo x > /app/x && cat /app/x")) == "x\n"
            assert str(8 * MIB // 1024) in await sh(
                "cat /proc/self/mountinfo | while read -r l; do "
                'case "$l" in *" /app "*) echo "$l";; esac; done'
            )
            interfaces = (await sh("cat /proc/net/dev")).splitlines()[2:]
            assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
            assert (await sh("getent ahostsv4 inventory")).startswith("127.0.0.1 ")
            assert "denied" in await sh("mount -t tmpfs none /tmp")  # the app has not what the agent has

    asyncio.run(scene())


@needs_engine
def test_the_kernel_ends_an_app_that_exceeds_its_memory_and_nothing_else() -> None:
    async def scene() -> None:
        async with container_box(memory_bytes=64 * MIB) as box:
            assert box.ref.facts["memory"] == "real", box.ref.facts["memory_why"]
            hog = "b = bytearray(96 * 2**20); b[::4096] = b'x' * len(b[::4096])"
            join = "for g in /run/chaoslab/cgroup/*; do echo 0 > $g/cgroup.procs; done; exec"
            done = await box.run(["sh", "-c", f'{join} {box.python} -S -c "{hog}"'])
            assert done.exit_code == -signal.SIGKILL
            assert (await box.run(["true"])).exit_code == 0

    asyncio.run(scene())


async def call_for_ever(box: ContainerSandbox) -> None:
    """Until it answers no more."""
    async with asyncio.timeout(GONE_WITHIN_S):
        while True:
            await box.run(["sleep", "0.05"])


@needs_engine
def test_given_up_while_it_is_opened_it_leaves_nothing() -> None:
    async def scene() -> None:
        opening = asyncio.ensure_future(
            ContainerSandbox.open(memory_bytes=64 * MIB, disk_bytes=8 * MIB, ttl_s=60, labels={"mine": MINE})
        )
        async with asyncio.timeout(GONE_WITHIN_S):
            while not left(f"chaoslab.mine={MINE}") and not opening.done():
                await asyncio.sleep(0.01)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert not left(f"chaoslab.mine={MINE}")

    with mock.patch.dict(os.environ, settings()):
        asyncio.run(scene())


CONTROLLER = """
import asyncio, json, sys
from chaos.sandboxes.container.provider import ContainerSandbox
async def main():
    box = await ContainerSandbox.open(memory_bytes=2**26, disk_bytes=2**23, ttl_s=60, lease_s=1.5)
    await box.start(["sleep", "1000"], output="/tmp/log")
    print(json.dumps(box.ref.to_json()), flush=True)
    while True:
        await box.run(["true"])
asyncio.run(main())
"""


@needs_engine
def test_it_ends_and_goes_by_itself_by_its_ttl_and_by_a_killed_controllers_lease() -> None:
    async def by_ttl() -> ContainerSandbox:
        with mock.patch.dict(os.environ, settings()):
            box = await ContainerSandbox.open(memory_bytes=64 * MIB, disk_bytes=8 * MIB, ttl_s=3)
        with pytest.raises(SandboxLost):
            await call_for_ever(box)
        await box.close()
        return box

    controller = subprocess.Popen(
        [sys.executable, "-c", CONTROLLER],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **settings()},
    )
    assert controller.stdout is not None
    with controller.stdout:
        ref = json.loads(controller.stdout.readline())
    controller.kill()
    controller.wait()
    until_gone(asyncio.run(by_ttl()))
    until_gone(ContainerSandbox(SandboxRef.from_json(ref)))


@needs_engine
def test_gc_removes_what_ended_or_should_have_and_nothing_that_is_used() -> None:
    async def scene() -> None:
        async with container_box() as box:
            ours, theirs = f"{os.getpid():012x}", f"{os.getpid():011x}f"
            ended = f"{ENDS}={int(time.time()) - 3600}"
            _, image = settings().values()
            for id_ in (ours, theirs):  # never started: no daemon of ours will ever end them
                late = ["--label", f"{LABEL}={id_}", "--label", ended]
                engine("create", "--name", f"chaoslab-{id_}", "--network=none", *late, image, "true")
            try:
                with mock.patch.dict(os.environ, settings()):
                    container_ours.keep(ours, time.time())
                    removed = await remove_orphans()
                names = engine("ps", "--all", "--format", "{{.Names}}").split()
                assert f"chaoslab-{ours}" not in names
                assert f"chaoslab-{theirs}" in names  # whoever says that it is ours
                assert ours not in container_ours.ours()
                assert f"{ENGINE} {box.ref.facts['container']}" not in removed
                assert (await box.run(["true"])).exit_code == 0
            finally:
                engine("rm", "--force", f"chaoslab-{theirs}")

    asyncio.run(scene())


def test_whose_label_and_name_differ_is_none_of_ours() -> None:
    def of(name: object, label: object) -> str | None:
        return id_of({"Name": name, "Config": {"Labels": {LABEL: label}}})

    assert of("/chaoslab-0123456789ab", "0123456789ab") == "0123456789ab"
    assert of("database", "0123456789ab") is None
    assert of("chaoslab-0123456789ab", None) is None
    assert id_of({"Name": "x", "Config": {"Labels": None}}) is None


def test_what_is_an_orphan() -> None:
    def of(status: str, ends: float) -> bool:
        return is_orphan({"Config": {"Labels": {ENDS: str(ends)}}, "State": {"Status": status}}, now=1000.0)

    assert not of("running", 1010.0)
    assert not of("created", 1010.0)  # whoever makes it may be about to start it
    assert of("exited", 1010.0)
    assert of("running", 900.0)
    assert is_orphan({"Config": {"Labels": {ENDS: "soon"}}, "State": {"Status": "running"}}, now=1000.0)


@needs_engine
def test_an_image_that_is_nowhere_is_said_by_name() -> None:
    async def scene() -> None:
        named = settings() | {"CHAOSLAB_CONTAINER_IMAGE": "localhost/chaoslab-test:nowhere"}
        with mock.patch.dict(os.environ, named):
            await ContainerSandbox.open(memory_bytes=64 * MIB, disk_bytes=8 * MIB, ttl_s=60)

    with pytest.raises(SandboxError, match="cannot get image localhost/chaoslab-test:nowhere: "):
        asyncio.run(scene())


@needs_engine
def test_an_image_without_python_cannot_be_what_an_app_runs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_engine, "_found", {})

    async def scene() -> None:
        with mock.patch.dict(os.environ, settings() | {"CHAOSLAB_CONTAINER_IMAGE": bare_image()}):
            await ContainerSandbox.open(
                memory_bytes=64 * MIB, disk_bytes=8 * MIB, ttl_s=60, labels={"mine": MINE}
            )

    with pytest.raises(SandboxError, match=r"podman: .*python3"):
        asyncio.run(scene())
    assert not left(f"chaoslab.mine={MINE}")


def test_without_an_engine_one_error_says_so_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_engine, "_found", {})
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SandboxError) as caught:
        asyncio.run(container_engine.find(Settings(chaoslab_container_engine=None)))
    assert str(caught.value).startswith(
        "no container engine: docker is not installed; podman is not installed; remedy: install Docker or Podman"
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "docker: its daemon does not answer; remedy: start it (systemctl start docker;",
        ),
        (
            "Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
            'Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.24/info": dial unix: connect: permission denied',
            "docker: you may not speak to its daemon; remedy: join its group (sudo usermod",
        ),
    ],
)
def test_a_client_that_ends_well_without_its_daemon_is_no_engine_and_the_next_one_is(
    error: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker's `info` exits 0 and says what is wrong in its JSON."""
    monkeypatch.setattr(container_engine, "_found", {})
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program(tmp_path / "docker", {"ServerErrors": [error], "ClientInfo": {}, "CgroupDriver": ""})
    program(tmp_path / "podman", "no JSON")
    with pytest.raises(SandboxError) as failure:
        asyncio.run(container_engine.find(Settings(chaoslab_container_engine=None)))
    assert said in str(failure.value)
    (tmp_path / "podman").write_text("#!/bin/sh\necho 'Error: something new' >&2\nexit 125\n")
    with pytest.raises(SandboxError, match="podman: Error: something new"):
        asyncio.run(container_engine.find(Settings(chaoslab_container_engine=None)))
    program(tmp_path / "podman", {"host": {"cgroupManager": "systemd"}})
    found = asyncio.run(container_engine.find(Settings(chaoslab_container_engine=None)))
    assert found.program == "podman"


def program(path: Path, answer: object) -> None:
    """One that answers this, whatever it is asked."""
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(answer)}\nEND\n")
    path.chmod(0o755)


def test_a_program_that_is_no_engine_is_said_to_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_engine, "_found", {})
    with pytest.raises(SandboxError, match="echo does not answer as Docker or Podman would; remedy: install"):
        asyncio.run(container_engine.find(Settings(chaoslab_container_engine="echo")))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "its daemon does not answer; remedy: start it (systemctl start docker;",
        ),
        ("Error: write /var/lib/x: no space left on device", "its disk is full; remedy: docker system prune"),
        (
            "permission denied while trying to connect to the Docker daemon socket",
            "you may not speak to its daemon; remedy: join its group (sudo usermod --append --groups docker $USER",
        ),
        (
            'cannot find UID/GID for user bob: no subuid ranges found for user "bob" in /etc/subuid',
            "your user has no ids of its own for containers; remedy: sudo usermod --add-subuids",
        ),
        (
            "Error: OCI runtime error: crun: the requested cgroup controller `memory` is not available",
            "no control group that can limit was delegated to you; remedy: run it in a login session",
        ),
        ("Error response from daemon: manifest unknown", "there is no such image, or it wants a login"),
        ("Error: something new", "Error: something new"),
    ],
)
def test_the_engines_words_become_a_cause_and_a_remedy(words: str, said: str) -> None:
    error = Engine("docker").failure(words)
    assert said in str(error)
    assert not isinstance(error, SandboxLost)


def test_a_container_that_has_gone_is_lost() -> None:
    assert isinstance(Engine("docker").failure("Error: No such container: abc"), SandboxLost)


@pytest.mark.skipif(not WHY_NOT, reason="containers can be run here, and are, above")
def test_where_no_container_can_be_run_the_reason_is_one_of_ours() -> None:
    """On a machine without root the suites above are left out; then this is what the provider itself says."""
    with pytest.raises(SandboxError, match=r"remedy|podman|docker"), mock.patch.dict(os.environ, settings()):
        asyncio.run(ContainerSandbox.open(memory_bytes=64 * MIB, disk_bytes=8 * MIB, ttl_s=60))
