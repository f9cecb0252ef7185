"""Progress of a run in Prefect: the bar on its page, and its log."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from logging import LoggerAdapter
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.exceptions import PrefectException

from chaos.events import Event
from chaos.report.console import words
from chaos.report.markdown import line

Logger = logging.Logger | LoggerAdapter[Any]
API_FAILURES = (httpx.HTTPError, PrefectException, RuntimeError)
"""What Prefect's client raises when the API has gone or refuses; showing a run must never end it."""


@dataclass(slots=True)
class PhaseProgress:
    """How far the declared phases have got; take every event of the run."""

    experiment: str
    declared_s: float
    logger: Logger
    _began: float | None = None
    _phase: str = "starting"
    _api_gone: bool = False

    def __call__(self, event: Event) -> None:
        """Take one event; what a person should know of it goes to the flow run's log."""
        if event.type == "phase.started":
            self._phase = str(event.data["phase"])
            self._began = self._began or monotonic()
        if text := words(event):
            self.logger.info("%s", text)

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """A progress artifact on the page while the block lasts; without one when the API refuses."""
        try:
            artifact = await acreate_progress_artifact(
                0.0, key=f"{self.experiment}-progress", description=f"{self.declared_s:g} s of phases"
            )
        except API_FAILURES as error:
            self.logger.warning("no progress bar: %s", error)
            yield
            return
        moving = asyncio.create_task(self._move(artifact))
        try:
            yield
            await self._show(artifact, 100.0, "all phases are over")
        finally:
            moving.cancel()
            with suppress(asyncio.CancelledError):
                await moving

    async def _move(self, artifact: UUID) -> None:
        pause_s = max(1.0, self.declared_s / 100)
        while True:
            await asyncio.sleep(pause_s)
            await self._show(artifact, self.percent(), self._phase)

    async def _show(self, artifact: UUID, percent: float, phase: str) -> None:
        if self._api_gone:
            return  # Each call of a client that finds nobody costs seconds.
        try:
            await aupdate_progress_artifact(artifact, percent, description=line(phase))
        except API_FAILURES as error:
            self._api_gone = True
            self.logger.warning("the progress bar stands still: %s", error)

    def percent(self) -> float:
        """Of the declared phases, 0 to 99: only their end makes it 100."""
        if self._began is None:
            return 0.0
        return min(99.0, round(100 * (monotonic() - self._began) / max(self.declared_s, 0.001), 1))
