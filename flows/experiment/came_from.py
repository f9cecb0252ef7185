"""Where a flow run came from, into its run's folder."""

from typing import Any

from prefect.context import FlowRunContext

from chaos.history import origin
from chaos.runs.directory import Run
from flows.prefect.labels import BY, PUSH


def note_origin(run: Run, source: str, by: str | None) -> None:
    """Write what this flow run knows. `by` is who called the flow in this process; None when a worker did."""
    context = FlowRunContext.get()
    known: dict[str, Any] = {"source": source, "started_by": by}
    if context is not None and (flow_run := context.flow_run) is not None:
        scheduled = "schedule" if flow_run.auto_scheduled else None
        scheduled = PUSH if PUSH in flow_run.tags else scheduled
        known["flow_run"] = str(flow_run.id)
        known["started_by"] = str(flow_run.labels.get(BY) or by or scheduled or "prefect")
        if flow_run.expected_start_time is not None:
            known["created_ms"] = int(flow_run.expected_start_time.timestamp() * 1000)
        for name in ("repository", "commit"):
            if isinstance(value := (context.parameters or {}).get(name), str):
                known[name] = value
    origin.note(run, **known)
