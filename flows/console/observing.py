"""What the history learns of runs that this console did not start: from Prefect, and from this machine's folders.

A look costs Prefect one question, two when something has ended. It is made when a list is asked for, at most once a
second, and every half minute in any case.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from chaos.history.errors import HistoryError, RunNotIndexed
from chaos.history.models import RunRow
from chaos.history.store import History
from flows.console.conductor import Conductor, label
from flows.console.finding import asked
from flows.console.problems import Refused
from flows.console.underway import is_readable, local_runs
from flows.console.viewing import experiment_of, ms_of, started_by, state_called
from flows.prefect.labels import FOLDER, RUN
from flows.prefect.states import LIVE, ended_as

AT_MOST_EVERY_S = 1.0
AT_LEAST_EVERY_S = 30.0
_BACK_S = 3600.0 * 24 * 7
_OVERLAP_S = 60.0
_FACTS = ("journal.ndjson", "day.ndjson")
_LOG = logging.getLogger("chaoslab.console")


@dataclass(slots=True)
class Observer:
    """Keeps the history up with Prefect."""

    conductor: Conductor
    history: History
    _looked: float = float("-inf")
    _ended_since: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(seconds=_BACK_S))
    _taken: set[str] = field(default_factory=set)
    _seen: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self) -> None:
        """Look, unless somebody just did. Raises Refused."""
        async with self._lock:
            if monotonic() - self._looked < AT_MOST_EVERY_S:
                return
            await self._look()
            self._looked = monotonic()

    def changed(self) -> None:
        """Something was just started or stopped here: the next look is made at once."""
        self._looked = float("-inf")

    async def keep_looking(self) -> None:
        """Every now and then, until cancelled."""
        while True:
            try:
                await self.look()
            except Refused as refused:
                _LOG.warning("the history is not up to date: %s", refused.detail)
            await asyncio.sleep(AT_LEAST_EVERY_S)

    async def _look(self) -> None:
        begun = datetime.now(UTC)
        soon = {"before_": (begun + timedelta(minutes=1)).isoformat()}
        live = await self.conductor.runs(
            {"state": {"type": {"any_": list(LIVE)}}, "expected_start_time": soon}
        )
        for each in live:
            await self._note(each)
        since = (self._ended_since - timedelta(seconds=_OVERLAP_S)).isoformat()
        ended = await self.conductor.ended_since(since)
        known = {each["id"] for each in (*live, *ended)}
        rows = await asked(self.history.live)
        gone = [row.flow_run for row in rows if row.flow_run and row.flow_run not in known]
        for each in (*ended, *await self.conductor.due(gone)):
            await self._end(each)
        await self._local([row for row in rows if not row.flow_run])
        self._taken &= {each["id"] for each in ended}
        self._ended_since = begun

    async def _note(self, run: Mapping[str, Any]) -> None:
        row = row_of(run)
        seen = (row.state, row.run_id, row.folder, row.worker)
        if self._seen.get(row.id) != seen:
            await asked(self.history.observe, row)
            self._seen[row.id] = seen

    async def _end(self, run: Mapping[str, Any]) -> None:
        if run.get("state_type") in LIVE or run["id"] in self._taken:
            return
        await asked(self.history.observe, row_of(run))
        run_id, folder = label(run, RUN), label(run, FOLDER)
        if run_id and folder and any(is_readable(Path(folder), run_id, each) for each in _FACTS):
            await self._put(Path(folder))
        self._taken.add(run["id"])
        self._seen.pop(run["id"], None)

    async def _put(self, folder: Path) -> None:
        try:
            await asyncio.to_thread(self.history.put, folder)
        except RunNotIndexed as error:
            _LOG.warning("not taken into the history: %s", error)
        except HistoryError as error:
            raise Refused("store-away", str(error)) from error

    async def _local(self, rows: Iterable[RunRow]) -> None:
        """Runs of this machine without Prefect."""
        here = {
            id: said for id, said in (await asyncio.to_thread(local_runs)).items() if not said.get("flow_run")
        }
        for run_id, said in here.items():
            if self._seen.get(run_id) is None:
                await asked(self.history.observe, _local_row(run_id, str(said["folder"])))
                self._seen[run_id] = (run_id,)
        for row in rows:
            if row.run_id and row.folder and row.run_id not in here:
                if (Path(row.folder) / "result.json").is_file():
                    await self._put(Path(row.folder))
                self._seen.pop(row.run_id, None)


def row_of(run: Mapping[str, Any]) -> RunRow:
    """What Prefect says of a run, as the history keeps it."""
    parameters, state = run.get("parameters") or {}, state_called(run.get("state_type"))
    outcome, verdict = _learnt(run) if state == "ended" else (None, None)
    return RunRow(
        id=run["id"],
        flow_run=run["id"],
        run_id=label(run, RUN),
        folder=label(run, FOLDER),
        experiment=experiment_of(run),
        repository=parameters.get("repository"),
        commit=parameters.get("commit"),
        source=parameters.get("manifest") if not parameters.get("scenario") else None,
        started_by=started_by(run),
        state=state,
        outcome=outcome,
        verdict=verdict,
        why=((run.get("state") or {}).get("message") or None) if state == "ended" else None,
        seed=parameters.get("seed"),
        overridden=bool(parameters.get("hold") or parameters.get("intensity"))
        and not parameters.get("scenario"),
        created_ms=ms_of(run.get("created")) or 0,
        started_ms=ms_of(run.get("start_time")),
        ended_ms=ms_of(run.get("end_time")),
    )


def _local_row(run_id: str, folder: str) -> RunRow:
    began = datetime.now(UTC)
    with suppress(ValueError):
        began = datetime.strptime(run_id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    ms = round(began.timestamp() * 1000)
    return RunRow(
        id=run_id,
        run_id=run_id,
        experiment=run_id[16:-7],
        folder=folder,
        state="running",
        started_by="terminal",
        created_ms=ms,
        started_ms=ms,
    )


def _learnt(run: Mapping[str, Any]) -> tuple[str, str]:
    outcome, verdict = ended_as(str(run.get("state_name")))
    return outcome.value, verdict.value
