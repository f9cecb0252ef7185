"""A run as it happens: Server-Sent Events, resumable by `Last-Event-ID`."""

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from flows.console.desk import DeskOf, RunId
from flows.console.feeds import Feed
from flows.console.overview import TOPICS, Change
from flows.console.problems import Refused
from flows.console.routes_runs import Viewer

router = APIRouter(tags=["runs"])
Id = Annotated[str | None, Query(max_length=40, description="As Last-Event-ID, for clients without headers.")]
LastId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=40)]


async def _subscribed(
    id: RunId, person: Viewer, desk: DeskOf, after: Id = None, last_event_id: LastId = None
) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
    """The stream, while the request lasts; what can be refused is refused before it begins."""
    found = await desk.finder.find(id)
    with desk.feeds.stream(person):
        feed = desk.feeds.of(desk, found)
        with feed.looked_at():
            await feed.caught_up.wait()
            yield _events(feed, feed.place(last_event_id or after or None))


async def _events(feed: Feed, place: int) -> AsyncIterator[ServerSentEvent]:
    async for each in feed.since(place):
        yield ServerSentEvent(event=each.event, data=each.data, id=each.id)


@router.get("/runs/{id}/events", operation_id="stream_run", response_class=EventSourceResponse)
async def stream_run(
    events: Annotated[AsyncIterator[ServerSentEvent], Depends(_subscribed)],
) -> AsyncIterable[ServerSentEvent]:
    """Everything that happens in a run, from its beginning or after an id, to its end."""
    async for each in events:
        yield each


async def _overseen(
    person: Viewer,
    desk: DeskOf,
    topics: Annotated[str, Query(max_length=100, description="Some of runs,halt,workers,game-days.")] = "",
) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
    """The stream, while the request lasts."""
    wanted = frozenset(filter(None, topics.split(","))) or frozenset(TOPICS)
    if unknown := wanted - set(TOPICS):
        raise Refused("bad-request", f"topics: no {sorted(unknown)[0][:40]!r}; known: {', '.join(TOPICS)}")
    with desk.feeds.stream(person):
        async with aclosing(desk.overview.changes(desk, wanted)) as changes:
            yield _changed(changes)


async def _changed(changes: AsyncIterator[tuple[str, Change]]) -> AsyncIterator[ServerSentEvent]:
    async for event, data in changes:
        yield ServerSentEvent(event=event, data=data)


@router.get("/stream", operation_id="stream_lists", response_class=EventSourceResponse)
async def stream_lists(
    events: Annotated[AsyncIterator[ServerSentEvent], Depends(_overseen)],
) -> AsyncIterable[ServerSentEvent]:
    """What changes in the lists: first everything as it is, then `changed` with the new summary, until nobody looks."""
    async for each in events:
        yield each
