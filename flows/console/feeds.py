"""What happens in a run, as it happens: one projection of its journal for all who look on, resumable by id.

A feed reads what was added to the journal ten times a second, while somebody looks. Everything that is sent stays in
it until a minute after the last one left, so that a slow reader loses nothing and a resumed one begins where it was.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from time import monotonic
from typing import Any

from chaos.errors import ChaosLabError
from chaos.live.items import End, Frame, LogEntry, Mark, StepFidelity
from chaos.live.items import Item as Live
from chaos.live.reading import JournalReader
from flows.console.desk import Desk
from flows.console.finding import Found
from flows.console.people import Person
from flows.console.problems import Refused
from flows.console.routes_runs import seen_now
from flows.console.viewing import state_of

LOOK_EVERY_S = 0.1
ASK_EVERY_S = 1.0
"""Prefect, for the run's state."""
LINGERS_S = 60.0
STREAMS_EACH, STREAMS = 16, 64

_KINDS: Mapping[type, str] = {
    Frame: "frame",
    Mark: "mark",
    StepFidelity: "delivered",
    LogEntry: "log",
    End: "segment",
}
"""What is made of a journal -> the name of its event in the stream."""


@dataclass(frozen=True, slots=True)
class Item:
    """One event of the stream; without an id, one that is not resumed from."""

    event: str
    data: Mapping[str, Any]
    id: str | None = None


@dataclass(slots=True)
class Feed:
    """Of one run."""

    desk: Desk
    id: str
    items: list[Item] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    """The id of an item -> its place among them."""
    over: bool = False
    looking: int = 0
    left: float = 0.0
    """When the last one left."""
    caught_up: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once everything that had happened when it began is among the items."""
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _state: tuple[Any, ...] = ()

    @contextmanager
    def looked_at(self) -> Iterator[None]:
        """Somebody looks while the block lasts."""
        self.looking += 1
        try:
            yield
        finally:
            self.looking -= 1
            self.left = monotonic()

    async def since(self, at: int) -> AsyncIterator[Item]:
        """Everything from that place on; ends with the run."""
        while True:
            more = self._more
            while at < len(self.items):
                yield self.items[at]
                at += 1
            if self.over:
                return
            await more.wait()

    def place(self, id: str | None) -> int:
        """Where the next one is. Raises Refused for an id that is none of this run."""
        if id is None:
            return 0
        if id not in self.places:
            raise Refused("bad-request", "Last-Event-ID: no event of this run has this id")
        return self.places[id] + 1

    async def go_on(self) -> None:
        """Follow the run to its end."""
        try:
            await self._follow()
        except Refused as refused:
            self._add(Item("problem", {"type": f"/problems/{refused.kind}", "detail": refused.detail}))
        finally:
            self.over = True
            self.caught_up.set()
            self._wake()

    async def _follow(self) -> None:
        asked, found, reading = float("-inf"), None, None
        while True:
            if monotonic() - asked >= ASK_EVERY_S:
                found, asked = await self.desk.finder.find(self.id), monotonic()
                self._tell_state(found)
            assert found is not None
            if found.run is not None:
                reading = reading or JournalReader(found.run.journal)
                await self._look(reading, over=found.ended)
            self.caught_up.set()
            self._wake()
            if found.ended:
                await self._end(found)
                return
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self, reading: JournalReader, *, over: bool) -> None:
        """Take in what was added to the journal. Raises Refused."""
        try:
            made = await asyncio.to_thread(reading.look)
        except ChaosLabError as error:
            raise Refused("conflict", f"its journal cannot be read: {error}") from error
        for number, live in (*made, *(reading.close() if over else ())):
            self._add(Item(_KINDS[type(live)], _plain(live), f"{live.segment}:{number}"))

    def _tell_state(self, found: Found) -> None:
        state = state_of(found)
        if self._state != (state, found.state_message):
            self._state = (state, found.state_message)
            self._add(Item("state", {"state": state, "reason": found.state_message}))

    async def _end(self, found: Found) -> None:
        run = await seen_now(self.desk, found)
        kept = ("id", "run_id", "outcome", "verdict", "why", "ended_at")
        self._add(Item("end", run.model_dump(include=set(kept))))

    def _add(self, item: Item) -> None:
        if item.id is not None:
            self.places[item.id] = len(self.items)
        self.items.append(item)

    def _wake(self) -> None:
        more, self._more = self._more, asyncio.Event()
        more.set()


def _plain(live: Live) -> dict[str, Any]:
    return {name: value for name, value in asdict(live).items() if value is not None}


@dataclass(slots=True)
class Feeds:
    """Those of one console."""

    _feeds: dict[str, tuple[Feed, "asyncio.Task[None]"]] = field(default_factory=dict)
    _streams: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def stream(self, person: Person) -> Iterator[None]:
        """Somebody looks while the block lasts. Raises Refused for too many."""
        mine = self._streams.get(person.name, 0)
        if mine >= STREAMS_EACH or sum(self._streams.values()) >= STREAMS:
            raise Refused("too-many", f"{mine} streams of {person.name} are open", retry_after_s=5)
        self._streams[person.name] = mine + 1
        try:
            yield
        finally:
            self._streams[person.name] -= 1

    def of(self, desk: Desk, found: Found) -> Feed:
        """The one of that run, begun when nobody looks yet."""
        self._forget()
        if found.id not in self._feeds:
            feed = Feed(desk, found.id)
            self._feeds[found.id] = feed, asyncio.create_task(feed.go_on())
        return self._feeds[found.id][0]

    def _forget(self) -> None:
        """Those that nobody has looked at for a minute."""
        for id, (feed, task) in list(self._feeds.items()):
            if not feed.looking and feed.left and monotonic() - feed.left > LINGERS_S:
                task.cancel()
                del self._feeds[id]
