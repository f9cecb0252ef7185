"""Which runs this machine carries out: held while their process lives, found when it has died."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.runs.active import abandoned, end_below, folder, registered
from chaos.runs.directory import Run

HOLDER = """
import sys, signal
from pathlib import Path
from chaos.runs.directory import Run
from chaos.runs.active import registered
with registered(Run(sys.argv[1], Path(sys.argv[2])), "a flow run"):
    print("held", flush=True)
    signal.pause()
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHAOSLAB_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Another process that carries out a run."""
    command = [sys.executable, "-c", HOLDER, "r1", str(tmp_path / "r1")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_run_is_left_behind_only_when_its_process_died(
    holder: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    assert list(abandoned()) == []
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    (left,) = abandoned()
    assert (left.run, left.flow_run) == (Run("r1", tmp_path / "r1"), "a flow run")
    assert list(abandoned()) == []  # once


def closed() -> bool:
    """Whether whoever closes a run that was left behind could."""
    try:
        for _left in abandoned():
            raise OSError
    except OSError:
        return False
    return True


def test_what_raised_is_found_again(holder: "subprocess.Popen[bytes]") -> None:
    holder.kill()
    holder.wait()
    assert not closed()
    assert not closed()
    assert len(list(abandoned())) == 1


def test_an_end_leaves_nothing(tmp_path: Path) -> None:
    with registered(Run("r1", tmp_path)):
        assert [each.name for each in folder().iterdir()] == ["r1.json"]
        assert list(abandoned()) == []
    assert list(folder().iterdir()) == []


def test_what_says_nothing_may_be_about_to(state: Path) -> None:
    folder().mkdir(parents=True)
    file = folder() / "r1.json"
    file.touch()
    assert list(abandoned()) == []
    assert file.exists()
    old = time.time() - 3600
    os.utime(file, (old, old))
    assert list(abandoned()) == []
    assert not file.exists()


def test_a_state_folder_that_cannot_be_written_does_not_matter(state: Path, tmp_path: Path) -> None:
    state.write_text("in the way")
    with registered(Run("r1", tmp_path)):
        assert list(abandoned()) == []


def test_only_what_is_below_is_asked_to_end(holder: "subprocess.Popen[bytes]") -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        assert end_below(other.pid) == []
        assert holder.poll() is None
        other.communicate(b"\n")
    assert end_below(os.getpid()) == ["r1"]
    assert holder.wait(10) == -signal.SIGTERM


def test_whose_process_died_is_not_asked(holder: "subprocess.Popen[bytes]") -> None:
    holder.kill()
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # its number is nobody else's yet
    assert end_below(os.getpid()) == []
