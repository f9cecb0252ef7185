"""All that the routes work with, made once when the console starts."""

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from fcntl import LOCK_NB, LOCK_SH, flock
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Path, Request

from chaos.analysis.result import Result
from chaos.history.received import Received
from chaos.history.store import History
from chaos.runs.active import folder as folder_of_runs
from flows.console.conductor import Conductor
from flows.console.finding import Finder, Found
from flows.console.limits import Buckets
from flows.console.observing import Observer
from flows.console.people import Doorkeeper, Person
from flows.console.problems import Refused
from flows.console.pushes import Pushes
from flows.console.starting import Starter

if TYPE_CHECKING:
    from flows.console.feeds import Feeds
    from flows.console.overview import Overview

RunId = Annotated[str, Path(max_length=300, description="The UUID of the flow run, or the id of the run.")]


@dataclass(frozen=True, slots=True)
class Desk:
    """One console's."""

    conductor: Conductor
    history: History
    finder: Finder
    starter: Starter
    observer: Observer
    address: str
    """Of the console: `http://127.0.0.1:8000`."""
    api_url: str
    """Of the Prefect API."""
    starts: Buckets
    feeds: "Feeds"
    overview: "Overview"
    received: Received
    doorkeeper: Doorkeeper
    pushes: Pushes | None = None
    """Forges' deliveries, where they are taken."""

    def may_start(self, person: Person) -> None:
        """Raises Refused for who starts too often."""
        if wait := self.starts.take(person.name):
            raise Refused("too-many", f"{person.name} starts too often", retry_after_s=wait)

    def may_repeat(self, parameters: Mapping[str, Any]) -> None:
        """What may not be started may not be repeated. Raises Refused."""
        if "scenario" not in parameters or self.starter.adhoc == "all":
            return
        known, image = self.starter.adhoc, bool(parameters.get("image"))
        plain = not parameters.get("app") and not parameters.get("manifest")
        if not (plain and known in (("images",) if image else ("images", "shop"))):
            raise Refused("forbidden", f"CHAOSLAB_CONSOLE_ADHOC={known}: this console does not start that")

    async def result_or_none(self, found: Found) -> Result | None:
        """Its result; None when there is none here, or none yet."""
        try:
            return await self.finder.result(found)
        except Refused:
            return None

    def end_here(self, run_id: str | None) -> bool:
        """Ask the process of this machine that carries a run out to end it well; whether it was there."""
        return run_id is not None and _ask_to_end(folder_of_runs() / f"{run_id}.json")


def _ask_to_end(file: FilePath) -> bool:
    """The process that holds the lock of that file is alive, and its number nobody else's."""
    try:
        with file.open() as seen:
            try:
                flock(seen, LOCK_SH | LOCK_NB)
            except BlockingIOError:
                os.kill(int(json.load(seen)["pid"]), signal.SIGTERM)
                return True
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return False


def _desk(request: Request) -> Desk:
    found: Desk = request.app.state.desk
    return found


DeskOf = Annotated[Desk, Depends(_desk)]
