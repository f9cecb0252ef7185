"""A user's image as a target: unchanged, without Python or shell, as its own user; faults reach it all the same."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from chaos.runner.provision import behind_the_wall
from chaos.sandboxes import SandboxError
from chaos.sandboxes.container.provider import ContainerSandbox
from tests import lab as labs
from tests.lab import Lab
from tests.sandboxes import containers
from tests.sandboxes.containers import MIB, bare_image, container_box, needs_engine

LOOK = {"type": "http", "url": "http://127.0.0.1:8000/", "every": "50ms", "timeout": "1s"}
AS_CONFIGURED = '"uid": 1000, "gid": 1001, "at": "/srv"'
DNS = {"type": "dns_failure", "host": "web", "mode": "nxdomain"}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with labs.lab(tmp_path) as made:
        made.variables |= containers.settings()
        yield made


@needs_engine
def test_an_image_is_killed_and_slowed_and_its_disk_filled(lab: Lab) -> None:
    manifest = lab.manifest(
        sandbox={"type": "container", "memory": "128MiB", "disk": "16MiB", "ttl": "2m"},
        target={"image": bare_image(), "processes": [{"name": "web", "port": 8000, "restart": "always"}]},
        steadyState=[
            {"name": "itself", "probe": LOOK, "tolerance": {"contains": AS_CONFIGURED}, "holds": "afterwards"}
        ],
        method=[
            {"name": "death", "fault": {"type": "process_kill", "process": "web"}, "hold": "1s"},
            {
                "name": "slow",
                "fault": {"type": "network_delay", "process": "web", "delay": "50ms"},
                "hold": "2s",
            },
            {
                "name": "full",
                "fault": {"type": "disk_full", "path": "/tmp", "leave": "1MiB"},
                "hold": "1s",
                "expectMet": False,
            },
        ],
    )
    result = lab.run("--json", manifest).result
    assert (result.outcome, result.verdict) == ("completed", "held"), result.why
    for step in result.steps:
        assert step.landed, step.why
        assert step.residue == []


@needs_engine
def test_a_command_in_it_sees_its_files_its_user_its_environment_and_nothing_of_ours() -> None:
    async def scene() -> None:
        async with container_box(image=bare_image(), hosts=["web"]) as box:
            facts = box.ref.facts
            assert facts["command"] == ["/srv/bin/serve", "-I", "server.py"]
            assert "hello" not in json.dumps(box.ref.to_json())  # an image's environment may hold secrets
            show = (
                "import os, json; print(json.dumps([os.getuid(), os.getgid(), os.getcwd(), os.listdir('/'), "
                "dict(os.environ), open('/etc/hosts').read(), "
                "os.statvfs('/tmp').f_blocks * os.statvfs('/tmp').f_frsize, "
                "open('/proc/self/status').read()]))"
            )
            done = await box.run(await behind_the_wall(box, ["/srv/bin/serve", "-I", "-c", show]), cwd="/")
            uid, gid, at, root, env, hosts, tmp, status = json.loads(done.stdout or done.stderr)
            assert (uid, gid, at) == (1000, 1001, "/srv")
            assert set(root) == {"dev", "etc", "lib", "lib64", "proc", "srv", "sys", "tmp", "usr"}
            assert env["GREETING"] == "hello"
            assert "PYTHONDONTWRITEBYTECODE" not in env
            assert "127.0.0.1 localhost web" in hosts
            assert tmp == 32 * MIB
            assert "CapEff:\t0000000000000000" in status
            missing = await box.run(await behind_the_wall(box, ["/no/such/program"]), cwd="/")
            assert missing.exit_code == 127
            assert missing.stderr.startswith("cannot run /no/such/program: No such file or directory")
            # A mount over a file that names are read from shows in the image, too; and so does its end.
            script = "echo 127.0.0.9 web > /tmp/hosts; mount --bind /tmp/hosts /etc/hosts"
            assert (await box.run(["sh", "-c", script])).exit_code == 0
            read = await behind_the_wall(
                box, ["/srv/bin/serve", "-I", "-c", "print(open('/etc/hosts').read())"]
            )
            assert (await box.run(read)).stdout == b"127.0.0.9 web\n\n"
            assert (await box.run(["umount", "/etc/hosts"])).exit_code == 0
            assert b"localhost web" in (await box.run(read)).stdout

    asyncio.run(scene())


@needs_engine
def test_both_are_put_together_once() -> None:
    def made() -> dict[str, str]:
        """Name and identity of each image that was made of this one."""
        mine = ("--filter", f"label=chaoslab.image={bare_image()}")
        lines = containers.engine(
            "images", *mine, "--format", "{{.Repository}}:{{.Tag}} {{.Id}}"
        ).splitlines()
        pairs = (line.split() for line in lines)
        return {name: id_ for name, id_ in pairs if name.startswith("localhost/chaoslab-image:")}

    async def scene() -> None:
        async with container_box(image=bare_image()):
            first = made()
        async with container_box(image=bare_image()):
            assert made() == first
        assert len(first) == 1

    asyncio.run(scene())


@needs_engine
def test_an_image_that_is_nowhere_is_said_by_name() -> None:
    async def scene() -> None:
        with mock.patch.dict(os.environ, containers.settings()):
            await ContainerSandbox.open(
                memory_bytes=64 * MIB, disk_bytes=8 * MIB, ttl_s=60, image="localhost/chaoslab-test-nowhere:1"
            )

    with pytest.raises(SandboxError, match="cannot get image localhost/chaoslab-test-nowhere:1: "):
        asyncio.run(scene())
