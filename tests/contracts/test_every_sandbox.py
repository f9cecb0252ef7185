"""What every provider promises, run over all of them."""

import asyncio
import hashlib
import io
import secrets
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager

import pytest

from chaos.errors import SandboxError, SandboxLost
from chaos.sandboxes import Sandbox, SandboxRef, connect
from chaos.sandboxes.names import NAMES
from tests.sandboxes.box import local_box
from tests.sandboxes.containers import WHY_NOT, container_box
from tests.sandboxes.microvm import CLOUD, at_double, e2b_box, live_box

Open = Callable[[], AbstractAsyncContextManager[Sandbox]]
OPENERS: dict[str, Open] = {"local": local_box, "container": container_box, "e2b": e2b_box}
LIVE: dict[str, Open] = {"e2b-live": live_box}


def test_every_provider_is_under_contract() -> None:
    assert set(OPENERS) == set(NAMES)


@pytest.fixture(scope="module")
def double() -> Iterator[None]:
    with at_double():
        yield


@pytest.fixture(params=[*sorted(OPENERS), *(pytest.param(name, marks=pytest.mark.live) for name in LIVE)])
def opened(request: pytest.FixtureRequest) -> Open:
    if request.param in LIVE:
        if not CLOUD["E2B_API_KEY"]:
            pytest.skip("E2B_API_KEY is not set")
        return LIVE[request.param]
    if request.param == "e2b":
        request.getfixturevalue("double")
    if request.param == "container" and WHY_NOT:
        pytest.skip(WHY_NOT)
    return OPENERS[request.param]


def test_a_command_runs_to_its_end_and_says_how_it_ended(opened: Open) -> None:
    async def scene() -> None:
        async with opened() as box:
            done = await box.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
            assert (done.exit_code, done.stdout, done.stderr) == (3, b"out\n", "err\n")

    asyncio.run(scene())


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(opened: Open) -> None:
    async def scene() -> None:
        async with opened() as box:
            with pytest.raises(SandboxError, match="Timeout"):
                await box.run(["sh", "-c", "sleep 60 & sleep 60"], timeout_s=0.2)
            left = await box.run(["sh", "-c", "cat /proc/[0-9]*/stat"])
            # A moment after its end a process may still wait to be reaped.
            assert b"(sleep)" not in left.stdout.replace(b"(sleep) Z", b"")

    asyncio.run(scene())


def test_an_unknown_command_is_an_error_that_names_it(opened: Open) -> None:
    async def scene() -> None:
        async with opened() as box:
            with pytest.raises(SandboxError, match="no-such-command"):
                await box.run(["no-such-command"])

    asyncio.run(scene())


def test_a_file_is_read_back_from_any_offset(opened: Open) -> None:
    async def scene() -> None:
        async with opened() as box:
            body = bytes(range(256)) * 4096
            assert await box.put("/tmp/deep/er/file", body)
            assert await box.read("/tmp/deep/er/file") == body
            assert await box.read("/tmp/deep/er/file", 1000, 16) == body[1000:1016]
            assert await box.read("/tmp/deep/er/file", len(body)) == b""

    asyncio.run(scene())


def test_an_exclusive_file_is_written_once(opened: Open) -> None:
    async def scene() -> None:
        async with opened() as box:
            assert await box.put("/tmp/order", b"first", exclusive=True)
            assert not await box.put("/tmp/order", b"second", exclusive=True)
            assert await box.read("/tmp/order") == b"first"

    asyncio.run(scene())


def test_an_archive_cannot_write_outside_its_directory(opened: Open) -> None:
    async def scene() -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("../escaped"))
        async with opened() as box:
            with pytest.raises(SandboxError):
                await box.unpack("/app", buffer.getvalue())

    asyncio.run(scene())


def test_a_started_command_goes_on_and_is_asked_for_its_end_later(opened: Open) -> None:
    async def scene() -> None:
        async with opened() as box:
            await box.run(["mkfifo", "/tmp/gate"])
            pid = await box.start(
                ["sh", "-c", "read word < /tmp/gate; echo $word; exit 4"], output="/tmp/log"
            )
            assert await box.exit_code(pid) is None  # it waits at the gate
            await box.run(["sh", "-c", "echo go > /tmp/gate"])
            async with asyncio.timeout(10):
                while (code := await box.exit_code(pid)) is None:
                    await asyncio.sleep(0)
            assert code == 4
            assert await box.read("/tmp/log") == b"go\n"

    asyncio.run(scene())


DIGEST = "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
SEEK = """
import os, stat, sys
for place in ("/run/chaoslab", "/tmp", "/app"):
    for folder, _, names in os.walk(place):
        for path in (os.path.join(folder, name) for name in names):
            if stat.S_ISREG(os.lstat(path).st_mode) and "cgroup" not in path and "groups" not in path:
                if bytes.fromhex(sys.argv[1]) in open(path, "rb").read():
                    print(path)
"""


@pytest.mark.parametrize(
    "given",
    [b"", secrets.token_bytes(32) + bytes(range(256)), secrets.token_hex(2048).encode()],
    ids=["nothing", "every byte", "text"],
)
def test_what_it_is_given_is_on_its_standard_input_and_nowhere_else(opened: Open, given: bytes) -> None:
    async def scene() -> None:
        async with opened() as box:
            pid = await box.start([box.python, "-c", DIGEST], output="/tmp/log", given=given)
            async with asyncio.timeout(10):
                while (code := await box.exit_code(pid)) is None:
                    await asyncio.sleep(0.01)
            assert code == 0
            assert (await box.read("/tmp/log")).split()[0] == hashlib.sha256(given).hexdigest().encode()
            if given:
                found = await box.run([box.python, "-c", SEEK, given[:32].hex()])
                assert (found.exit_code, found.stdout, found.stderr) == (0, b"", "")

    asyncio.run(scene())


def test_it_is_found_again_by_its_ref_from_plain_data(opened: Open) -> None:
    async def scene() -> None:
        async with opened() as box:
            await box.put("/tmp/mark", b"here")
            again = await connect(SandboxRef.from_json(box.ref.to_json()))
            assert await again.read("/tmp/mark") == b"here"
            await again.close()

    asyncio.run(scene())


def test_destroyed_it_is_lost_and_destroying_again_is_no_error(opened: Open) -> None:
    async def scene() -> None:
        async with opened() as box:
            await box.destroy()
            with pytest.raises(SandboxLost):
                await box.run(["true"])
            with pytest.raises(SandboxLost):
                await connect(box.ref)
            await box.destroy()

    asyncio.run(scene())


def test_many_callers_at_once_get_their_own_answers(opened: Open) -> None:
    async def scene() -> None:
        async with opened() as box:
            done = await asyncio.gather(*(box.run(["echo", str(number)]) for number in range(20)))
            assert [each.stdout for each in done] == [f"{number}\n".encode() for number in range(20)]

    asyncio.run(scene())
