"""From what is asked for to a flow run of a deployment that exists: once for each key, never while halted."""

import asyncio
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaos.history.models import IdempotencyClaim
from chaos.history.store import History
from chaos.manifests.load import Loaded
from chaos.runs import kill_switch as switch
from chaos.text.inert import inert
from flows.console.asked import Registered, Start
from flows.console.checking import allowed, loaded_of, must_be_possible, planned
from flows.console.conductor import Conductor
from flows.console.finding import asked
from flows.console.people import Person
from flows.console.problems import Refused
from flows.experiment.ad_hoc import ad_hoc
from flows.experiment.flow import experiment
from flows.gitops.deployments import GAME_DAY
from flows.prefect.labels import BY
from flows.prefect.states import SCHEDULED
from flows.worker.infrastructure import AD_HOC

_KEY = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class Begun:
    """A flow run, and whether this request began it."""

    flow_run: Mapping[str, Any]
    experiment: str
    new: bool


@dataclass(frozen=True, slots=True)
class Starter:
    """Starts flow runs. Methods raise Refused."""

    conductor: Conductor
    history: History
    adhoc: str
    """What may be started without a repository: `all`, `images`, `shop`, `off`."""

    async def start(self, start: Start, person: Person, key: str | None) -> Begun:
        """Do it, or tell of the run that the same key began."""
        deployment, parameters, name = await self._meant(start)
        return await self.begin(deployment, parameters, name, person, key, start.model_dump_json())

    async def begin(
        self,
        deployment: str,
        parameters: Mapping[str, Any],
        name: str,
        person: Person,
        key: str | None,
        body: str,
    ) -> Begun:
        """A run of a deployment with these parameters."""
        if key is not None and not _KEY.fullmatch(key):
            raise Refused("bad-request", "Idempotency-Key: 1 to 128 visible characters of ASCII")
        claim = await self._claim(person, key, body) if key else None
        if claim is not None and claim.run and (was := await self.conductor.run(claim.run)):
            return Begun(was, name, new=False)
        wanted: dict[str, Any] = {
            "parameters": dict(parameters),
            "state": {"type": SCHEDULED},
            "labels": {BY: f"console: {person.name}"},
        }
        if key:
            digest = hashlib.sha256(f"{person.name}|{key}".encode()).hexdigest()
            wanted["idempotency_key"] = f"console:{digest}"
        try:
            await self.must_not_be_halted()
            flow_run, new = await self.conductor.start(deployment, wanted)
        except Refused:
            if key and claim is not None and claim.new:
                await asked(self.history.release, person.name, key)
            raise
        if key:
            await asked(self.history.fulfil, person.name, key, str(flow_run["id"]))
        return Begun(flow_run, name, claim.new if claim else new)

    async def must_not_be_halted(self) -> None:
        """Raises Refused while the switch is on, here or in Prefect."""
        if halt := (switch.halted() or await self.conductor.halted()):
            more = {"reason": inert(halt.reason), "by": inert(halt.by), "at": inert(halt.at)}
            raise Refused("halted", str(halt), more={k: v for k, v in more.items() if v})

    async def _claim(self, person: Person, key: str, body: str) -> IdempotencyClaim:
        digest = hashlib.sha256(body.encode()).hexdigest()
        claim: IdempotencyClaim = await asked(
            self.history.claim, person.name, key, digest, round(time.time() * 1000)
        )
        if not claim.same_body:
            raise Refused(
                "idempotency-mismatch", "this Idempotency-Key was sent with another body within 24 hours"
            )
        return claim

    async def _meant(self, start: Start) -> tuple[str, dict[str, Any], str]:
        """Deployment, parameters, and what the run will be called."""
        if (registered := start.experiment or start.game_day) is not None:
            flow = experiment.name if start.experiment else GAME_DAY
            found = await self.registered(flow, registered)
            chosen = {
                name: getattr(start, name)
                for name in ("hold", "intensity", "seed")
                if getattr(start, name) is not None
            }
            return found["id"], {"anytime": start.anytime} if start.game_day else chosen, registered.name
        loaded = await self.checked(start)
        return await self.ad_hoc_id(), self._parameters(start, loaded), loaded.manifest.metadata.name

    async def checked(self, start: Start) -> Loaded:
        """The experiment that needs no repository, once nothing speaks against it."""
        if self.adhoc == "off":
            raise Refused(
                "forbidden", "CHAOSLAB_CONSOLE_ADHOC=off: this console starts what repositories hold"
            )
        loaded = await asyncio.to_thread(loaded_of, start)
        allowed(start, loaded, self.adhoc)
        must_be_possible(await asyncio.to_thread(planned, loaded, start.seed))
        return loaded

    def _parameters(self, start: Start, loaded: Loaded) -> dict[str, Any]:
        seed = {} if start.seed is None else {"seed": start.seed}
        if start.manifest is not None:
            scenario = next(iter(loaded.manifest.spec.method[0].entries()))["fault"]["type"]
            return {"scenario": scenario, "manifest": start.manifest.yaml, **seed}
        assert start.ad_hoc is not None
        return {name: value for name, value in start.ad_hoc.model_dump().items() if value is not None} | seed

    async def ad_hoc_id(self) -> str:
        """The deployment of experiments without a manifest."""
        found = await self.conductor.deployment(ad_hoc.name, AD_HOC)
        if found is None:
            raise Refused("conflict", "the deployment ad-hoc/ad-hoc is not there; `chaoslab serve` makes it")
        return str(found["id"])

    async def registered(self, flow: str, wanted: Registered) -> dict[str, Any]:
        """The deployment of an experiment or game day of a repository."""
        found = [each for each in await self.conductor.deployments(flow) if _is(each, wanted)]
        if not found:
            where = f" of {wanted.repository}" if wanted.repository else ""
            raise Refused(
                "not-found", f"no {flow} {wanted.name!r}{where} is deployed; `chaoslab status` lists them"
            )
        if len(found) > 1:
            known = ", ".join(sorted(repository_of(each) for each in found))
            raise Refused("bad-request", f"{wanted.name!r} is in several repositories; say which: {known}")
        return found[0]


def repository_of(deployment: Mapping[str, Any]) -> str:
    """Whose it is; empty for one that was made by hand."""
    return str((deployment.get("labels") or {}).get("chaoslab.repository") or "")


def called(deployment: Mapping[str, Any]) -> str:
    """What its repository calls it."""
    return str((deployment.get("parameters") or {}).get("name") or str(deployment["name"]).partition("@")[0])


def short(repository: str) -> str:
    """The last part of a repository's address."""
    return repository.rstrip("/").replace(":", "/").rpartition("/")[2].removesuffix(".git")


def _is(deployment: Mapping[str, Any], wanted: Registered) -> bool:
    if wanted.name not in (called(deployment), deployment["name"]):
        return False
    owner = repository_of(deployment)
    return wanted.repository is None or wanted.repository in (owner, short(owner))
