"""Real process trees, really stopped: seen in /proc, and by their own clocks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.errors import InjectionError
from chaos.faults.process.tree import cpu_s, halted, stopped
from chaos.faults.process_pause import ProcessPause
from tests.faults.deadman import WITHIN_S, injected_elsewhere, seconds_until
from tests.faults.holding import hold
from tests.faults.target import LocalTarget

pytestmark = pytest.mark.paired

BUSY = [
    sys.executable,
    "-c",
    "import os, threading\n"
    "def burn():\n    while True: pass\n"
    "os.fork()\n"
    "threading.Thread(target=burn, daemon=True).start()\n"
    "os.write(1, b'up\\n')\n"
    "burn()\n",
]
"""Two processes of two threads each that never rest."""
RAN_WITHIN_S = 10.0


@pytest.fixture
def target() -> Iterator[LocalTarget]:
    with LocalTarget() as target:
        yield target


def start_busy(target: LocalTarget, name: str = "app") -> list[int]:
    """Its pids, once both processes are up."""
    child = target.start(name, BUSY)
    assert child.stdout is not None
    assert [child.stdout.readline(), child.stdout.readline()] == [b"up\n", b"up\n"]
    pids = list(target.pids(name))
    assert len(pids) == 2
    return pids


def test_the_whole_tree_stands_still_and_goes_on(target: LocalTarget) -> None:
    pids = start_busy(target)
    fault = ProcessPause(process="app")
    began = time.monotonic()
    with fault.inject(target) as injection:
        on_s = time.monotonic() - began
        assert all(stopped(pid) for pid in pids)
        used_s = cpu_s(pids)
        hold(target, injection, 0.5)
        assert cpu_s(pids) == used_s, "not a nanosecond of CPU time"
        ending = time.monotonic()
    off_s = time.monotonic() - ending
    assert not any(halted(pid) for pid in pids)
    delivered = fault.delivered(target.samples)
    assert delivered.landed, delivered.why
    assert delivered.values["paused_percent"] == 100
    resumed_ms = target.samples[-1]["resumed_ms"]
    print(
        f"{delivered.why}; on in {on_s * 1000:.0f} ms, of which {target.samples[0]['stopped_ms']} ms to stop"
    )
    print(f"off in {off_s * 1000:.1f} ms, of which {resumed_ms} ms to let go")
    assert off_s < 0.2  # a channel's round trip and a signal, on a busy machine


@pytest.mark.parametrize(("share", "every"), [(0.1, 0.5), (0.5, 0.2), (0.9, 0.2)])
def test_stands_still_by_turns(target: LocalTarget, share: float, every: float) -> None:
    pids = start_busy(target)
    fault = ProcessPause(share=share, every=every)
    with fault.inject(target) as injection:
        assert injection.asked == {"paused_percent": share * 100}
        used_s = cpu_s(pids)
        hold(target, injection, 5 * every)
        until = time.monotonic() + RAN_WITHIN_S
        while cpu_s(pids) == used_s:  # a busy machine may have had no core for it in any turn so far
            assert time.monotonic() < until, "it ran between the pauses"
            hold(target, injection, every)
    delivered = fault.delivered(target.samples)
    assert delivered.landed, delivered.why
    assert delivered.low is not None
    assert delivered.high is not None
    assert delivered.low <= float(delivered.values["paused_percent"]) <= delivered.high
    print(f"{delivered.why}; {delivered.samples} turns")
    assert not any(halted(pid) for pid in pids)


def test_who_is_started_meanwhile_is_stopped_too(target: LocalTarget) -> None:
    start_busy(target)
    with ProcessPause().inject(target) as injection:
        os.killpg(target.children["app"].pid, signal.SIGKILL)
        target.children["app"].wait()
        target.children["app"].stdout.close()  # type: ignore[union-attr]
        newcomer = target.start("app", ["sleep", "60"])
        hold(target, injection, 0.3)
        assert stopped(newcomer.pid)
    assert not halted(newcomer.pid)


def test_others_are_spared(target: LocalTarget) -> None:
    bystander = target.start("other", ["sleep", "60"])
    start_busy(target)
    with ProcessPause(process="app").inject(target):
        assert not halted(bystander.pid)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_when_the_agent_is_killed_everybody_goes_on(share: float) -> None:
    with subprocess.Popen(["sleep", "60"]) as app:
        try:
            fields = {"type": "process_pause", "share": share, "every": 60.0}
            with injected_elsewhere(fields, app.pid) as agent:
                assert stopped(app.pid)
                agent.kill()
                agent.wait()
                took_s = seconds_until(lambda: not halted(app.pid))
                print(f"goes on {took_s * 1000:.1f} ms after the agent's SIGKILL")
                assert took_s <= WITHIN_S
        finally:
            app.kill()


def test_when_the_helper_is_killed_everybody_goes_on_all_the_same(target: LocalTarget) -> None:
    pids = start_busy(target)
    with ProcessPause().inject(target):
        target.helpers[0].kill()
        assert all(stopped(pid) for pid in pids)
    assert not any(halted(pid) for pid in pids)


def test_no_helper_is_left(target: LocalTarget) -> None:
    start_busy(target)
    with ProcessPause().inject(target):
        [helper] = target.helpers
    assert helper.poll() is not None
    assert not Path(f"/proc/{helper.pid}").exists()


def test_nobody_to_stop_is_an_injection_error(target: LocalTarget) -> None:
    target.start("web", ["sleep", "60"])
    with pytest.raises(InjectionError, match="no live process inventory to stop; known: web"):
        ProcessPause(process="inventory").inject(target).__enter__()


@pytest.mark.parametrize(
    ("share", "every", "why"),
    [(0.0, 1.0, "above 0%"), (0.5, 0.001, "at least 5 ms"), (0.999, 1.0, "at least 5 ms")],
)
def test_pauses_that_cannot_be_are_refused(share: float, every: float, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ProcessPause(share=share, every=every)
