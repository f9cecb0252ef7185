"""A game day as a Prefect flow: its experiments below it, a person who decides, and a deployment that runs it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import NotPausedError
from prefect.flow_runs import aresume_flow_run
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from prefect.states import Failed

from chaos.game_days.day import Day
from chaos.game_days.deciding import Answer
from chaos.game_days.record import fold, journal_of
from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.repository.source import Source
from chaos.manifests.models.game_day import ByApproval
from chaos.publish.game_day_report import revisit
from chaos.runner.observer import RunObserver
from chaos.runs.directory import Run
from chaos.verdict import Verdict
from flows.game_day.flow import game_day
from flows.game_day.stages import ask
from flows.gitops.deployments import GAME_DAY
from flows.gitops.reconciler import reconcile
from flows.prefect.handover import Handover, handed_over
from flows.server.api import Api
from tests.browser_fixture import Browser, Seen
from tests.browser_fixture import browser as browser
from tests.flows.game_days.a_day import write_day
from tests.flows.let_in import let_in
from tests.gitops.repository import Repository

PATIENCE_S = 60.0
NAMES = {
    Verdict.HELD: "Completed",
    Verdict.DEVIATED: "Deviated",
    Verdict.INCONCLUSIVE: "Inconclusive",
    None: "nothing",
}


async def answer(run: UUID, said: dict[str, Any] | None) -> None:
    """Answer as the form on the page does, as soon as the day waits; with nothing, let the time pass."""
    async with asyncio.timeout(PATIENCE_S):
        while said is not None:
            try:
                await aresume_flow_run(run, run_input=said)
            except NotPausedError:
                await asyncio.sleep(0.1)
            else:
                return


def test_a_day_runs_its_experiments_below_it_and_waits_for_a_person(
    prefect_server: Api, tmp_path: Path
) -> None:
    day, state, below = asyncio.run(_a_day(write_day(tmp_path / "experiments"), tmp_path / "runs"))
    assert (state.type, state.name) == (StateType.FAILED, "Deviated")
    assert (day.ended, day.verdict, day.not_run) == ("completed", Verdict.DEVIATED, ())
    assert [each.experiment for each in day.ran] == ["small-one", "small-weak", "small-three"]
    assert day.ran[1].verdict is Verdict.DEVIATED
    (decision,) = day.stages[0].decisions
    assert (decision.go, decision.by, decision.who, decision.why) == (True, "approval", "Ada", "looks good")
    seen = {each["name"].rpartition("-")[0]: each["state"]["name"] for each in below}
    assert seen == {each.experiment: NAMES[each.verdict] for each in day.ran}
    report = revisit(tmp_path / "runs" / day.run_id)
    assert report.links.prefect is not None
    assert report.verdict == "deviated"


async def _a_day(manifest: Path, out: Path) -> tuple[Day, State[Any], list[dict[str, Any]]]:
    ids: list[UUID] = []
    tasks: list[asyncio.Task[None]] = []

    def begun(run: Run) -> None:
        ids.append(UUID(flow_run.id))
        said = {"go": True, "who": "Ada", "why": "looks good"}
        tasks.append(asyncio.create_task(answer(ids[0], said)))

    observer = RunObserver(on_begin=begun)
    with handed_over(Handover(observer=observer)) as handover:
        state = await game_day(str(manifest), out=str(out), return_state=True)
    await asyncio.gather(*tasks)
    assert observer.run is not None
    assert handover.result == revisit(observer.run.folder)
    return fold(journal_of(observer.run.folder).events()), state, await _below(ids[0])


async def _below(parent: UUID) -> list[dict[str, Any]]:
    async with get_client() as client:
        body = {"flow_runs": {"parent_flow_run_id": {"any_": [str(parent)]}}}
        answer = await client.request("POST", "/flow_runs/filter", json=body)  # type: ignore[arg-type]
    found: list[dict[str, Any]] = answer.json()
    return found


@pytest.mark.parametrize(
    ("said", "within", "expected"),
    [
        (
            {"go": False, "who": "Grace", "why": "not today"},
            "60s",
            Answer(False, "not today", "Grace"),
        ),
        ({"go": False}, "60s", Answer(False, "refused")),
        (None, "1s", Answer(False, "nobody answered within 1s")),
    ],
    ids=["refused", "refused without a word", "timed out"],
)
def test_who_refuses_and_who_does_not_answer_end_the_day(
    prefect_server: Api, said: dict[str, Any] | None, within: str, expected: Answer
) -> None:
    async def by_the_api() -> None:
        await answer(UUID(flow_run.id), said)

    heard, state = asyncio.run(_asked(within, by_the_api))
    assert heard == expected
    assert (state.name, state.message) == ("Inconclusive", expected.why)


def test_a_person_answers_in_the_form_on_the_page(prefect_server: Api, browser: Browser) -> None:
    def fill(page: Page, seen: Seen) -> None:
        page.set_default_timeout(PATIENCE_S * 1000)
        page.get_by_role("button", name="Resume").first.click()
        form = page.get_by_role("dialog")
        expect(form.get_by_text("Shall the shop be broken?")).to_be_visible()
        form.get_by_role("switch").click()
        form.locator("textarea").first.fill("Ada")
        form.get_by_role("button", name="Submit").click()
        expect(form).to_be_hidden()

    async def by_hand() -> None:
        url = f"{prefect_server.ui_url}/runs/flow-run/{flow_run.id}"
        await asyncio.to_thread(let_in, browser, url, fill)

    heard, _ = asyncio.run(_asked("2m", by_hand))
    assert heard == Answer(True, "approved", "Ada")


async def _asked(within: str, answering: Callable[[], Awaitable[None]]) -> tuple[Answer, State[Any]]:
    """What a flow run that asks hears, and the state in which it ends."""
    heard: list[Answer] = []
    storage = get_current_settings().results.local_storage_path

    @flow(name="asks", persist_result=False, result_storage=storage)
    async def asks() -> State[Any]:
        task = asyncio.ensure_future(answering())
        question = {"type": "approval", "question": "Shall the shop be broken?", "within": within}
        heard.append(await ask("warm up", ByApproval.model_validate(question)))
        await task
        return Failed(name="Inconclusive", message=heard[0].why)

    state = await asks(return_state=True)
    return heard[0], state


def test_a_day_is_not_begun_when_it_may_not_run(prefect_server: Api, tmp_path: Path) -> None:
    manifest = write_day(tmp_path / "experiments")
    text = manifest.read_text().replace(
        "Europe/Berlin}", "Europe/Berlin, blackouts: [{from: 2000-01-01, until: 2099-12-31}]}"
    )
    manifest.write_text(text.replace('cron: "0 9 * * 2", ', ""))
    state = asyncio.run(game_day(str(manifest), out=str(tmp_path / "runs"), return_state=True))
    assert state.type is StateType.CANCELLED
    assert "is in the blackout 2000-01-01 to 2099-12-31" in (state.message or "")
    assert not (tmp_path / "runs").exists()


def test_a_push_makes_a_deployment_of_the_day(prefect_server: Api, tmp_path: Path) -> None:
    repository = Repository.make(tmp_path / "repository")
    write_day(repository.folder / "experiments/days", name="pushed")
    repository.commit()
    mirror = Mirror(Source(str(repository.folder)), tmp_path / "mirrors")
    done = asyncio.run(reconcile(mirror, tmp_path / "runs"))
    assert ("create", "pushed") in [(each.kind, each.name) for each in done.actions]
    found = asyncio.run(_deployment("pushed"))
    assert found["entrypoint"] == "flows.game_day.game_day"
    assert found["parameters"]["manifest"] == "experiments/days/day.yaml"
    assert [each["schedule"]["timezone"] for each in found["schedules"]] == ["Europe/Berlin"]
    assert list(found["parameter_openapi_schema"]["properties"]) == ["anytime"]
    again = asyncio.run(reconcile(mirror, tmp_path / "runs", sweep=True))
    assert again.actions == ()


async def _deployment(name: str) -> dict[str, Any]:
    async with get_client() as client:
        found = await client.request("GET", f"/deployments/name/{GAME_DAY}/{name}")  # type: ignore[arg-type]
    answer: dict[str, Any] = found.json()
    return answer


def test_the_flow_is_called_as_deployments_call_it() -> None:
    assert game_day.name == GAME_DAY
