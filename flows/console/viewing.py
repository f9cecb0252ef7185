"""A run as it is answered: what Prefect, its journal and its result say of it, in one form."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chaos.analysis.result import Result
from chaos.history.models import Summary
from chaos.run_spec.model import RunSpec
from chaos.text.inert import inert
from chaos.verdict import RunStatus
from flows.console.answers import Progress, Run, RunDelivery, RunLinks, RunSummary, Started, State
from flows.console.conductor import Conductor, label
from flows.console.finding import Found, fetch
from flows.console.underway import Told, progress_now
from flows.prefect.labels import BY
from flows.prefect.states import ended_as, status_of
from flows.server.door.rules import API

BASE = f"{API}/v1"
_STATES: Mapping[RunStatus, State] = {
    RunStatus.QUEUED: "queued",
    RunStatus.RUNNING: "running",
    RunStatus.WAITING: "waiting",
    RunStatus.STOPPING: "stopping",
    RunStatus.ENDED: "ended",
}


def state_called(state_type: object) -> State:
    """queued, running, waiting, stopping or ended, by what Prefect calls the type of a state."""
    return _STATES[status_of(state_type)]


def state_of(found: Found) -> State:
    """queued, running, waiting, stopping or ended."""
    if found.flow_run is None:
        return _known_state(found.last_known or ("running" if found.here else "ended"))
    return state_called(found.flow_run.get("state_type"))


def links(id: str, conductor: Conductor | None, *, grafana: str | None = None) -> RunLinks:
    """Where to look further."""
    prefect = conductor.page(id) if conductor and len(id) == 36 else None
    return RunLinks(self=f"{BASE}/runs/{id}", prefect=prefect, grafana=web_link(grafana))


def web_link(address: str | None) -> str | None:
    """Only what a browser may follow; a file of some machine is no link here."""
    return address if address and address.startswith(("http://", "https://")) else None


def experiment_of(flow_run: Mapping[str, Any]) -> str:
    """What a flow run is of, before its run is known."""
    parameters = flow_run.get("parameters") or {}
    if "scenario" in parameters:
        return f"ad-hoc-{str(parameters['scenario']).replace('_', '-')}"
    return inert(str(parameters.get("name") or parameters.get("manifest") or flow_run.get("name")))


def started_by(flow_run: Mapping[str, Any]) -> str:
    """Who, or what, asked for it."""
    if said := label(flow_run, BY):
        return inert(said)
    if "push" in (flow_run.get("tags") or ()):
        return "push"
    if flow_run.get("auto_scheduled"):
        return "schedule"
    return "Prefect" if flow_run.get("deployment_id") else "terminal"


def view(
    found: Found, told: Told | None, result: Result | None, waiting_for: str | None, conductor: Conductor
) -> Run:
    """The run now."""
    state, flow_run = state_of(found), found.flow_run or {}
    outcome, verdict, why = _ended(found, result) if state == "ended" else (None, None, None)
    row = found.detail.run if found.detail else None
    parameters = flow_run.get("parameters") or {}
    return Run(
        id=found.id,
        run_id=found.run_id,
        experiment=result.experiment if result else row.experiment if row else _name(found, told),
        repository=parameters.get("repository") or (row.repository if row else None),
        commit=parameters.get("commit") or (row.commit if row else None),
        game_day=row.game_day if row else None,
        state=state,
        phase=None if state in ("ended", "queued") else told.phase if told else "starting",
        outcome=outcome,
        verdict=verdict,
        severity=result.analysis.severity if result and result.analysis else None,
        why=why,
        started_by=started_by(flow_run) if flow_run else (row.started_by if row else None) or "terminal",
        labels=dict(result.labels) if result else dict(_plan(told).labels),
        faults=_faults(result, told),
        created_at=str(flow_run.get("created") or iso_ms(row.created_ms if row else None) or ""),
        started_at=result.started_at
        if result
        else flow_run.get("start_time") or iso_ms(row.started_ms if row else None),
        ended_at=result.ended_at
        if result
        else flow_run.get("end_time") or iso_ms(row.ended_ms if row else None),
        latency_p95=result.analysis.metrics.latency_p95 if result and result.analysis else None,
        error_rate=result.load["fault"].error_rate if result and "fault" in result.load else None,
        recovery_s=result.analysis.metrics.recovery_time_seconds if result and result.analysis else None,
        links=links(found.id, conductor, grafana=result.links.dashboard if result else None),
        seed=result.seed if result else told.seed if told else parameters.get("seed"),
        hypothesis=result.hypothesis if result else _plan(told).hypothesis or None,
        doubts=result.doubts if result else [],
        progress=_progress(state, told),
        waiting_for=waiting_for,
        worker=row.worker if row else None,
        delivery=_delivery(found, state, result),
    )


def _plan(told: Told | None) -> RunSpec:
    return told.plan if told else RunSpec()


def _name(found: Found, told: Told | None) -> str:
    return str(_plan(told).experiment or experiment_of(found.flow_run or {"name": found.run_id}))


def _faults(result: Result | None, told: Told | None) -> list[str]:
    if result:
        return list(dict.fromkeys(each.fault for each in result.steps))
    return list(dict.fromkeys(step.fault.type for step in _plan(told).method))


def _ended(found: Found, result: Result | None) -> tuple[str | None, str | None, str | None]:
    if result is not None:
        return str(result.outcome), str(result.verdict), result.why
    row = found.detail.run if found.detail else None
    if row is not None and row.verdict:
        return row.outcome, row.verdict, row.why
    outcome, verdict = ended_as(found.state_name)
    return outcome, verdict, inert(found.state_message)


def _progress(state: State, told: Told | None) -> Progress:
    if state == "ended":
        return Progress(percent=100.0, eta_s=0.0)
    return Progress(percent=0.0) if told is None or state == "queued" else progress_now(told)


def _delivery(found: Found, state: State, result: Result | None) -> RunDelivery:
    report = found.run is not None and found.run.report.is_file()
    if found.note is not None and found.note.whole_ms is None and not found.note.here and state == "ended":
        why = "its worker has not delivered the rest"
        return RunDelivery(
            journal="partial", result=result is not None, report=report, why=why, remedy=fetch(found)
        )
    if found.run is not None:
        whole = "whole" if state == "ended" else "partial"
        return RunDelivery(
            journal="whole" if whole == "whole" else "partial",
            result=result is not None,
            report=report,
            why=(found.note.differs if found.note else None) or "",
        )
    if state != "ended":
        return RunDelivery(journal="none", result=False, report=False, why="nothing has arrived yet")
    pruned = found.detail is not None and "journal.ndjson" in found.detail.pruned
    remedy = None if pruned or not found.run_id else fetch(found)
    why = "its journal is no longer kept" if pruned else "its files are not on this machine"
    return RunDelivery(journal="none", result=result is not None, report=False, why=why, remedy=remedy)


def started(
    flow_run: Mapping[str, Any], experiment: str, waiting_for: str | None, conductor: Conductor
) -> Started:
    """A flow run that was asked for."""
    id = str(flow_run["id"])
    state = state_called(flow_run.get("state_type"))
    return Started(
        id=id, experiment=experiment, state=state, waiting_for=waiting_for, links=links(id, conductor)
    )


def summary(found: Summary, conductor: Conductor | None = None) -> RunSummary:
    """A row of the history."""
    row = found.run
    return RunSummary(
        id=row.id,
        run_id=row.run_id,
        experiment=row.experiment,
        repository=row.repository,
        game_day=row.game_day,
        state=_known_state(row.state),
        phase=row.phase,
        outcome=row.outcome,
        verdict=row.verdict,
        severity=row.severity,
        why=row.why,
        started_by=row.started_by,
        labels=dict(found.labels),
        faults=list(found.faults),
        created_at=iso_ms(row.created_ms) or "",
        started_at=iso_ms(row.started_ms),
        ended_at=iso_ms(row.ended_ms),
        latency_p95=row.latency_p95,
        error_rate=row.error_rate,
        recovery_s=row.recovery_s,
        links=links(row.id, conductor),
    )


def _known_state(said: str) -> State:
    return _STATES.get(RunStatus(said), "ended") if said in list(RunStatus) else "ended"


def iso_ms(ms: int | None) -> str | None:
    """Unix milliseconds as RFC 3339."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ms_of(iso: str | None) -> int | None:
    """The other way; None for nothing, or what is no time."""
    try:
        return round(datetime.fromisoformat(iso).timestamp() * 1000) if iso else None
    except ValueError:
        return None
