"""Images become E2B templates: asked for as E2B wants it, once, found by name, removed; no password is told."""

import asyncio
import io
import tarfile
from collections.abc import Iterator

import httpx
import pytest
from click.testing import CliRunner

from chaos.cli.main import cli
from chaos.errors import SandboxRefused
from chaos.sandboxes import Setup
from chaos.sandboxes.e2b.provider import E2BSandbox
from chaos.sandboxes.e2b.templates import TOOLS, Recipe, ensure, is_ours, listed, login_of, names_of, remove
from chaos.settings import Settings
from tests.doubles.e2b.running import KEY, Double
from tests.sandboxes.microvm import MIB, at_double, e2b_box, variables

IMAGE = "registry.example/team/shop:7"
PASSWORD = "planted-registry-password"
LOGIN = {
    "CHAOSLAB_REGISTRY": "registry.example",
    "CHAOSLAB_REGISTRY_USER": "robot",
    "CHAOSLAB_REGISTRY_PASSWORD": PASSWORD,
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Double]:
    with at_double() as double:
        yield double


@pytest.fixture
def double(shared: Double) -> Iterator[Double]:
    """One without a template of ours."""
    yield shared

    async def clean() -> None:
        for each in await listed():
            await remove(each["templateID"])

    asyncio.run(clean())


def wishes(double: Double) -> list[dict[str, object]]:
    """What it was asked to build."""
    return list(httpx.get(f"{double.url}/_double/templates", headers={"X-API-KEY": KEY}, timeout=30).json())


def test_an_image_is_built_once_and_a_machine_made_of_it(double: Double) -> None:
    async def scene() -> None:
        builds = double.said().get("builds", 0)
        for _ in range(2):
            async with e2b_box(image=IMAGE, memory_bytes=128 * MIB) as box:
                assert box.ref.facts["template"] == Recipe(IMAGE, 128 * MIB).name
                assert (await box.run(["true"])).exit_code == 0
        assert double.said()["builds"] == builds + 1

    with variables(LOGIN):
        asyncio.run(scene())
    (wish,) = wishes(double)
    assert wish["fromImage"] == IMAGE
    assert wish["fromImageRegistry"] == {"type": "registry", "username": "robot", "password": PASSWORD}
    steps = wish["steps"]
    assert isinstance(steps, list)
    assert [step["type"] for step in steps] == ["USER", "RUN"]
    assert steps[1]["args"][0] == TOOLS


READ = (("requirements.txt", b"flask\n"), ("deep/more.txt", b"more\n"))
INSTALL = "cat requirements.txt deep/more.txt > installed; echo patched >> requirements.txt; echo at build"


def tar_of(*files: tuple[str, bytes], at: int = 0) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), at, 0o644
            tar.addfile(entry, io.BytesIO(content))
    return whole.getvalue()


def test_setup_runs_once_in_the_template_and_what_it_made_is_in_every_machine(double: Double) -> None:
    setup = Setup((("sh", "-c", INSTALL),), tar_of(*READ))
    words: list[str] = []

    async def scene() -> None:
        builds = double.said().get("builds", 0)
        await ensure(Recipe(None, 128 * MIB, setup=setup), words.append)
        for _ in range(2):
            async with e2b_box(setup=setup, memory_bytes=128 * MIB, disk_bytes=8 * MIB) as box:
                assert box.ref.facts["set_up"] is True
                assert await box.read("/app/installed") == b"flask\nmore\n"
                assert await box.read("/app/requirements.txt") == b"flask\npatched\n"
                size = await box.run(["df", "-B1", "--output=size", "/app"])
                assert (
                    size.stdout.split()[-1] == str(8 * MIB).encode()
                )  # a disk as large as in any other sandbox
        assert double.said()["builds"] == builds + 1

    asyncio.run(scene())
    assert "at build" in words
    (wish,) = wishes(double)
    assert (wish["fromTemplate"], wish.get("fromImage")) == ("base", None)


def test_a_setup_that_fails_says_what_it_said_and_leaves_no_name(double: Double) -> None:
    setup = Setup((("sh", "-c", "echo no such package >&2; exit 7"),), b"")

    async def scene() -> None:
        with pytest.raises(SandboxRefused, match=r"exit status 7.*no such package.*shows its log"):
            await E2BSandbox.open(memory_bytes=128 * MIB, disk_bytes=8 * MIB, ttl_s=60, setup=setup)
        assert await listed() == []

    asyncio.run(scene())


