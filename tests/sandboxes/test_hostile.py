"""A sandbox whose inside answers nonsense, everything, or nothing: lost in time, ended from outside, never believed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chaos.errors import SandboxError, SandboxLost
from chaos.sandboxes import SandboxRef
from chaos.sandboxes.local import ending
from chaos.sandboxes.local import keeper as keeping
from chaos.sandboxes.local.provider import LocalSandbox
from chaos.sandboxes.support import wired
from chaos.sandboxes.support.exchange import LINE_BYTES
from tests.sandboxes.box import local_box

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def answering(folder: Path, answer: Answer) -> AsyncIterator[LocalSandbox]:
    """A sandbox whose PID 1 is `answer`."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readline()
            await answer(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(one, str(folder / "control.sock"))
    box = LocalSandbox(SandboxRef("local", "aaaaaaaa-000000", {"folder": str(folder)}))
    try:
        yield box
    finally:
        await box.close()
        server.close()


NESTED = b"[" * 100_000 + b"]" * 100_000
NONSENSE = {
    "no JSON": b"hello\n",
    "no UTF-8": b"\xff\xfe\n",
    "a list": b"[1]\n",
    "nested": NESTED + b"\n",
    "nested in an object": b'{"size":' + NESTED + b"}\n",
    "no size": b"{}\n",
    "a negative size": b'{"size": -1}\n',
    "a giant size": b'{"size": 1' + b"0" * 400 + b"}\n",
    "a size of too many digits": b'{"size": 1' + b"0" * 5000 + b"}\n",
    "a size that is none": b'{"size": true}\n',
    "a text for a size": b'{"size": "5"}\n',
    "more than was asked for": b'{"size": 11}\n' + b"x" * 11,
    "a long line": b"{" + b" " * (LINE_BYTES + 1),
    "half of an answer": b'{"size": 10}\nabc',
    "nothing": b"",
}


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_a_lost_sandbox(said: bytes, tmp_path: Path) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()

    async def scene() -> None:
        async with answering(tmp_path, answer) as box:
            with pytest.raises(SandboxLost):
                await box.read("/x", limit=10)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("said", "ask"),
    [
        ({}, lambda box: box.run(["true"])),
        ({"exit_code": "0", "stderr": ""}, lambda box: box.run(["true"])),
        ({"exit_code": 0, "stderr": []}, lambda box: box.run(["true"])),
        ({"pid": None}, lambda box: box.start(["true"], output="/x")),
        ({"pid": 2**70}, lambda box: box.start(["true"], output="/x")),
        ({}, lambda box: box.exit_code(2)),
        ({"exit_code": 1.5}, lambda box: box.exit_code(2)),
    ],
)
def test_an_answer_to_something_else_is_none(
    said: dict[str, object], ask: Callable[[LocalSandbox], Awaitable[object]], tmp_path: Path
) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps({**said, "size": 0}).encode() + b"\n")

    async def scene() -> None:
        async with answering(tmp_path, answer) as box:
            with pytest.raises(SandboxLost, match="as no PID 1 of ours would"):
                await ask(box)

    asyncio.run(scene())


async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'{"size": 10}\n')
    while True:
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("answer", [flood, trickle])
def test_who_never_comes_to_an_end_is_lost_in_time(
    answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wired, "ANSWERS_WITHIN_S", 0.2)

    async def scene() -> None:
        async with answering(tmp_path, answer) as box:
            began = time.monotonic()
            with pytest.raises(SandboxLost):
                await box._call("read", within_s=0.2, most_bytes=10, path="/x")
            assert time.monotonic() - began < 3

    asyncio.run(scene())


def inside(box: LocalSandbox) -> list[int]:
    """The keeper's descendants: builder, PID 1."""
    found, waiting = [], [int(box.ref.facts["keeper"])]
    while waiting:
        waiting += (new := ending._children(waiting.pop()))
        found += new
    return found


def test_a_stopped_pid_1_is_noticed_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> LocalSandbox:
        async with local_box() as box:
            await box.start(["sleep", "1000"], output="/tmp/log")
            await box.close()
            for pid in inside(box):
                os.kill(pid, signal.SIGSTOP)
            began = time.monotonic()
            with pytest.raises(SandboxLost, match="did not answer within 0 s"):
                await box._call("ping", within_s=0.3)
            await box.destroy()
            assert time.monotonic() - began < 5
            return box

    assert_nothing_of(asyncio.run(scene()))


def test_a_stopped_keeper_is_ended_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_CLEANS_UP_WITHIN_S", 0.3)

    async def scene() -> LocalSandbox:
        async with local_box() as box:
            for pid in (int(box.ref.facts["keeper"]), *inside(box)):
                os.kill(pid, signal.SIGSTOP)
            await box.destroy()
            return box

    assert_nothing_of(asyncio.run(scene()))


