"""A sandbox in which nothing runs any more, PID 1 least of all: commands end, in time, and leave nothing."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import lab as labs
from tests.lab import Ended, Lab, ended, long_one, result_of


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with labs.lab(tmp_path) as made:
        made.variables["CHAOSLAB_STATE_DIR"] = str(tmp_path / "state")
        yield made


@pytest.fixture
def stopped(lab: Lab) -> "subprocess.Popen[str]":
    """A run under way whose sandbox stands still."""
    controller = lab.start(lab.run_command("--json", long_one(lab)))
    lab.until("phase.started", controller)
    for pid in inside(lab):
        os.kill(pid, signal.SIGSTOP)
    return controller


def inside(lab: Lab) -> list[int]:
    """All processes below the keeper of its one sandbox."""
    (folder,) = lab.boxes.glob("box-*")
    keepers = [
        int(each.name)
        for each in Path("/proc").glob("[0-9]*")
        if str(folder).encode() in command_line(each) and parent(each) not in below(folder)
    ]
    found, waiting = [], keepers
    while waiting:
        waiting += (new := children(waiting.pop()))
        found += new
    return found


def below(folder: Path) -> set[int]:
    return {
        int(each.name) for each in Path("/proc").glob("[0-9]*") if str(folder).encode() in command_line(each)
    }


def command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def parent(process: Path) -> int:
    return int((process / "stat").read_text().rpartition(") ")[2].split()[1])


def children(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").glob("*/children")
        for child in task.read_text().split()
    ]


def hurried(process: "subprocess.Popen[str]", times: int, number: int = signal.SIGINT) -> Ended:
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.05)  # two signals at once are one
    return ended(process)


def test_the_run_ends_by_itself_as_crashed(lab: Lab, stopped: "subprocess.Popen[str]") -> None:
    began = time.monotonic()
    done = ended(stopped)
    assert time.monotonic() - began < 14  # 8 s for a request, and the rest on a busy machine
    assert done.code == 5, done
    done.assert_explained()
    assert done.result.outcome == "crashed"
    assert "did not answer" in done.result.why
    assert done.result.sandbox.destroyed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
def test_a_second_signal_waits_for_nobody(
    lab: Lab, stopped: "subprocess.Popen[str]", number: signal.Signals
) -> None:
    began = time.monotonic()
    done = hurried(stopped, 2, number)
    assert time.monotonic() - began < 6
    assert done.code == 4, done
    done.assert_explained()
    assert result_of(lab).outcome == "aborted"
    assert result_of(lab).sandbox.destroyed


def test_a_third_signal_ends_it_at_once_and_gc_the_sandbox(
    lab: Lab, stopped: "subprocess.Popen[str]"
) -> None:
    began = time.monotonic()
    done = hurried(stopped, 3, signal.SIGTERM)
    assert time.monotonic() - began < 1
    assert done.code in (-signal.SIGTERM, 4), done  # 4: it had ended by the second before the third came
    began = time.monotonic()
    closed = lab.chaoslab("gc")
    assert time.monotonic() - began < 15
    assert closed.code == 0, closed
    closed.assert_explained()
    assert not list(lab.boxes.glob("box-*"))
