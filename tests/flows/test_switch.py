"""The switch in Prefect, and the cancelling of a flow run, against a real server: the fault is undone all the same."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.logging import disable_run_logger
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Cancelling

from chaos.analysis.result import Result
from chaos.errors import ChaosLabError
from chaos.events import Event
from chaos.manifests.load import load
from chaos.planning.plan import plan
from chaos.runner.observer import RunObserver
from chaos.runs.journal import Journal
from chaos.runs.kill_switch import Halt, Halted
from flows.experiment.from_terminal import run_with_prefect
from flows.prefect import kill_switch_admin as switching
from flows.prefect.kill_switch import CANCELLED, _Look
from flows.server.api import Api
from flows.server.local import speaking_to
from tests.flows.manifests import killed
from tests.flows.test_experiment import seen
from tests.prometheus_fixture import free_port

ENDED_WITHIN_S = 5.0
CANCELLED_WITHIN_S = 10.0


@pytest.fixture
def halting(prefect_server: Api) -> Iterator[Callable[[], None]]:
    """Turns the switch of that server on; it is off afterwards."""
    try:
        yield lambda: switching.turn_on(prefect_server.url, Halt("too hot", "me"))
    finally:
        switching.turn_off(prefect_server.url)


def interrupted(folder: Path, act: Callable[[RunObserver], None]) -> tuple[Result, float]:
    """A run through Prefect, to which something is done when its fault is in place, and when that was done."""
    acted: list[float] = []

    def on_event(event: Event) -> None:
        if event.type == "fault.injected":
            asyncio.get_running_loop().run_in_executor(None, act, observer)
            acted.append(time.time())

    [loaded] = load(killed(folder, hold="1m"))
    observer = RunObserver(on_event)
    result = asyncio.run(run_with_prefect(plan(loaded), folder / "runs", observer))
    return result, acted[0]


def ended_well(folder: Path, result: Result) -> float:
    """Check that it was stopped, undone and closed; when it was over."""
    (path,) = (folder / "runs").glob("*/journal.ndjson")
    events = list(Journal(path).events())
    (recovered,) = [event for event in events if event.type == "fault.recovered"]
    assert (recovered.data["because"], recovered.data["residue"]) == ("stopped", [])
    assert (result.outcome, result.sandbox.destroyed) == ("aborted", True)
    assert (path.parent / "result.json").exists()
    return events[-1].at


def flow_run_of(result: Result) -> FlowRun:
    return seen(result)[0]


def test_a_variable_halts_what_runs_and_refuses_the_next(
    halting: Callable[[], None], prefect_server: Api, tmp_path: Path
) -> None:
    others = set(
        switching.until_ended(prefect_server.url, 0.0)
    )  # those of tests before this one on the same server
    result, halted_at = interrupted(tmp_path, lambda observer: halting())

    assert ended_well(tmp_path, result) - halted_at < ENDED_WITHIN_S
    assert "halted by me: too hot" in result.why
    run = flow_run_of(result)
    assert run.state is not None
    assert (run.state.type.value, run.state.name) == ("FAILED", "Aborted")
    [loaded] = load(killed(tmp_path))
    with pytest.raises(Halted, match=r"the variable chaoslab_halt of .*`chaoslab resume`"):
        asyncio.run(run_with_prefect(plan(loaded), tmp_path / "late", RunObserver()))
    assert not (tmp_path / "late").exists()
    found = switching.halted(prefect_server.url)
    assert found is not None
    assert (found.reason, found.by) == ("too hot", "me")
    assert switching.turn_off(prefect_server.url)
    assert not switching.turn_off(prefect_server.url)
    assert switching.halted(prefect_server.url) is None
    assert set(switching.until_ended(prefect_server.url, 0.0)) <= others


def test_a_flow_run_that_is_cancelled_undoes_its_fault_and_ends_as_cancelled(
    prefect_server: Api, tmp_path: Path
) -> None:
    def cancel(observer: RunObserver) -> None:
        assert observer.run is not None
        asyncio.run(_cancel(f"killed-{observer.run.id[-6:]}", prefect_server.url))

    result, cancelled_at = interrupted(tmp_path, cancel)

    assert ended_well(tmp_path, result) - cancelled_at < CANCELLED_WITHIN_S
    assert CANCELLED in result.why
    run = flow_run_of(result)
    assert run.state is not None
    assert (run.state.type.value, run.state.message) == ("CANCELLED", result.why)


async def _cancel(name: str, url: str) -> None:
    with speaking_to(url):
        async with get_client() as client:
            [run] = [each for each in await client.read_flow_runs() if each.name == name]
            await client.set_flow_run_state(run.id, Cancelling())


def test_a_signal_to_end_undoes_the_fault_too(prefect_server: Api, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    result, _ = interrupted(tmp_path, lambda observer: os.kill(os.getpid(), signal.SIGTERM))

    ended_well(tmp_path, result)
    assert "told to end by a signal" in result.why
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_api_that_is_away_ends_nothing() -> None:
    nobody = {PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api", PREFECT_CLIENT_MAX_RETRIES: 0}

    async def looks() -> tuple[Halt | None, str | None]:
        async with get_client() as client:
            look = _Look(client, str(UUID(int=1)))
            halt, cancelled = await asyncio.gather(look.halted(), look.cancelled())
            return halt, cancelled

    with temporary_settings(nobody), disable_run_logger():
        assert asyncio.run(looks()) == (None, None)


def test_the_commands_say_when_the_api_is_away() -> None:
    url = f"http://127.0.0.1:{free_port()}/api"
    with (
        temporary_settings({PREFECT_API_URL: url}),
        pytest.raises(ChaosLabError, match="only this machine is told"),
    ):
        switching.api_in_use()
