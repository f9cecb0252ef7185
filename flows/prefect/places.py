"""Places in a limit of Prefect: taken with a lease, and kept for as long as a run lasts, whatever the API does.

Prefect's own client gives up on a lease after three tries and ends the run that holds it. Here a server that is away is
asked again until it is back, and no run ends for its place: its fault ends by itself in any case.

A server that keeps leases in memory forgets them when it is started anew, and goes on counting their places. A lease
that it does not know though it cannot have run out yet was forgotten so: its place is given back, and taken again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Literal
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import ConcurrencyLeaseHolder

from flows.prefect.progress import API_FAILURES

LEASE_S = 60.0
"""The shortest that Prefect gives."""
RENEW_EVERY_S = 15.0
AGAIN_AFTER_S = 2.0
"""When the API did not answer."""
_ANSWERS_WITHIN_S = 10.0
_LOCKED, _GONE = 423, 410

Answer = Literal["kept", "forgotten", "over", "away"]
"""Of a lease: it goes on; the server has lost it; it has run out; nobody can say."""


class HeldPlace:
    """One place of one limit, held by this process."""

    def __init__(
        self, client: PrefectClient, name: str, lease: UUID, clock: Callable[[], float] = monotonic
    ) -> None:
        self._client, self._name, self._clock = client, name, clock
        self._lease: UUID | None = lease
        self._until = clock() + LEASE_S
        self._ghost = False
        """Whether the server counts it without any lease."""

    async def keep(self, every_s: float = RENEW_EVERY_S, again_s: float = AGAIN_AFTER_S) -> None:
        """Renew it now and again, until cancelled."""
        while True:
            await asyncio.sleep(again_s if await self.look() == "away" else every_s)

    async def look(self) -> Answer:
        """Renew it, or take it again when it was lost; never raises for what the API does."""
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                return await self._renewed()
        except (TimeoutError, *API_FAILURES):
            return "away"

    async def leave(self) -> None:
        """Give it back. Raises what Prefect's client raises, and TimeoutError: its lease then runs out."""
        async with asyncio.timeout(_ANSWERS_WITHIN_S):
            if self._lease is not None and await self._answer(self._lease) == "kept":
                await self._client.release_concurrency_slots_with_lease(self._lease)
            elif self._ghost:
                await self._give_back()
            self._lease = None

    async def _renewed(self) -> Answer:
        answer: Answer = "over" if self._lease is None else await self._answer(self._lease)
        if answer == "kept":
            return answer
        if self._ghost:
            await self._give_back()
        asked_at = self._clock()
        if (lease := await take(self._client, self._name)) is not None:
            self._lease, self._until = lease, asked_at + LEASE_S
        return answer

    async def _answer(self, lease: UUID) -> Answer:
        asked_at = self._clock()
        try:
            await self._client.renew_concurrency_lease(lease, LEASE_S)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != _GONE:
                raise
            self._lease, self._ghost = None, self._clock() < self._until
            return "forgotten" if self._ghost else "over"
        self._until = asked_at + LEASE_S
        return "kept"

    async def _give_back(self) -> None:
        await give_back(self._client, self._name, 1)
        self._ghost = False


async def give_back(client: PrefectClient, name: str, places: int) -> None:
    """Count so many fewer, whoever had them. Raises what Prefect's client raises."""
    body = {"names": [name], "slots": places}
    await client.request("POST", "/v2/concurrency_limits/decrement", json=body)


async def take(client: PrefectClient, name: str, holder: str | None = None) -> UUID | None:
    """The lease of a place, for the flow run `holder`; None when there is none now. Raises what the client raises."""
    limit = await client.read_global_concurrency_limit_by_name(name)
    if limit.active_slots >= limit.limit:
        return None  # to try in vain is a write to the server's database, each time
    who = None if holder is None else ConcurrencyLeaseHolder(type="flow_run", id=UUID(holder))
    try:
        answer = await client.increment_concurrency_slots_with_lease(
            [name], 1, "concurrency", LEASE_S, holder=who
        )
    except httpx.HTTPStatusError as error:
        if error.response.status_code == _LOCKED:
            return None  # another was quicker
        raise
    return UUID(answer.json()["lease_id"])


@asynccontextmanager
async def maintained(
    lease_id: UUID,
    lease_duration: float,
    raise_on_lease_renewal_failure: bool = False,
    suppress_warnings: bool = False,
) -> AsyncIterator[None]:
    """In place of `prefect.concurrency._leases.amaintain_concurrency_lease`, for the one run of a deployment at a time.

    The server gives that place back when the run ends, with or without its lease, so it is only renewed.
    """
    renewing = asyncio.create_task(_renewed_until_gone(lease_id, lease_duration))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)


async def _renewed_until_gone(lease: UUID, lasts_s: float) -> None:
    async with get_client() as client:
        while True:
            pause_s = AGAIN_AFTER_S
            with suppress(TimeoutError, *API_FAILURES):
                try:
                    async with asyncio.timeout(_ANSWERS_WITHIN_S):
                        await client.renew_concurrency_lease(lease_id=lease, lease_duration=lasts_s)
                    pause_s = lasts_s / 5
                except httpx.HTTPStatusError as error:
                    if error.response.status_code == _GONE:
                        return
            await asyncio.sleep(pause_s)
