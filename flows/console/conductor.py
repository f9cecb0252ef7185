"""What the console asks of Prefect: runs, deployments, workers, the switch. Plain JSON in, plain JSON out.

Every failure of the API is one problem, `prefect-away`; what it refuses is told in its own words.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from chaos.runs.kill_switch import Halt
from chaos.text.inert import inert
from flows.console.problems import Refused
from flows.prefect.examinations import PREFIX
from flows.prefect.kill_switch import halted_by
from flows.prefect.labels import RUN
from flows.prefect.progress import API_FAILURES
from flows.prefect.states import CANCELLING, PAUSED, PENDING, RUNNING
from flows.worker.infrastructure import POOL

FLOWS = ("experiment", "ad-hoc", "game-day")
_PAGE, _MOST_PAGES = 200, 10
_FRESH_S = 2.0


@dataclass(frozen=True, slots=True)
class Conductor:
    """One client of one API. Methods raise Refused."""

    client: PrefectClient
    ui_url: str
    _workers: list[tuple[float, list[dict[str, Any]]]] = field(default_factory=list)
    """Who was there a moment ago."""

    async def run(self, id: str) -> dict[str, Any] | None:
        """A flow run by its UUID; None when there is none."""
        found: dict[str, Any] | None = await self._ask("GET", f"/flow_runs/{id}", missing=None)
        return found

    async def ended_since(self, moment: str) -> list[dict[str, Any]]:
        """Flow runs of ours that ended after that, of 2,000 at most."""
        wanted = {"flows": {"name": {"any_": list(FLOWS)}}, "flow_runs": {"end_time": {"after_": moment}}}
        found: list[dict[str, Any]] = []
        for _ in range(_MOST_PAGES):
            body = {**wanted, "sort": "END_TIME_DESC", "limit": _PAGE, "offset": len(found)}
            page = await self._ask("POST", "/flow_runs/filter", body)
            found += page
            if len(page) < _PAGE:
                break
        return found

    async def runs(
        self, filters: Mapping[str, Any], limit: int = _PAGE, sort: str = "START_TIME_DESC"
    ) -> list[dict[str, Any]]:
        """Flow runs of ours."""
        wanted = {
            "flows": {"name": {"any_": list(FLOWS)}},
            "flow_runs": filters,
            "limit": limit,
            "sort": sort,
        }
        found: list[dict[str, Any]] = await self._ask("POST", "/flow_runs/filter", wanted)
        return found

    async def named(self, run_id: str) -> dict[str, Any] | None:
        """The flow run that became that run, by the name that runs are given."""
        found = await self.runs({"name": {"any_": [run_id[16:]]}}, 50)
        return next((each for each in found if (each.get("labels") or {}).get(RUN) == run_id), None)

    async def deployment(self, flow: str, name: str) -> dict[str, Any] | None:
        """A deployment by its flow and its name; None when there is none."""
        path = f"/deployments/name/{_quoted(flow)}/{_quoted(name)}"
        found: dict[str, Any] | None = await self._ask("GET", path, missing=None)
        return found

    async def deployment_by_id(self, id: str) -> dict[str, Any] | None:
        """A deployment; None when there is none any more."""
        found: dict[str, Any] | None = await self._ask("GET", f"/deployments/{id}", missing=None)
        return found

    async def deployments(self, flow: str) -> list[dict[str, Any]]:
        """All of one flow."""
        wanted: dict[str, Any] = {"flows": {"name": {"any_": [flow]}}, "sort": "NAME_ASC", "limit": _PAGE}
        found: list[dict[str, Any]] = []
        while True:
            page = await self._ask("POST", "/deployments/filter", {**wanted, "offset": len(found)})
            found += page
            if len(page) < _PAGE:
                return found

    async def start(self, deployment: str, body: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """A new flow run, or the one that its idempotency key began; and whether it is new."""
        answer = await self._answer("POST", f"/deployments/{deployment}/create_flow_run", body)
        run: dict[str, Any] = answer.json()
        return run, answer.status_code == 201

    async def cancel(self, id: str, reason: str) -> None:
        """Have it undo its fault and end; one that nobody has taken yet just ends."""
        state = {"type": CANCELLING, "name": "Cancelling", "message": reason}
        await self._ask("POST", f"/flow_runs/{id}/set_state", {"state": state, "force": False})

    async def resume(self, id: str, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Go on with a paused flow run, with what it waits for."""
        said: dict[str, Any] = await self._ask("POST", f"/flow_runs/{id}/resume", {"run_input": answer})
        return said

    async def question(self, run: Mapping[str, Any]) -> str | None:
        """What a paused flow run asks, as its page in Prefect shows it."""
        keys = ((run.get("state") or {}).get("state_details") or {}).get("run_input_keyset") or {}
        if run.get("state_type") != PAUSED or not isinstance(key := keys.get("description"), str):
            return None
        said = await self._ask("GET", f"/flow_runs/{run['id']}/input/{_quoted(key)}", missing=None)
        return inert(said)[:2000] if isinstance(said, str) else None

    async def days(self) -> list[dict[str, Any]]:
        """Game days that have begun and not ended."""
        states = {"type": {"any_": [PENDING, RUNNING, PAUSED, CANCELLING]}}
        wanted = {"flows": {"name": {"any_": ["game-day"]}}, "flow_runs": {"state": states}, "limit": _PAGE}
        found: list[dict[str, Any]] = await self._ask("POST", "/flow_runs/filter", wanted)
        return found

    async def suspend(self, deployment: str, *, suspended: bool) -> None:
        """Pause what a deployment has scheduled, or let it go on."""
        verb = "pause" if suspended else "resume"
        await self._ask("POST", f"/deployments/{deployment}/{verb}_deployment")

    async def workers(self) -> list[dict[str, Any]]:
        """The workers of our pool; as they were a moment ago, when somebody just asked."""
        if self._workers and monotonic() - self._workers[0][0] < _FRESH_S:
            return self._workers[0][1]
        found: list[dict[str, Any]] | None = await self._ask(
            "POST", f"/work_pools/{POOL}/workers/filter", {"limit": _PAGE}, missing=None
        )
        self._workers[:] = [(monotonic(), found or [])]
        return found or []

    async def examinations(self) -> list[dict[str, Any]]:
        """What machines with workers said of themselves, the newest of each."""
        wanted = {"artifacts": {"key": {"like_": f"{PREFIX}%"}}, "limit": _PAGE}
        found: list[dict[str, Any]] = await self._ask("POST", "/artifacts/latest/filter", wanted)
        return found

    async def halted(self) -> Halt | None:
        """Why the variable halts every machine, if it does."""
        try:
            return await halted_by(self.client)
        except API_FAILURES as error:
            raise away(error) from error

    async def due(self, since: Iterable[UUID | str]) -> list[dict[str, Any]]:
        """Flow runs by their ids."""
        ids = [str(each) for each in since]
        return await self.runs({"id": {"any_": ids}}) if ids else []

    def page(self, id: str) -> str:
        """Where Prefect shows a run."""
        return f"{self.ui_url}/runs/flow-run/{id}"

    async def _ask(self, verb: str, path: str, body: Mapping[str, Any] | None = None, **missing: None) -> Any:
        try:
            answer = await self._answer(verb, path, body)
        except _Missing:
            if missing:
                return None
            raise Refused("not-found", "Prefect does not have it (any more)") from None
        return answer.json() if answer.content else None

    async def _answer(self, verb: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        try:
            return await self.client.request(verb, path, json=body)  # type: ignore[arg-type]
        except (ObjectNotFound, PrefectHTTPStatusError) as error:
            raise _refused(error) from error
        except API_FAILURES as error:
            raise away(error) from error


class _Missing(Exception):
    """Prefect has no such thing."""


def away(error: Exception) -> Refused:
    """The answer when Prefect does not answer."""
    return Refused("prefect-away", f"the Prefect API failed: {type(error).__name__}", retry_after_s=5)


def _refused(error: ObjectNotFound | PrefectHTTPStatusError) -> Exception:
    if isinstance(error, ObjectNotFound) or error.response.status_code == 404:
        return _Missing()
    status = error.response.status_code
    if status in (401, 403) or status >= 500:
        return Refused("prefect-away", f"the Prefect API answered {status}", retry_after_s=5)
    return Refused("conflict", f"Prefect refuses: {_words(error.response)}")


def _words(answer: httpx.Response) -> str:
    try:
        said = answer.json()
    except ValueError:
        return str(answer.status_code)
    found = said.get("detail") or said.get("exception_message") if isinstance(said, dict) else None
    return inert(str(found or answer.status_code))[:500]


def _quoted(name: str) -> str:
    return quote(name, safe="")


def label(run: Mapping[str, Any], name: str) -> str | None:
    """A label of a flow run, when it is a text."""
    found = (run.get("labels") or {}).get(name)
    return found if isinstance(found, str) else None


def names(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """What these flow runs are called."""
    return [str(each.get("name")) for each in runs]
