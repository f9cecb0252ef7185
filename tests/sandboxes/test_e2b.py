"""E2B sandboxes by E2B's own client, from the double: leases, refusals, lost answers, limits, and no secret told."""

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyqwest
import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError

from chaos.errors import SandboxError, SandboxLost, SandboxRefused
from chaos.sandboxes import attach, connect
from chaos.sandboxes.e2b.account import Account
from chaos.sandboxes.e2b.errors import Passing, told
from chaos.sandboxes.e2b.orphans import end_orphans, is_orphan
from chaos.sandboxes.e2b.pace import Pace
from chaos.sandboxes.e2b.provider import E2BSandbox
from tests.doubles.e2b.running import KEY, Double
from tests.sandboxes.microvm import MIB, at_double, e2b_box, variables

SOON_S = 30.0
CREATE = "POST /v2/sandboxes"
START = "POST /process.Process/Start"


@pytest.fixture(scope="module")
def shared() -> Iterator[Double]:
    with at_double() as double:
        yield double


@pytest.fixture
def double(shared: Double) -> Iterator[Double]:
    yield shared
    shared.trouble(orders=[], shares={})
    assert shared.sandboxes() == []


async def until_none_lives(double: Double) -> None:
    async with asyncio.timeout(SOON_S):
        while double.sandboxes():
            await asyncio.sleep(0.05)


# How long it lives


def test_without_its_controller_it_ends_by_its_lease_and_with_it_it_does_not(double: Double) -> None:
    async def scene() -> None:
        with variables({"E2B_LEASE_S": "2"}):
            async with e2b_box() as kept:
                left = await E2BSandbox.open(memory_bytes=64 * MIB, disk_bytes=8 * MIB, ttl_s=60)
                await left.close()  # as if its process had been killed
                async with asyncio.timeout(SOON_S):
                    while len(double.sandboxes()) > 1:
                        await asyncio.sleep(0.05)
                assert [each["sandboxID"] for each in double.sandboxes()] == [kept.ref.id]
                with pytest.raises(SandboxLost):
                    await connect(left.ref)
                assert (await kept.run(["true"])).exit_code == 0

    asyncio.run(scene())


async def _call_for_ever(box: E2BSandbox) -> None:
    async with asyncio.timeout(SOON_S):
        while True:
            await box.run(["true"])


def test_it_ends_by_its_ttl_though_its_controller_keeps_calling(double: Double) -> None:
    async def scene() -> None:
        box = await E2BSandbox.open(memory_bytes=64 * MIB, disk_bytes=8 * MIB, ttl_s=4)
        with pytest.raises(SandboxLost):
            await _call_for_ever(box)
        await box.close()
        await until_none_lives(double)

    asyncio.run(scene())


def test_gc_ends_those_that_nobody_renews_and_no_others(double: Double) -> None:
    async def scene() -> None:
        async with e2b_box() as kept:
            left = await E2BSandbox.open(memory_bytes=64 * MIB, disk_bytes=8 * MIB, ttl_s=600)
            await left.close()
            double.age(left.ref.id, 32)
            assert await end_orphans() == [left.ref.id]
            assert [each["sandboxID"] for each in double.sandboxes()] == [kept.ref.id]

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("end_at", "orphan"),
    [(1055.0, False), (1031.0, False), (1029.0, True), (1001.0, True), (2000.0, False)],
    ids=["just renewed", "half a lease ago", "longer ago", "about to end", "as long as it may live"],
)
def test_an_orphan_is_one_whose_lease_is_half_over_though_it_may_be_renewed(
    end_at: float, orphan: bool
) -> None:
    assert is_orphan(end_at, now=1000.0, ends_at=2000.0, lease_s=60.0) is orphan


# What goes wrong


@pytest.mark.parametrize("trouble", ["429", "503", "lose"])
def test_a_creation_that_went_wrong_is_asked_for_again_and_made_once(double: Double, trouble: str) -> None:
    async def scene() -> None:
        before = double.said().get("created", 0)
        double.trouble(orders=[(CREATE, trouble)] * 4)  # more than E2B's client tries by itself
        async with e2b_box():
            assert len(double.sandboxes()) == 1
        assert double.said()["created"] == before + 1

    asyncio.run(scene())