def assert_nothing_of(box: LocalSandbox) -> None:
    folder = str(box.ref.facts["folder"])
    assert not Path(folder).exists()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert folder.encode() not in entry.read_bytes()
        except OSError:
            continue


def test_what_a_command_writes_is_kept_up_to_a_limit() -> None:
    async def scene() -> None:
        async with local_box() as box:
            done = await box.run(
                ["sh", "-c", "head -c 20000000 /dev/zero; head -c 3000000 /dev/zero >&2; echo end >&2"]
            )
            assert (done.exit_code, len(done.stdout)) == (0, wired.MOST_OUTPUT)
            assert done.stderr.endswith("end\n")
            with pytest.raises(
                SandboxError, match="TimeoutExpired"
            ):  # and what it left behind is not waited for
                await box.run(["sh", "-c", "setsid sleep 60 & exit 0"], timeout_s=0.5)
            assert (await box.read("/dev/zero", limit=1000)) == bytes(1000)

    asyncio.run(scene())


@pytest.fixture
def bystander() -> Iterator["subprocess.Popen[bytes]"]:
    """A process of this user that has nothing to do with us, and names our directories."""
    with subprocess.Popen(
        [sys.executable, "-c", "input()", "box-aaaaaaaa/spec.json"], stdin=subprocess.PIPE
    ) as other:
        yield other
        other.kill()


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHAOSLAB_RUNTIME_DIR", str(tmp_path / "boxes"))
    return keeping.runtime_dir()


def planted(runtime: Path, name: str = "box-aaaaaaaa", **state: object) -> Path:
    folder = runtime / name
    folder.mkdir(mode=0o700)
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "spec.json").write_text(json.dumps({"id": "../../../x", "folder": "/"}))
    return folder


def test_a_pid_that_is_no_keeper_is_not_ended(runtime: Path, bystander: "subprocess.Popen[bytes]") -> None:
    folder = planted(runtime, keeper=bystander.pid)
    assert keeping.orphans() == [folder]
    asyncio.run(ending.end(folder, bystander.pid))
    assert not folder.exists()
    assert bystander.poll() is None


@pytest.mark.parametrize("keeper", [1, 0, -1, "1", None, True, 2**40, [1], {}], ids=str)
def test_a_keeper_that_is_no_pid_is_none(runtime: Path, keeper: object) -> None:
    folder = planted(runtime, keeper=keeper)
    os.utime(folder, (0, 0))
    assert keeping.orphans() == [folder]
    ending.remove(folder)
    assert not folder.exists()


def test_what_is_not_named_as_ours_or_leads_elsewhere_is_left_alone(runtime: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    named = planted(runtime, "box-of-somebody")
    (runtime / "box-bbbbbbbb").symlink_to(precious)
    (runtime / "box-cccccccc").write_text("a file")
    ours = planted(runtime, keeper=0)
    (ours / "link").symlink_to(precious)
    os.utime(ours, (0, 0))
    assert keeping.orphans() == [ours]
    for each in (named, runtime / "box-bbbbbbbb", runtime / "box-cccccccc", precious, ours):
        ending.remove(each)
    assert (precious / "file").exists()
    assert sorted(each.name for each in runtime.iterdir()) == [
        "box-bbbbbbbb",
        "box-cccccccc",
        "box-of-somebody",
    ]


@pytest.mark.parametrize("nested", [NESTED, b"[1]", b"\xff", b'{"keeper": 1e999}'])
def test_files_that_cannot_be_read_say_nothing(runtime: Path, nested: bytes) -> None:
    folder = planted(runtime)
    for name in ("state.json", "spec.json"):
        (folder / name).write_bytes(nested)
    os.utime(folder, (0, 0))
    assert keeping.orphans() == [folder]
    ending.remove(folder)
    assert not folder.exists()


def test_a_link_at_the_runtime_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("link", "dangling"):
        monkeypatch.setenv("CHAOSLAB_RUNTIME_DIR", str(tmp_path / name))
        with pytest.raises(SandboxError, match="is a link"):
            keeping.runtime_dir()
    assert not (tmp_path / "nowhere").exists()


def test_the_runtime_directory_is_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "boxes"
    monkeypatch.setenv("CHAOSLAB_RUNTIME_DIR", str(folder))
    assert keeping.runtime_dir().stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    assert keeping.runtime_dir().stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    with pytest.raises(SandboxError, match="others may write"):
        keeping.runtime_dir()
    folder.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(folder, 12345, 12345)
        with pytest.raises(SandboxError, match="belongs to somebody else"):
            keeping.runtime_dir()
