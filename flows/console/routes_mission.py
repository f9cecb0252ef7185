"""The mission's own routes, word for word, thin over v1: `/api/experiment/…`, and the same without `/api`."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Response

from chaos.errors import SandboxError
from chaos.sandboxes.container.engine import find
from chaos.sandboxes.names import ProviderName
from chaos.settings import Settings
from flows.console import answers
from flows.console.asked import AdHoc, MissionStart, Start
from flows.console.desk import DeskOf, RunId
from flows.console.problems import Refused
from flows.console.routes_runs import Key, Operator, Viewer, run_now
from flows.console.viewing import BASE, web_link

router = APIRouter(tags=["mission"])
_PATH = "/experiment"
Status = Literal["queued", "running", "completed", "failed"]


@router.post(f"{_PATH}/start", operation_id="mission_start", status_code=202)
async def start(
    body: MissionStart, person: Operator, desk: DeskOf, response: Response, key: Key = None
) -> answers.MissionStarted:
    """Start an experiment from a few words."""
    desk.may_start(person)
    assumed: dict[str, str] = {}
    sandbox = body.sandbox
    if sandbox is None:
        assumed["sandbox"] = sandbox = await _sandbox_for(body)
    hold = f"{body.duration}s" if isinstance(body.duration, int) else body.duration
    wish = body.model_dump(exclude={"duration", "sandbox"}, exclude_none=True)
    meant = Start(ad_hoc=AdHoc(**wish, sandbox=sandbox, hold=hold))
    begun = await desk.starter.start(meant, person, key)
    desk.observer.changed()
    id = str(begun.flow_run["id"])
    response.status_code = 202 if begun.new else 200
    response.headers["location"] = f"/api{_PATH}/{id}/status"
    return answers.MissionStarted(
        experiment_id=id,
        status="queued",
        grafana_url=None,
        status_url=f"/api{_PATH}/{id}/status",
        results_url=f"/api{_PATH}/{id}/results",
        console_url=f"{desk.address}/runs/{id}",
        prefect_url=desk.conductor.page(id),
        assumed=assumed,
    )


async def _sandbox_for(body: MissionStart) -> ProviderName:
    """Where an app or the demo shop runs when nobody says. Raises Refused."""
    if body.image is None:
        return "local"
    settings = Settings()
    try:
        await find(settings)
    except SandboxError as error:
        if settings.e2b_api_key:
            return "e2b"
        raise Refused(
            "manifest-refused",
            f"an image needs a container engine ({error}), or E2B (set E2B_API_KEY); without an image: the demo shop",
        ) from error
    return "container"


@router.get(f"{_PATH}/{{id}}/status", operation_id="mission_status")
async def status(id: RunId, person: Viewer, desk: DeskOf) -> answers.MissionStatus:
    """How far it is."""
    run = await run_now(desk, id)
    return answers.MissionStatus(
        experiment_id=run.id,
        status=_status(run),
        phase=run.phase,
        progress=run.progress.percent,
        message=_message(run),
        eta_seconds=run.progress.eta_s,
        grafana_url=run.links.grafana,
    )


@router.get(f"{_PATH}/{{id}}/results", operation_id="mission_results")
async def results(id: RunId, person: Viewer, desk: DeskOf) -> answers.MissionResults:
    """What it came to."""
    found = await desk.finder.find(id)
    result = await desk.finder.result(found)
    analysis = result.analysis
    report = await asyncio.to_thread(lambda: found.run is not None and found.run.report.is_file())
    return answers.MissionResults(
        experiment_id=found.id,
        verdict=str(result.verdict),
        why=result.why,
        summary=analysis.summary if analysis else result.why,
        metrics=analysis.metrics.model_dump() if analysis else {},
        severity=analysis.severity if analysis else None,
        recommendations=list(analysis.recommendations) if analysis else [],
        logs=[each.model_dump() for each in result.log],
        grafana_url=web_link(result.links.dashboard),
        report_url=f"{BASE}/runs/{found.id}/artifacts/report.html" if report else None,
        result=result.model_dump(mode="json"),
    )


def _status(run: answers.Run) -> Status:
    """`completed`: an answer was found. `failed`: none was."""
    if run.state == "queued":
        return "queued"
    if run.state != "ended":
        return "running"
    return "completed" if run.verdict in ("held", "deviated") else "failed"


def _message(run: answers.Run) -> str:
    if run.state == "ended":
        return f"{run.verdict}: {run.why}" if run.why else str(run.verdict)
    if run.waiting_for:
        return f"waits for {run.waiting_for}"
    return f"{run.experiment}: {run.phase}"
