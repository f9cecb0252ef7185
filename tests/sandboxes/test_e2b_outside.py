"""From outside: a microVM of the double stands still or is cut off, measured, undone, and never twice."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from chaos import api
from chaos.analysis.result import Result
from chaos.errors import SandboxLost
from chaos.faults import sandbox_offline
from chaos.manifests.load import load
from chaos.planning.plan import draw
from chaos.runner import host_requests as outside
from chaos.runs.cancellation import Stop
from chaos.sandboxes import connect
from chaos.sandboxes.e2b import orphans as e2b_orphans
from chaos.sandboxes.e2b.provider import E2BSandbox
from tests.doubles.e2b.running import Double
from tests.lab import ROOT, Lab, interrupt
from tests.sandboxes.box import local_box
from tests.sandboxes.microvm import CLOUD as CLOUD_ITSELF
from tests.sandboxes.microvm import at_double, e2b_box, live_box

SOON_S = 60.0
BEATS = "/run/beats"
_ASK = f"""
import socket
with socket.create_connection(("8.8.8.8", 53), 2) as connection:
    connection.sendall({sandbox_offline._QUERY!r})
    raise SystemExit(not connection.recv(1))
"""
_BEAT = f"""
ran=0
while sleep 0.05; do ran=$((ran + 1)); echo $ran > {BEATS}; done
"""


@pytest.fixture(scope="module")
def double() -> Iterator[Double]:
    with at_double(internet=True) as double:
        yield double


@asynccontextmanager
async def beating_box() -> AsyncIterator[E2BSandbox]:
    """One in which something counts on."""
    async with e2b_box() as box:
        await box.put(BEATS, b"0")
        await box.start(["sh", "-c", _BEAT], output="/dev/null")
        async with asyncio.timeout(SOON_S):
            while int(await box.read(BEATS) or b"0") < 2:
                await asyncio.sleep(0.02)
        yield box


def states(double: Double) -> list[str]:
    return [each["state"] for each in double.sandboxes()]


def test_frozen_nothing_runs_and_nobody_answers_until_it_is_resumed(double: Double) -> None:
    async def scene() -> None:
        async with beating_box() as box:
            did = await box.freeze(1.0, BEATS, Stop())
            assert did["answered"] == 0
            assert did["looks"] >= 3
            assert did["resumed_at"] - did["asked_at"] >= 1.0
            before, after = did["ran_s"]
            between_s = did["read"][1][1] - did["read"][0][0]
            assert after - before <= (between_s - 0.9) / 0.05  # it counts twenty a second, when it runs
            assert (await box.run(["true"])).exit_code == 0
            assert states(double) == ["running"]

    asyncio.run(scene())


def test_a_wish_to_stop_ends_a_freeze(double: Double) -> None:
    async def scene() -> None:
        async with beating_box() as box:
            stop = Stop()
            freezing = asyncio.create_task(box.freeze(600.0, BEATS, stop))
            async with asyncio.timeout(SOON_S):
                while states(double) != ["paused"]:
                    await asyncio.sleep(0.02)
                stop.set()
                await freezing
            assert states(double) == ["running"]

    asyncio.run(scene())


def test_whose_controller_died_while_it_stood_still_is_ended_by_gc_when_its_ttl_is_over(
    double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        box = await E2BSandbox.open(memory_bytes=2**26, disk_bytes=2**23, ttl_s=60)
        await box._machine.pause()
        await box.close()
        assert await e2b_orphans.end_orphans() == []
        monkeypatch.setattr(e2b_orphans, "time", SimpleNamespace(time=lambda: time.time() + 61))
        assert await e2b_orphans.end_orphans() == [box.ref.id]
        with pytest.raises(SandboxLost):
            await connect(box.ref)

    asyncio.run(scene())


def test_a_controller_that_is_killed_meanwhile_leaves_one_that_gc_ends_at_once_on_its_machine(
    double: Double, tmp_path: Path
) -> None:
    lab = Lab(tmp_path, dict(double.environment))
    freeze = {"name": "stands still", "fault": {"type": "sandbox_freeze", "lasts": "1m"}, "hold": "62s"}
    sandbox = {"type": "e2b", "memory": "64MiB", "disk": "8MiB", "ttl": "5m"}
    manifest = lab.manifest(sandbox=sandbox, method=[freeze], blastRadius={"maxHold": "2m"})
    controller = lab.start(lab.run_command(manifest))
    give_up_at = time.monotonic() + SOON_S
    while states(double) != ["paused"]:
        assert controller.poll() is None, controller.communicate()
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
    interrupt(controller, signal.SIGKILL)
    gone = lab.chaoslab("gc")
    assert gone.code == 0, gone.err
    assert "The process that carried out this run died" in gone.out
    assert states(double) == []


@pytest.mark.live
def test_the_real_cloud_lets_a_machine_stand_still_and_cuts_it_off() -> None:
    if not CLOUD_ITSELF["E2B_API_KEY"]:
        pytest.skip("E2B_API_KEY is not set")

    async def scene() -> None:
        async with live_box() as box:
            ask = ["python3", "-c", _ASK]
            assert (await box.run(ask)).exit_code == 0
            await box.cut("0.0.0.0/0")
            assert (await box.run(ask)).exit_code != 0
            await box.cut(None)
            assert (await box.run(ask)).exit_code == 0
            await box.put(BEATS, b"0")
            await box.start(["sh", "-c", _BEAT], output="/dev/null")
            did = await box.freeze(3.0, BEATS, Stop())
            ran_s = (did["ran_s"][1] - did["ran_s"][0]) * 0.05
            between_s = did["read"][1][0] - did["read"][0][1]
            assert did["answered"] == 0
            assert between_s - ran_s >= 2.5, did

    asyncio.run(scene())


CLOUD = {
    "sandbox-freeze": "held",
    "sandbox-freeze-fragile": "deviated",
    "sandbox-offline": "held",
    "sandbox-offline-fragile": "deviated",
}


@pytest.mark.paired
def test_an_app_that_copes_holds_and_a_fragile_one_deviates(double: Double, tmp_path: Path) -> None:
    async def one(name: str) -> Result:
        return await api.run(api.plan(ROOT / f"experiments/cloud/{name}.yaml"), tmp_path, publish=False)

    async def scene() -> list[Result]:
        return await asyncio.gather(*map(one, CLOUD))

    found = dict(zip(CLOUD, asyncio.run(scene()), strict=True))
    assert {name: each.verdict for name, each in found.items()} == CLOUD, {
        name: (each.why, each.doubts) for name, each in found.items()
    }
    for result in found.values():
        (step,) = result.steps
        assert (step.landed, step.kind, step.residue) == (True, "real", []), step.why
        assert result.sandbox.destroyed


# Who asks, and what is answered


def test_elsewhere_it_is_refused_before_anything_begins(tmp_path: Path) -> None:
    freeze = {"name": "stands still", "fault": {"type": "sandbox_freeze", "lasts": "1s"}, "hold": "3s"}
    (loaded,) = load(str(Lab(tmp_path).manifest(method=[freeze])))
    _, (refusal,) = draw(loaded)
    assert "sandbox 'local' lacks freeze, which sandbox_freeze needs" in str(refusal)


def test_what_cannot_be_done_there_is_said_in_there_once() -> None:
    asked = {"act": "cut", "network": "0.0.0.0/0", "answer": "/run/answer.json"}

    async def scene() -> None:
        async with local_box() as box:
            await outside.answer(box, asked, Stop())
            said = await box.read("/run/answer.json")
            assert said == b"""{"failed": "a sandbox of type 'local' knows no 'cut'"}"""
            await outside.answer(box, asked | {"act": "freeze"}, Stop())
            assert await box.read("/run/answer.json") == said

    asyncio.run(scene())


def test_what_somebody_began_and_did_not_answer_is_not_done_again(double: Double) -> None:
    asked = {"act": "freeze", "lasts_s": 600.0, "beats": BEATS, "answer": "/run/answer.json"}

    async def scene() -> None:
        async with e2b_box() as box:
            await box.put("/run/answer.json.claim", b"", exclusive=True)
            await outside.answer(box, asked, Stop())
            assert await box.read("/run/answer.json") == b'{"failed": "whoever began to do it is no more"}'

    asyncio.run(scene())
