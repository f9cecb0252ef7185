"""Controllers of E2B sandboxes killed at any moment: their sandboxes end by themselves, and sooner by `gc`."""

import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from chaos.runs.journal import Journal
from tests.doubles.e2b.running import Double, e2b_double
from tests.lab import Lab

MOMENTS = ("run.started", "sandbox.opened", "agent.started", "fault.injected", "fault.recovered")
MANY = 10
SOON_S = 90.0


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@contextlib.contextmanager
def controllers(lab: Lab, many: int) -> Iterator[list[int]]:
    """So many, each with a run of its own; none of them is left afterwards."""
    box = {"type": "e2b", "memory": "64MiB", "disk": "8MiB", "ttl": "10m"}
    manifest = lab.manifest(sandbox=box, phases={"baseline": "1s", "recovery": "4s"})
    command = [sys.executable, "-m", "tests.sandboxes.controllers", str(manifest), str(lab.runs), str(many)]
    with lab.start(command) as parent:
        assert parent.stdout is not None
        pids = json.loads(parent.stdout.readline())
        try:
            yield pids
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            parent.wait(SOON_S)


def journals(lab: Lab) -> list[Journal]:
    return [Journal(path) for path in lab.runs.glob("*/*/journal.ndjson")]


def kill_each_at_its_moment(lab: Lab, moments: Mapping[int, tuple[str, float]]) -> None:
    """`moments`: for each pid the event that it must have written, and how long after that (s)."""
    alive, due = dict(enumerate(moments)), dict[int, float]()
    deadline = time.monotonic() + SOON_S
    while alive:
        assert time.monotonic() < deadline, (alive, due)
        for number, pid in list(alive.items()):
            moment, after_s = moments[pid]
            seen = any(
                event.type == moment
                for path in lab.runs.glob(f"{number}/*/journal.ndjson")
                for event in Journal(path).events()
            )
            if seen and time.monotonic() >= due.setdefault(pid, time.monotonic() + after_s):
                os.kill(pid, signal.SIGKILL)
                del alive[number]
        time.sleep(0.02)


def until_none_lives(double: Double) -> None:
    deadline = time.monotonic() + SOON_S
    while left := double.sandboxes():
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def test_whenever_their_controllers_are_killed_all_sandboxes_end_by_themselves(
    lab: Lab, tmp_path: Path
) -> None:
    draw = random.Random(20)
    with e2b_double(tmp_path / "cloud") as double:
        lab.variables |= {**double.environment, "E2B_LEASE_S": "6"}
        with controllers(lab, MANY) as pids:
            moments = {pid: (MOMENTS[n % len(MOMENTS)], draw.uniform(0, 1)) for n, pid in enumerate(pids)}
            kill_each_at_its_moment(lab, moments)
        until_none_lives(double)
        assert double.said()["created"] > MANY // 2
    found = journals(lab)
    assert len(found) == MANY
    for journal in found:
        types = [event.type for event in journal.events()]
        assert types[0] == "run.started"
        assert types.count("fault.injected") <= 1
        assert "run.ended" not in types


def test_gc_ends_what_a_killed_controller_left_and_then_finds_nothing(lab: Lab, tmp_path: Path) -> None:
    with e2b_double(tmp_path / "cloud") as double:
        lab.variables |= {**double.environment, "E2B_LEASE_S": "240"}
        with controllers(lab, 1) as (pid,):
            kill_each_at_its_moment(lab, {pid: ("sandbox.opened", 0.0)})
        (left,) = double.sandboxes()
        assert left["sandboxID"] not in lab.chaoslab("gc").out  # another controller might still take it over
        double.age(left["sandboxID"], 130)
        says = "1 sandboxes of ours run there, 1 of them orphaned; remedy: chaoslab gc"
        assert says in lab.chaoslab("doctor").out
        assert f"ended E2B sandbox {left['sandboxID']}\n" in lab.chaoslab("gc").out
        assert double.sandboxes() == []
