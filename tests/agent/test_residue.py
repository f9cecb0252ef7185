"""What is left behind is named, and what merely happened is not."""

import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.agent import residue
from chaos.agent.residue import Snapshot, left, snapshot
from chaos.faults.clock.page import Page
from tests.faults.deadman import seconds_until


@pytest.fixture
def app() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(["sleep", "60"]) as child:
        yield child
        child.kill()


def look(child: "subprocess.Popen[bytes]") -> Snapshot:
    return snapshot([child.pid], [])


def test_a_process_that_still_stands_still_is_named(app: "subprocess.Popen[bytes]") -> None:
    before = look(app)
    os.kill(app.pid, signal.SIGSTOP)
    seconds_until(lambda: left(before, look(app)) != [])
    assert f"process {app.pid}: stopped" in left(before, look(app))[0]
    os.kill(app.pid, signal.SIGCONT)
    seconds_until(lambda: left(before, look(app)) == [])


def test_a_limit_that_was_not_put_back_is_named(app: "subprocess.Popen[bytes]") -> None:
    before = look(app)
    soft, hard = resource.prlimit(app.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(app.pid, resource.RLIMIT_NOFILE, (16, hard))
    assert f"'16', '{hard}'" in left(before, look(app))[0]
    resource.prlimit(app.pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert left(before, look(app)) == []


def test_a_process_that_was_started_again_is_nothing_left(app: "subprocess.Popen[bytes]") -> None:
    before = look(app)
    with subprocess.Popen(["sleep", "60"]) as another:
        assert left(before, snapshot([app.pid, another.pid], [])) == []
        another.kill()


def test_a_clock_that_was_not_put_right_is_named(
    app: "subprocess.Popen[bytes]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residue, "_CLOCKS", tmp_path)
    page = Page(tmp_path, "web")
    page.make()
    before = look(app)
    page.set(-300.0, 0.01)
    assert left(before, look(app))[0] == "clock of web: off by -300.0 s, drift 0.01"
    page.put_right()
    assert left(before, look(app)) == []
