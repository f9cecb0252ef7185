"""What changes in the lists, for whoever keeps one open: one look a second for all of them, while somebody looks."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from chaos.history.models import Filters
from chaos.runs import kill_switch as switch
from flows.console.desk import Desk
from flows.console.finding import asked
from flows.console.problems import Refused
from flows.console.viewing import iso_ms, summary
from flows.console.workers import is_online

Topic = Literal["runs", "halt", "workers", "game-days"]
TOPICS: tuple[Topic, ...] = get_args(Topic)
EVERY_S = 1.0
_NEWEST, _DAYS = 100, 20
_WAITING = 256
"""Changes that a slow reader may be behind; then it is told to ask for the lists again."""
Change = dict[str, Any]


@dataclass(slots=True)
class Overview:
    """Of one console."""

    _known: dict[tuple[str, str], Change] = field(default_factory=dict)
    _readers: "list[asyncio.Queue[Change]]" = field(default_factory=list)
    _task: "asyncio.Task[None] | None" = None

    async def changes(self, desk: Desk, topics: frozenset[str]) -> AsyncGenerator[tuple[str, Change]]:
        """(event, data): everything as it is now, then what changes."""
        with self._reading(desk) as queue:
            for each in list(self._known.values()):
                queue.put_nowait(each)
            while change := await queue.get():
                if "topic" not in change:
                    yield "gap", change
                elif change["topic"] in topics:
                    yield "changed", change

    def close(self) -> None:
        """The console ends: whoever looks on is let go."""
        for queue in self._readers:
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait({})

    @contextmanager
    def _reading(self, desk: Desk) -> "Iterator[asyncio.Queue[Change]]":
        queue: asyncio.Queue[Change] = asyncio.Queue(_WAITING + _NEWEST * 2)
        self._readers.append(queue)
        if self._task is None:
            self._task = asyncio.create_task(self._look_on(desk))
        try:
            yield queue
        finally:
            self._readers.remove(queue)
            if not self._readers and self._task is not None:
                self._task.cancel()
                self._task = None
                self._known.clear()

    async def _look_on(self, desk: Desk) -> None:
        while True:
            try:
                async for topic, id, item in _everything(desk):
                    self._tell({"topic": topic, "id": id, "item": item})
            except Refused as refused:
                self._tell({"topic": "halt", "id": "problem", "item": {"detail": refused.detail}})
            await asyncio.sleep(EVERY_S)

    def _tell(self, change: Change) -> None:
        key = (change["topic"], change["id"])
        if self._known.get(key) == change:
            return
        self._known[key] = change
        for queue in self._readers:
            if queue.qsize() >= _WAITING:
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait({"detail": "too slow: ask for the lists again"})
            queue.put_nowait(change)


async def _everything(desk: Desk) -> AsyncGenerator[tuple[Topic, str, Any]]:
    """(topic, id, summary) of what is newest, the history's first. Raises Refused."""
    await desk.observer.seen()
    page = await asked(desk.history.page, Filters(), _NEWEST)
    for run in page.items:
        yield "runs", run.run.id, summary(run, desk.conductor).model_dump()
    for day in await asked(desk.history.days, _DAYS):
        said = {
            "id": day.id,
            "name": day.name,
            "state": day.state,
            "verdict": day.verdict,
            "score": day.score,
        }
        yield "game-days", day.id, {**said, "ended_at": iso_ms(day.ended_ms)}
    halt = switch.halted() or await desk.conductor.halted()
    yield "halt", "halt", {"halted": halt is not None, "words": str(halt or "")}
    for worker in await desk.conductor.workers():
        name = str(worker.get("name"))
        yield "workers", name, {"name": name, "status": "online" if is_online(worker) else "offline"}
