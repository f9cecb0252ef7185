"""Rows from a run's folder: a function of its files alone, so that a lost index can be rebuilt.

Nothing here trusts a folder: it may be half written, of another version, somebody else's, or made to do harm. Either
all of it becomes rows, or RunNotIndexed says what is wrong.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from chaos.analysis.result import Result, StepResult
from chaos.history import files, origin
from chaos.history.errors import RunNotIndexed
from chaos.history.models import RunRow, SteadyRow, StepRow
from chaos.history.origin import Origin
from chaos.history.pruned import artifacts, remembered
from chaos.history.rows import (
    JOURNAL,
    LARGEST,
    MOST_BYTES,
    NAME,
    RESULT,
    RunRows,
    check_id,
    milliseconds,
    number,
    path_text,
    text,
)
from chaos.text.inert import one_line

MOST_PARTS = 1000
_FLOW_RUN = re.compile(r"/flow-run/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:$|[/?#])")


def take(folder: Path) -> RunRows:
    """Everything that the index keeps of a run. Raises RunNotIndexed."""
    where = path_text(folder)
    data = files.read(folder / RESULT, MOST_BYTES)
    came = origin.of(folder)
    if data is None:
        if (left := remembered(folder, where)) is not None:
            return left
        raise RunNotIndexed(_why_without(folder))
    result = _result(folder, data)
    check_id(folder, result.run_id, result.experiment)
    if max(len(result.steps), len(result.steady_state), len(result.labels)) > MOST_PARTS:
        raise RunNotIndexed(f"{where}: its result has more than {MOST_PARTS} steps, steady states or labels")
    return RunRows(
        run=_as_begun(_row(result, came, where), folder, where),
        result=data.decode(),
        model=_some(result.analysis.model) if result.analysis else None,
        labels=tuple(
            sorted({text(key, NAME): text(each, NAME) for key, each in result.labels.items()}.items())
        ),
        steps=tuple(_step(n, each) for n, each in enumerate(result.steps)),
        steady_states=tuple(
            SteadyRow(
                n=n,
                name=text(each.name, NAME),
                verdict=str(each.verdict),
                bad_share=number(each.bad_share),
                recovery_s=number(each.recovery_time_seconds),
            )
            for n, each in enumerate(result.steady_state)
        ),
        artifacts=artifacts(folder),
    )


def _some(words: str | None) -> str | None:
    return None if words is None else text(words, NAME)


def _result(folder: Path, data: bytes) -> Result:
    try:
        return Result.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = ".".join(map(str, first["loc"])) or "the whole"
        why = one_line(f"{at}: {first['msg']}")[:200]
        raise RunNotIndexed(
            f"{files.named(folder / RESULT)}: is no result of this version ({why})"
        ) from error


def _started(folder: Path) -> dict[str, Any]:
    """The facts of `run.started`, the first line of its journal; empty when that is not there to be read."""
    try:
        data = json.loads(files.first_line(folder / JOURNAL) or b"{}").get("data")
    except (ValueError, AttributeError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _as_begun(run: RunRow, folder: Path, where: str) -> RunRow:
    """With what only its journal says; when that is gone, with what was kept of it."""
    if files.seen(folder / JOURNAL) is None and (left := remembered(folder, where)) is not None:
        return replace(run, overridden=left.run.overridden, version=left.run.version)
    started = _started(folder)
    versions = started.get("versions")
    version = versions.get("chaoslab") if isinstance(versions, dict) else None
    version = _some(version) if isinstance(version, str) else None
    return replace(run, overridden=bool(started.get("overrides")), version=version)


def _row(result: Result, came: Origin, where: str) -> RunRow:
    folder = Path(where)
    begun = milliseconds(folder, result.started_at)
    flow_run = _uuid(came.flow_run) or _of_page(result.links.prefect)
    metrics = result.analysis and result.analysis.metrics
    under_fault = result.load.get("fault")
    created = came.created_ms if came.created_ms is not None and 0 <= came.created_ms <= begun else begun
    return RunRow(
        id=flow_run or result.run_id,
        run_id=result.run_id,
        flow_run=flow_run,
        experiment=result.experiment,
        repository=_some(came.repository),
        commit=_some(came.commit),
        digest=text(result.digest, NAME),
        source=_some(came.source),
        started_by=_some(came.started_by),
        outcome=str(result.outcome),
        verdict=str(result.verdict),
        severity=result.analysis.severity if result.analysis else None,
        why=text(result.why),
        seed=result.seed if result.seed is not None and abs(result.seed) <= LARGEST else None,
        created_ms=created,
        started_ms=begun,
        ended_ms=milliseconds(folder, result.ended_at),
        machine=_some(came.machine),
        worker=_some(came.worker),
        folder=where,
        store="folder",
        latency_p95=number(metrics.latency_p95) if metrics else None,
        error_rate=number(under_fault.error_rate) if under_fault else None,
        recovery_s=number(metrics.recovery_time_seconds) if metrics else None,
        cpu_peak=number(result.usage.cpu_peak_percent),
        memory_peak=number(result.usage.memory_peak_percent),
    )


def _step(n: int, step: StepResult) -> StepRow:
    """Asked against delivered: of the first number that was asked for, which `low` and `high` are about."""
    first = next((key for key, each in step.asked.items() if isinstance(each, float)), None)
    said = {key: _float(step.delivered.get(key)) for key in (first or "", "low", "high")}
    return StepRow(
        n=n,
        name=text(step.name, NAME),
        fault=text(step.fault, NAME),
        mechanism=text(step.mechanism, NAME),
        kind=text(step.kind, NAME),
        landed=step.landed,
        asked=_float(step.asked[first]) if first is not None else None,
        delivered=said[first or ""],
        low=said["low"],
        high=said["high"],
    )


def _float(value: object) -> float | None:
    return number(value) if isinstance(value, float | int) else None


def _why_without(folder: Path) -> str:
    name = files.named(folder)
    if files.seen(folder / JOURNAL) is None:
        return f"{name}: not the folder of a run: it holds no {RESULT}"
    return f"{name}: it has no result yet; when nobody carries it out any more, chaoslab gc closes it"


def _uuid(text_: str | None) -> str | None:
    try:
        return str(UUID(text_)) if text_ else None
    except ValueError:
        return None


def _of_page(link: str | None) -> str | None:
    match = _FLOW_RUN.search(link or "")
    return match[1] if match else None
