"""Limits in Prefect: who holds their places, and which places nobody holds.

A server counts places, and does not say whose they are. Who holds one is known by the flow runs that are under way: of
a deployment its own, of a repository those that carry the limit's label. What is counted beyond them is stuck: a server
that kept its leases in memory was started anew, or a state was changed by hand.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prefect.client.orchestration import PrefectClient

from flows.prefect.concurrency import LIMIT
from flows.prefect.labels import PLACE
from flows.prefect.places import give_back
from flows.prefect.states import CANCELLING, PENDING, RUNNING

DEPLOYMENT = "deployment:"
"""How Prefect calls the limit of a deployment; its id follows."""
LOOKS_APART_S = 5.0
"""A run may hold a place for a moment before it says so."""
_PAGE = 200


@dataclass(frozen=True, slots=True)
class LimitInUse:
    """One limit, as it is now."""

    name: str
    most: int
    taken: int
    holders: tuple[str, ...]
    """Names of the flow runs that hold a place."""

    @property
    def stuck(self) -> int:
        """Places that are counted, and that nobody holds."""
        return max(0, self.taken - len(self.holders))

    def __str__(self) -> str:
        whose = ", ".join(self.holders) or "nobody"
        stuck = f"; {self.stuck} stuck" if self.stuck else ""
        return f"{self.name}: {self.taken} of {self.most} place(s) taken, by {whose}{stuck}"


async def limits(client: PrefectClient) -> list[LimitInUse]:
    """All of ours that have a place taken, by name. Raises what Prefect's client raises."""
    counted = await _pages(client, "/v2/concurrency_limits/filter", {})
    taken = [
        each for each in counted if each["active_slots"] and each["name"].startswith((LIMIT, DEPLOYMENT))
    ]
    if not taken:
        return []
    states = {"type": {"any_": [PENDING, RUNNING, CANCELLING]}}
    runs = await _pages(client, "/flow_runs/filter", {"flow_runs": {"state": states}})
    return seen(taken, runs)


def seen(counted: Iterable[Mapping[str, Any]], runs: Iterable[Mapping[str, Any]]) -> list[LimitInUse]:
    """The limits, and of these flow runs, which are under way, those that hold their places."""
    holders: dict[str, list[str]] = {}
    for run in runs:
        held = [name.removeprefix(PLACE) for name in run.get("labels") or {} if name.startswith(PLACE)]
        own = [f"{DEPLOYMENT}{run['deployment_id']}"] if run.get("deployment_id") else []
        for name in (*held, *own):
            holders.setdefault(name, []).append(run["name"])
    return sorted(
        (
            LimitInUse(
                each["name"],
                each["limit"],
                each["active_slots"],
                tuple(sorted(holders.get(each["name"], ()))),
            )
            for each in counted
        ),
        key=lambda one: one.name,
    )


async def free_stuck(client: PrefectClient, apart_s: float = LOOKS_APART_S) -> list[LimitInUse]:
    """Free what is stuck at two looks; those limits, as they were. Raises what Prefect's client raises."""
    before = {each.name: each.stuck for each in await limits(client) if each.stuck}
    if not before:
        return []
    await asyncio.sleep(apart_s)
    freed = []
    for each in await limits(client):
        if places := min(before.get(each.name, 0), each.stuck):
            await give_back(client, each.name, places)
            freed.append(each)
    return freed


async def _pages(client: PrefectClient, path: str, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        body = {**wanted, "limit": _PAGE, "offset": len(found)}
        page = (await client.request("POST", path, json=body)).json()  # type: ignore[arg-type]
        found += page
        if len(page) < _PAGE:
            return found
