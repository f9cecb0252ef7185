"""A run that a person ends: undone, told, and nothing left, in whichever phase it is."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.runs.journal import Journal
from tests import lab as labs
from tests.lab import Ended, Lab, interrupt, long_one, result_of


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with labs.lab(tmp_path) as made:
        yield made


def test_interrupted_in_the_baseline(lab: Lab) -> None:
    controller = lab.start(lab.run_command("--json", long_one(lab)))
    lab.until("phase.started", controller, phase="baseline")
    assert_interrupted(lab, interrupt(controller))
    assert "fault.injected" not in {event.type for event in lab.events()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_interrupted_during_the_fault(lab: Lab, number: signal.Signals) -> None:
    controller = lab.start(lab.run_command("--json", long_one(lab)))
    lab.until("fault.injected", controller)
    assert_interrupted(lab, interrupt(controller, number))
    assert "fault.recovered" in {event.type for event in lab.events()}


def test_interrupted_in_the_recovery(lab: Lab) -> None:
    path = lab.manifest(phases={"baseline": "1s", "recovery": "20s"})
    controller = lab.start(lab.run_command("--json", path))
    lab.until("phase.started", controller, phase="recovery")
    assert_interrupted(lab, interrupt(controller))


def assert_interrupted(lab: Lab, done: Ended) -> None:
    assert done.code == 4, done
    assert "interrupted" in done.err
    done.assert_explained()
    assert done.result == result_of(lab)
    assert done.result.outcome == "aborted"
    assert done.result.sandbox.destroyed
    assert done.result.timings.total_s < 20
    events = lab.events()
    assert events[-1].type == "run.ended"
    injected = [event for event in events if event.type == "fault.injected"]
    recovered = [event for event in events if event.type == "fault.recovered"]
    assert len(injected) == len(recovered)
    for event in recovered:
        assert event.data["residue"] == []


def test_interrupted_in_the_setup_it_does_not_wait_for_that(lab: Lab) -> None:
    path = lab.manifest(setup=[["sh", "-c", "echo $$; sleep 100"]])
    controller = lab.start(lab.run_command("--json", path))
    lab.until("run.started", controller)
    began = time.monotonic()
    while not list(lab.boxes.glob("box-*/state.json")):
        assert time.monotonic() < began + labs.ENDS_WITHIN_S
        time.sleep(0.005)
    done = interrupt(controller)
    assert time.monotonic() - began < 50
    assert done.code == 4, done
    assert done.result.outcome == "aborted"
    assert "before anything was injected" in done.result.why


@pytest.mark.parametrize("delay_s", [0.2, 0.4, 0.6, 0.8])
def test_interrupted_while_it_starts_it_leaves_nothing(lab: Lab, delay_s: float) -> None:
    controller = lab.start(lab.run_command(long_one(lab)))
    time.sleep(delay_s)  # where that falls, in the imports, the opening or the baseline, is up to the machine
    done = interrupt(controller)
    if done.code != -signal.SIGINT and "Traceback" not in done.err:  # Python itself, before it runs our code
        assert done.code == 4, done
    assert all(Journal(path).of("run.ended") for path in lab.runs.glob("*/journal.ndjson"))


def test_a_second_interrupt_does_not_wait_for_the_fault_to_end(lab: Lab) -> None:
    controller = lab.start(lab.run_command("--json", long_one(lab)))
    lab.until("fault.injected", controller)
    controller.send_signal(signal.SIGINT)
    time.sleep(0.02)  # two signals at once are one
    done = interrupt(controller)
    assert done.code == 4, done
    done.assert_explained()
    assert result_of(lab).outcome == "aborted"
    assert result_of(lab).sandbox.destroyed


def test_after_an_interrupt_the_next_file_is_not_begun(lab: Lab) -> None:
    controller = lab.start(lab.run_command("--json", long_one(lab), lab.manifest("two")))
    lab.until("phase.started", controller)
    done = interrupt(controller)
    assert done.code == 4, done
    assert [each["experiment"] for each in json.loads(done.out)] == ["one"]
    assert not list(lab.runs.glob("*-two-*"))