def test_what_setup_made_must_fit_the_disk(double: Double) -> None:
    setup = Setup((("dd", "if=/dev/zero", "of=big", "bs=1M", "count=9"),), b"")

    async def scene() -> None:
        with pytest.raises(SandboxRefused, match=r"does not fit into sandbox\.disk, 8 MiB"):
            await E2BSandbox.open(memory_bytes=128 * MIB, disk_bytes=8 * MIB, ttl_s=60, setup=setup)

    asyncio.run(scene())


def test_a_setup_is_the_same_for_the_same_commands_and_contents_only() -> None:
    commands = (("pip", "install", "-r", "requirements.txt"),)
    names = {
        Recipe(None, 128 * MIB, setup=Setup(*each)).name
        for each in (
            (commands, tar_of(*READ)),
            (commands, tar_of(*READ, at=5)),  # touched
            (commands, tar_of(*READ[:1])),
            (commands, tar_of(*READ[:1], ("deep/more.txt", b"else\n"))),
            ((*commands, ("true",)), tar_of(*READ)),
        )
    }
    assert len(names) == 4
    assert all(is_ours(name) for name in names)


def test_two_that_want_the_same_at_once_build_it_once(double: Double) -> None:
    async def scene() -> None:
        builds = double.said().get("builds", 0)
        recipe = Recipe("docker.io/library/nginx:1.29", 512 * MIB)
        assert set(await asyncio.gather(*(ensure(recipe) for _ in range(3)))) == {recipe.name}
        assert double.said()["builds"] == builds + 1

    asyncio.run(scene())


def test_an_image_that_cannot_become_one_is_refused_with_the_remedy_and_leaves_no_name(
    double: Double,
) -> None:
    async def scene() -> None:
        with pytest.raises(SandboxRefused, match="no package manager") as caught:
            await E2BSandbox.open(
                memory_bytes=128 * MIB,
                disk_bytes=8 * MIB,
                ttl_s=60,
                image="registry.example/distroless/app:1",
            )
        assert "when E2B knows its distribution and it has a package manager" in str(caught.value)
        assert PASSWORD not in str(caught.value)
        assert await listed() == []

    with variables(LOGIN):
        asyncio.run(scene())


def test_the_name_follows_image_memory_and_tools() -> None:
    name = Recipe(IMAGE, 512 * MIB).name
    assert name.startswith("chaoslab-shop-7-")
    assert is_ours(name)
    assert Recipe(IMAGE, 512 * MIB).name == name
    assert len({name, Recipe(IMAGE, 1024 * MIB).name, Recipe(IMAGE + "1", 512 * MIB).name}) == 3
    assert Recipe(IMAGE, 65 * MIB).memory_mib == 128
    assert Recipe(IMAGE, 513 * MIB).memory_mib == 514
    assert not is_ours("chaoslab-of-somebody")
    assert names_of({"names": [f"team/{name}"]}) == [name]


def test_a_login_is_for_its_own_registry_only() -> None:
    with variables(LOGIN):
        settings = Settings()
    assert login_of(IMAGE, settings) == {"username": "robot", "password": PASSWORD}
    assert login_of("registry.example.evil/team/shop:7", settings) == {}
    assert login_of("docker.io/library/nginx:1.29", settings) == {}
    assert PASSWORD not in repr(settings)


def test_the_verb_builds_lists_and_prunes(double: Double) -> None:
    def chaoslab(*arguments: str) -> str:
        done = CliRunner().invoke(cli, ["template", *arguments])
        assert done.exit_code == 0, done.output
        assert PASSWORD not in done.output
        return done.stdout

    with variables(LOGIN):
        name = chaoslab("build", IMAGE).strip()
        assert name == Recipe(IMAGE, 512 * MIB).name
        assert name in chaoslab("list")
        assert chaoslab("prune", name) == f"removed {name}\n1 template(s) removed\n"
        assert chaoslab("list") == ""
    assert CliRunner().invoke(cli, ["template", "prune"]).exit_code == 2
