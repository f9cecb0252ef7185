"""A run by either of its names, from wherever something is known of it: Prefect, its folder, the history."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from chaos.analysis.result import Result
from chaos.history.errors import Gone, HistoryError
from chaos.history.models import Detail
from chaos.history.store import History
from chaos.runs.directory import Run
from flows.console.conductor import Conductor, label
from flows.console.problems import Refused
from flows.console.underway import Journals, Told, is_readable, local_runs
from flows.prefect.labels import FOLDER, RUN
from flows.prefect.states import LIVE

P = ParamSpec("P")
T = TypeVar("T")
_RUN_ID = re.compile(r"\d{8}-\d{6}-[a-z0-9][-a-z0-9.]{0,250}-[0-9a-f]{6}")
_MOST_RESULT_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Found:
    """All that is known of one run."""

    id: str
    flow_run: dict[str, Any] | None
    detail: Detail | None
    run: Run | None
    """Its folder, where that is on this machine."""
    run_id: str | None
    here: bool
    """Whether a process of this machine carries it out at this moment, without Prefect."""

    @property
    def ended(self) -> bool:
        """Whether it has."""
        if self.flow_run is not None:
            return self.flow_run.get("state_type") not in LIVE
        return not self.here

    @property
    def state_name(self) -> str:
        """What Prefect calls its state; empty for one that it does not have."""
        return str((self.flow_run or {}).get("state_name") or "")

    @property
    def state_message(self) -> str:
        """What the state says."""
        return str(((self.flow_run or {}).get("state") or {}).get("message") or "")


@dataclass(frozen=True, slots=True)
class Finder:
    """Looks for runs. Methods raise Refused."""

    conductor: Conductor
    history: History
    journals: Journals

    async def find(self, id: str) -> Found:
        """By the flow run's UUID or the run id."""
        flow_run, run_id = await self._names(id)
        detail = await self._detail(id)
        if flow_run is None and detail is not None and detail.run.flow_run and detail.run.flow_run != id:
            flow_run = await self.conductor.run(detail.run.flow_run)
        run_id = (
            run_id or (label(flow_run, RUN) if flow_run else None) or (detail.run.run_id if detail else None)
        )
        here = await asyncio.to_thread(local_runs)
        if run_id is None and flow_run is not None:  # it has begun and its label is not written yet
            run_id = next(
                (each for each, said in here.items() if said.get("flow_run") == flow_run["id"]), None
            )
        if flow_run is None and detail is None and run_id not in here:
            raise Refused("not-found", "there is no run with this id")
        run = await asyncio.to_thread(_folder, flow_run, detail, run_id, here)
        mine = run_id in here and flow_run is None
        return Found(flow_run["id"] if flow_run else _id(detail, run_id), flow_run, detail, run, run_id, mine)

    async def _names(self, id: str) -> tuple[dict[str, Any] | None, str | None]:
        if uuid := as_uuid(id):
            return await self.conductor.run(uuid), None
        if not _RUN_ID.fullmatch(id):
            raise Refused("not-found", "this is neither the UUID of a flow run nor the id of a run")
        return await self.conductor.named(id), id

    async def _detail(self, id: str) -> Detail | None:
        return await asked(self.history.get, as_uuid(id) or id)

    async def told(self, found: Found) -> Told | None:
        """What its journal has said so far; None when that is not here."""
        return await asyncio.to_thread(self.journals.told, found.run) if found.run else None

    async def result_text(self, found: Found) -> str:
        """`result.json` as it is."""
        if found.run is not None and (text := await asyncio.to_thread(_read, found.run.result)):
            return text
        if not found.ended:
            raise Refused("not-finished", "its result is written when it ends", retry_after_s=2)
        try:
            kept = await asked(self.history.result, found.id)
        except Gone as error:
            raise Refused("pruned", str(error)) from error
        if kept is None:
            raise not_delivered(found)
        return kept

    async def result(self, found: Found) -> Result:
        """The same, read."""
        text = await self.result_text(found)
        try:
            return await asyncio.to_thread(Result.model_validate_json, text)
        except ValueError as error:
            raise Refused("conflict", "its result is not one of this version") from error

    def folder(self, found: Found) -> Run:
        """Its folder, with a journal in it."""
        if found.run is not None:
            return found.run
        if found.detail is not None and "journal.ndjson" in found.detail.pruned:
            raise Refused("pruned", "its journal is no longer kept")
        if not found.ended:
            raise Refused(
                "not-finished", "its journal has not begun, or is on another machine", retry_after_s=1
            )
        raise not_delivered(found)


def not_delivered(found: Found) -> Refused:
    """The answer for a run that ended elsewhere, or before it had a folder."""
    if found.run_id is None:
        said = found.state_message or "it ended before it began"
        return Refused("not-delivered", f"there are no files: {said}", more={"remedy": "POST …/again"})
    remedy = fetch(found)
    return Refused("not-delivered", "its files are on another machine", more={"remedy": remedy})


def fetch(found: Found) -> str:
    """What brings the files of a run here that another machine carried out."""
    there = label(found.flow_run, FOLDER) if found.flow_run else None
    return f"copy {there or found.run_id} here from the machine that ran it, then: chaoslab history import FOLDER"


async def asked(ask: Callable[P, T], *words: P.args, **named: P.kwargs) -> T:
    """What the history answers, asked in a thread."""
    try:
        return await asyncio.to_thread(ask, *words, **named)
    except Gone:
        raise
    except HistoryError as error:
        raise Refused("store-away", str(error), retry_after_s=5) from error


def as_uuid(id: str) -> str | None:
    """The UUID as it is usually written; None when it is none."""
    try:
        return str(UUID(id)) if len(id) in (32, 36) else None
    except ValueError:
        return None


def _folder(
    flow_run: dict[str, Any] | None, detail: Detail | None, run_id: str | None, here: dict[str, Any]
) -> Run | None:
    if run_id is None:
        return None
    places = (
        (here.get(run_id) or {}).get("folder"),
        label(flow_run, FOLDER) if flow_run else None,
        detail.run.folder if detail else None,
    )
    folder = next((Path(each) for each in places if each and is_readable(Path(each), run_id)), None)
    return Run(run_id, folder) if folder else None


def _id(detail: Detail | None, run_id: str | None) -> str:
    return detail.run.id if detail else str(run_id)


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_RESULT_BYTES + 1)
    except OSError:
        return None
    return data.decode("utf-8", "replace") if len(data) <= _MOST_RESULT_BYTES else None