@pytest.mark.parametrize("trouble", ["503", "lose", "drop"])
def test_what_is_started_is_started_once_though_the_answer_is_lost(double: Double, trouble: str) -> None:
    async def scene() -> None:
        async with e2b_box() as box:
            double.trouble(orders=[(START, trouble)])
            pid = await box.start(["sh", "-c", "echo once; read word < /dev/zero"], output="/tmp/log")
            async with asyncio.timeout(SOON_S):
                while await box._read_if_there("/tmp/log") != b"once\n":  # it may not have begun to write
                    await asyncio.sleep(0.05)
            assert await box.exit_code(pid) in (None, 0)
            starts = await box.run(["sh", "-c", "ls /run/chaoslab | grep -c ^start-"])
            assert starts.stdout == b"1\n"

    asyncio.run(scene())


def test_an_exclusive_file_is_ours_though_the_answer_is_lost(double: Double) -> None:
    async def scene() -> None:
        async with e2b_box() as box:
            double.trouble(orders=[(START, "lose")])
            assert await box.put("/tmp/order", b"first", exclusive=True)
            assert not await box.put("/tmp/order", b"second", exclusive=True)
            assert await box.read("/tmp/order") == b"first"

    asyncio.run(scene())


def test_a_command_of_the_app_is_never_sent_twice(double: Double) -> None:
    async def scene() -> None:
        async with e2b_box() as box:
            double.trouble(orders=[(START, "lose")])
            with pytest.raises(SandboxError) as caught:
                await box.run(["sh", "-c", "echo >> /tmp/runs"])
            assert caught.value.retryable
            async with asyncio.timeout(SOON_S):
                while await box._read_if_there("/tmp/runs") != b"\n":
                    await asyncio.sleep(0.05)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("changed", "wanted", "words"),
    [
        ({"E2B_API_KEY": None}, {}, "E2B_API_KEY is not set; make a key at"),
        ({"E2B_API_KEY": "e2b_wrong"}, {}, "Invalid API key"),
        ({}, {"template": "no-such"}, "template 'no-such' not found"),
        ({}, {"memory_bytes": 2**50}, "of memory, but .* are asked for .* name a larger template"),
    ],
    ids=["no key", "a wrong key", "an unknown template", "too much memory"],
)
def test_what_will_be_refused_again_says_so(
    double: Double, changed: dict[str, str | None], wanted: dict[str, object], words: str
) -> None:
    with variables(changed), pytest.raises(SandboxRefused, match=words) as caught:
        asyncio.run(E2BSandbox.open(**{"memory_bytes": MIB, "disk_bytes": MIB, "ttl_s": 9.0, **wanted}))
    assert not caught.value.retryable


def test_when_nobody_answers_it_may_be_tried_again() -> None:
    async def scene() -> None:
        with told("connect"):
            await Account.of_settings().client().AsyncSandbox.connect("i1")

    with (
        variables({"E2B_API_KEY": KEY, "E2B_API_URL": "http://127.0.0.1:9"}),
        pytest.raises(Passing) as caught,
    ):
        asyncio.run(scene())
    assert "e2b: connect: ConnectError" in str(caught.value)
    assert caught.value.retryable


@pytest.mark.parametrize(
    "raised",
    [
        ConnectError(Code.UNAVAILABLE, "connection reset by peer"),
        pyqwest.WriteError("connection reset by peer"),
        httpx.RemoteProtocolError("connection closed before message completed"),
        json.JSONDecodeError("Expecting value", "<html>", 0),
        Exception("Command ended without an end event"),
        ConnectionResetError("reset"),
    ],
    ids=lambda each: f"{type(each).__module__}.{type(each).__name__}",
)
def test_whatever_breaks_a_request_may_be_tried_again(raised: Exception) -> None:
    with pytest.raises(Passing), told("read"):
        raise raised


