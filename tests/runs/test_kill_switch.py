"""The switch of one machine: a file that ends every experiment under way and lets none begin."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.analysis.result import Result
from chaos.cli.run_experiment import directly
from chaos.errors import ChaosLabError
from chaos.events import Event
from chaos.manifests.load import load
from chaos.planning.plan import plan
from chaos.runner.observer import RunObserver
from chaos.runs import kill_switch as switch
from chaos.runs.active import active_ids
from chaos.runs.cancellation import Stop
from chaos.runs.journal import Journal
from chaos.runs.kill_switch import Halt, Halted, heeded
from tests.lab import KILL, Ended, Lab, lab

COUNT = 8
ENDED_WITHIN_S = 5.0
INJECTED_WITHIN_S = 90.0


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of our own."""
    monkeypatch.setenv("CHAOSLAB_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def at_work(tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setenv("CHAOSLAB_RUNTIME_DIR", str(tmp_path / "boxes"))
    with lab(tmp_path) as made:
        made.variables["CHAOSLAB_STATE_DIR"] = str(state)
        yield made


@pytest.mark.parametrize("value", [None, False, "", 0, "0", "False", " off ", "no", "null"])
def test_what_a_person_writes_to_say_no_does_not_halt(value: Any) -> None:
    assert Halt.read(value, "a variable") is None


@pytest.mark.parametrize(
    ("value", "reason"),
    [(True, ""), ("lunch", "lunch"), (1, "1"), ({}, ""), ({"reason": "hot", "of": 1}, "hot"), ([], "[]")],
)
def test_everything_else_halts(value: Any, reason: str) -> None:
    found = Halt.read(value, "a variable")
    assert found is not None
    assert (found.reason, found.where) == (reason, "a variable")


def test_it_is_on_until_it_is_off(state: Path) -> None:
    assert switch.halted() is None
    made = switch.halt("too hot", "me@here")
    assert switch.halted() == made
    assert str(made) == f"halted by me@here at {made.at}: too hot"
    assert str(made.refusal()) == (
        f"{made} ({state / 'halt.json'}); `chaoslab resume` lets experiments begin again"
    )
    assert (switch.resume(), switch.resume(), switch.halted()) == (True, False, None)


@pytest.mark.parametrize(("text", "reason"), [("", ""), ("stop!\n", "stop!"), ("{", "{"), ('"now"', "now")])
def test_a_file_written_by_hand_halts_as_well(state: Path, text: str, reason: str) -> None:
    state.mkdir()
    switch.file().write_text(text)
    found = switch.halted()
    assert found is not None
    assert found.reason == reason


def test_a_machine_that_cannot_be_halted_says_so(state: Path) -> None:
    state.write_text("in the way")
    with pytest.raises(ChaosLabError, match="cannot halt this machine: "):
        switch.halt("", "me")


def test_nothing_begins_while_it_is_on(state: Path) -> None:
    switch.halt("too hot", "me")

    async def begin() -> None:
        async with heeded(Stop()):
            raise AssertionError("it began")

    with pytest.raises(Halted, match=r"halted by me at .*: too hot .*halt.json"):
        asyncio.run(begin())


def test_a_stop_keeps_its_first_reason_and_is_followed(state: Path) -> None:
    async def scene() -> tuple[str, str]:
        first, second = Stop(), Stop()
        following = asyncio.create_task(second.follow(first))
        first.set("one")
        first.set("two")
        await following
        return first.why, second.why

    assert asyncio.run(scene()) == ("one", "one")


def test_eight_experiments_end_within_five_seconds_and_no_other_begins(at_work: Lab) -> None:
    halted = asyncio.run(_halt_in_the_middle(at_work))

    halted_at = switch.file().stat().st_mtime
    journals = [list(Journal(path).events()) for path in at_work.runs.glob("*/journal.ndjson")]
    assert len(journals) == COUNT
    for events in journals:
        (recovered,), (ended,) = _of(events, "fault.recovered"), _of(events, "run.ended")
        assert (recovered.data["because"], recovered.data["residue"]) == ("stopped", [])
        assert ended.data["outcome"] == "aborted"
        assert ended.at - halted_at < ENDED_WITHIN_S
    results = [json.loads(path.read_text()) for path in at_work.runs.glob("*/result.json")]
    assert len(results) == COUNT
    assert all("halted by" in each["why"] and ": too hot" in each["why"] for each in results)
    assert halted.code == 0, halted.err
    assert "no run is under way any more" in halted.out

    refused = at_work.run(at_work.manifest("late"))
    assert refused.code == Halted.exit_code
    refused.assert_explained("halted by", ": too hot", "`chaoslab resume`")
    assert len(list(at_work.runs.iterdir())) == COUNT
    assert at_work.chaoslab("resume").code == 0
    assert switch.halted() is None


def _of(events: list[Event], type_: str) -> list[Event]:
    return [event for event in events if event.type == type_]


async def _halt_in_the_middle(at_work: Lab) -> Ended:
    """`chaoslab halt`, when all have their fault in place; ends when they have."""
    injected: set[str] = set()
    all_injected = asyncio.Event()

    def running(index: int) -> Coroutine[Any, Any, Result]:
        name = f"run-{index}"

        def on_event(event: Event) -> None:
            if event.type == "fault.injected":
                injected.add(name)
            if len(injected) == COUNT:
                all_injected.set()

        [loaded] = load(at_work.manifest(name, method=[{**KILL, "hold": "1m"}]))
        return directly(plan(loaded), at_work.runs, RunObserver(on_event))

    tasks = [asyncio.create_task(running(index)) for index in range(COUNT)]
    async with asyncio.timeout(INJECTED_WITHIN_S):
        await all_injected.wait()
    assert len(active_ids()) == COUNT
    done = await asyncio.to_thread(at_work.chaoslab, "halt", "--reason", "too hot", "--wait", "60")
    await asyncio.gather(*tasks)
    return done
