"""What others take of the machine: the sum by hand, and a busy machine for real."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.agent import procfs
from chaos.agent.budget import Budget
from chaos.agent.starvation import Machine, Moment, Starvation, others_share

NOTHING = Machine(0.0, 0.0, 0.0)
BURN = "import time; ends = time.monotonic() + 3\nwhile time.monotonic() < ends: pass"


@pytest.mark.parametrize(
    ("machine", "own_s", "share"),
    [
        (Machine(busy_s=2.0, idle_s=0.0, stolen_s=0.0), 0.5, 1.5),
        (Machine(busy_s=2.0, idle_s=0.0, stolen_s=0.0), 2.0, 0.0),
        (Machine(busy_s=2.0, idle_s=0.0, stolen_s=0.0), 2.02, 0.0),
        (Machine(busy_s=1.0, idle_s=1.0, stolen_s=0.0), 0.5, 0.0),
        (Machine(busy_s=1.5, idle_s=0.5, stolen_s=0.0), 0.5, 0.5),
        (Machine(busy_s=1.0, idle_s=0.0, stolen_s=1.0), 1.0, 1.0),
    ],
    ids=[
        "others run",
        "all is ours",
        "clocks differ",
        "a core is idle",
        "half a core is idle",
        "a hypervisor",
    ],
)
def test_what_others_had(machine: Machine, own_s: float, share: float) -> None:
    assert others_share(Moment(0.0, NOTHING, 0.0), Moment(1.0, machine, own_s)) == pytest.approx(share)


@pytest.fixture
def burner() -> Iterator[int]:
    child = subprocess.Popen([sys.executable, "-c", BURN])
    yield child.pid
    child.kill()
    child.wait()


def test_a_busy_machine_takes_what_waits(burner: int, tmp_path: Path) -> None:
    """Processes that are none of ours, two for each core; of the app's one thread they take a part."""
    script = f'{sys.executable} -c "$0" >/dev/null 2>&1 &'
    for _ in range(2 * len(os.sched_getaffinity(0))):
        subprocess.run(["setsid", "sh", "-c", script, BURN], check=True)
    starvation = Starvation(Budget(2**30, lambda: [burner], tmp_path))
    assert starvation.look([burner], procfs.everyone()) == {"waited_ms": 0.0, "taken_ms": 0.0}
    seen = []
    for _ in range(20):
        time.sleep(0.1)
        seen.append(starvation.look([burner], procfs.everyone()))
    waited_ms, taken_ms = sum(each["waited_ms"] for each in seen), sum(each["taken_ms"] for each in seen)
    print(f"\nin 2 s it waited {waited_ms:.0f} ms, of which others took {taken_ms:.0f} ms")
    assert waited_ms > 500
    assert taken_ms == pytest.approx(waited_ms, rel=0.2)


def test_who_has_ended_waits_for_nothing_however_busy_the_machine_is(tmp_path: Path) -> None:
    script = f'{sys.executable} -c "$0" >/dev/null 2>&1 &'
    for _ in range(2 * len(os.sched_getaffinity(0))):
        subprocess.run(["setsid", "sh", "-c", script, BURN], check=True)
    starvation = Starvation(Budget(2**30, list, tmp_path))
    for _ in range(5):
        assert starvation.look([], procfs.everyone()) == {"waited_ms": 0.0, "taken_ms": 0.0}
        time.sleep(0.1)