def test_a_mistake_of_ours_is_not_taken_for_one_of_theirs() -> None:
    with pytest.raises(KeyError), told("read"):
        raise KeyError("ends_at")


def test_a_cancellation_that_the_client_takes_for_a_failure_stays_one() -> None:
    async def swallowed() -> None:
        with told("read"):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError as cut:
                raise ConnectError(Code.CANCELED, "Request was cancelled") from cut

    async def scene() -> None:
        work = asyncio.create_task(swallowed())
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(scene())


def test_given_up_while_it_is_created_none_is_left(double: Double) -> None:
    async def scene() -> None:
        double.trouble(orders=[(CREATE, "stall")])
        opening = asyncio.create_task(E2BSandbox.open(memory_bytes=64 * MIB, disk_bytes=8 * MIB, ttl_s=60))
        await asyncio.sleep(0.2)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening

    before = double.said().get("created", 0)
    asyncio.run(scene())
    assert double.said()["created"] == before + 1


def test_it_is_destroyed_by_its_ref_alone_in_another_loop(double: Double) -> None:
    async def opened() -> E2BSandbox:
        box = await E2BSandbox.open(memory_bytes=64 * MIB, disk_bytes=8 * MIB, ttl_s=60)
        await box.close()
        return box

    ref = asyncio.run(opened()).ref
    asyncio.run(attach(ref).destroy())


# How fast, and how many


def test_turns_are_taken_at_the_pace_by_all_together(tmp_path: Path) -> None:
    async def scene() -> None:
        paces = [Pace(tmp_path, "account", per_s=10.0, at_once=100) for _ in range(2)]
        began = time.monotonic()
        await asyncio.gather(*(paces[number % 2].turn(str(number), 60, 30) for number in range(6)))
        assert time.monotonic() - began >= 0.5

    asyncio.run(scene())


def test_no_more_at_once_than_the_plan_allows_until_one_is_released_or_lapses(tmp_path: Path) -> None:
    async def scene() -> None:
        pace = Pace(tmp_path, "account", per_s=1000.0, at_once=2)
        await pace.turn("one", 60, 1)
        await pace.turn("killed", 0.5, 1)
        await pace.turn("three", 60, 30)  # when the lease of a killed controller is over
        with pytest.raises(SandboxError, match="2 sandboxes at once are in use"):
            await pace.turn("four", 60, 0.3)
        pace.release("one")
        await pace.turn("four", 60, 30)

    asyncio.run(scene())


def test_the_double_holds_the_limits_and_the_pace_keeps_to_them(tmp_path: Path) -> None:
    async def one() -> None:
        async with e2b_box(memory_bytes=64 * MIB, disk_bytes=8 * MIB):
            pass

    async def scene() -> None:
        await asyncio.gather(*(one() for _ in range(4)))

    with (
        at_double(create_per_s=5.0, at_once=2) as double,
        variables({"E2B_CREATE_RATE": "4", "E2B_CONCURRENCY": "2"}),
    ):
        asyncio.run(scene())
        said = double.said()
    assert said["created"] == 4
    assert "refused" not in said


# Secrets


def test_the_key_is_in_no_word_of_ours(double: Double, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    words: list[str] = []

    async def scene() -> None:
        async with e2b_box() as box:
            words.append(str(box.ref.to_json()))
            token = box._machine._sdk.connection_config.sandbox_headers["X-Access-Token"]
            for doing in (box.read("/none"), box.run(["none"]), box.unpack("/app", b"no archive")):
                with pytest.raises(SandboxError) as caught:
                    await doing
                words.append(str(caught.value))
        with pytest.raises(SandboxError) as caught:
            await connect(box.ref)
        words.append(str(caught.value))
        assert not any(secret in text for text in (*words, caplog.text) for secret in (KEY, token))

    asyncio.run(scene())
    assert len(words) == 5


def test_the_key_is_taken_out_of_what_e2b_says() -> None:
    with pytest.raises(Passing) as caught, told("create", KEY):
        raise ConnectionError(f"no route for {KEY}")
    assert str(caught.value) == "e2b: create: ConnectionError: no route for ***"
