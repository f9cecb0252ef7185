"""Last run of each experiment that ended, as Prefect has it: whoever started it, wherever it ran."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from prefect.client.orchestration import PrefectClient

from chaos.gitops.account import LastRun
from chaos.gitops.observed import Deployed, Own
from flows.prefect.states import ENDED, ending_of

_PAGE, _MOST_PAGES = 200, 10
"""So many ended runs are looked through; an experiment whose last one is older counts as never run."""


async def last_runs(client: PrefectClient, deployments: Iterable[Deployed]) -> dict[str, LastRun]:
    """By the id of the deployment. Raises what Prefect's client raises."""
    ids = sorted(each.id for each in deployments)
    found: dict[str, LastRun] = {}
    if not ids:
        return found
    wanted = {
        "deployments": {"id": {"any_": ids}},
        "flow_runs": {"state": {"type": {"any_": list(ENDED)}}},
        "sort": "END_TIME_DESC",
        "limit": _PAGE,
    }
    for page in range(_MOST_PAGES):
        answer = await client.request("POST", "/flow_runs/filter", json={**wanted, "offset": page * _PAGE})
        runs = answer.json()
        for each in filter(lambda run: as_the_repository_has_it(run["parameters"]), runs):
            found.setdefault(each["deployment_id"], _last(each))
        if len(runs) < _PAGE or len(found) == len(ids):
            break
    return found


def runs_of(own: Own, runs: Mapping[str, LastRun]) -> dict[str, LastRun]:
    """Those of one repository, by the names that it uses."""
    return {name: runs[one.id] for name, one in own.deployments.items() if one.id in runs}


def as_the_repository_has_it(parameters: Mapping[str, Any]) -> bool:
    """Whether a run with these parameters says something of the experiment, not of other numbers of a person's."""
    return not parameters.get("hold") and not parameters.get("intensity")


def _last(run: dict[str, Any]) -> LastRun:
    state = run["state"]
    ended = datetime.fromisoformat(run["end_time"] or state["timestamp"])
    return LastRun(
        id=run["id"],
        state=ending_of(state["name"]),
        why=state["message"] or "",
        ended=ended.timestamp(),
        push_digest=str((run.get("labels") or {}).get("chaoslab.digest") or ""),
    )
