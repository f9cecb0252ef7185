"""The REST interface: who may, how many, how often; create, list, look, connect, keep alive, kill."""

import asyncio
import hmac
import time
import urllib.parse
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.doubles.e2b import internet
from tests.doubles.e2b.frames import api_error
from tests.doubles.e2b.machines import Machine, boot

Answer = Callable[[Request], Awaitable[Response]]


@dataclass
class Control:
    """An account: its key, its plan's limits, its templates (name -> MiB of memory), its microVMs."""

    key: str
    at_once: int = 100
    create_per_s: float = 1000.0
    templates: dict[str, int] = field(default_factory=lambda: {"base": 1024})
    apps: dict[str, bytes] = field(default_factory=dict)
    """What the steps of a template's build left in /app, as a tar."""
    internet: bool = False
    """Whether there is one beyond its microVMs: it costs a tenth of a second each."""
    machines: dict[str, Machine] = field(default_factory=dict)
    said: Counter[str] = field(default_factory=Counter)
    """How often what happened."""
    tokens: list[str] = field(default_factory=list)
    """Of every microVM that ever was: what nobody may write down."""
    _by_key: dict[str, asyncio.Future[Machine]] = field(default_factory=dict)
    _creations: list[float] = field(default_factory=list)

    def routes(self) -> list[Route]:
        """Those that the client knows, and no other."""
        one = "/sandboxes/{id}"
        return [
            Route("/v2/sandboxes", self._allowed(self.create), methods=["POST"]),
            Route("/v2/sandboxes", self._allowed(self.list), methods=["GET"]),
            Route(one, self._allowed(self.look), methods=["GET"]),
            Route(one, self._allowed(self.kill), methods=["DELETE"]),
            Route(f"{one}/timeout", self._allowed(self.timeout), methods=["POST"]),
            Route(f"{one}/pause", self._allowed(self.pause), methods=["POST"]),
            Route(f"{one}/network", self._allowed(self.network), methods=["PUT"]),
            Route(f"/v2{one}/connect", self._allowed(self.connect), methods=["POST"]),
        ]

    def _allowed(self, answer: Answer) -> Answer:
        async def guarded(request: Request) -> Response:
            if not hmac.compare_digest(request.headers.get("x-api-key", ""), self.key):
                return api_error(
                    401, "Invalid API key, please visit https://e2b.dev/docs/api-key for more information."
                )
            wanted = request.path_params.get("id")
            if wanted is not None and wanted not in self.machines:
                return api_error(404, f'sandbox "{wanted}" not found')
            return await answer(request)

        return guarded

    def _named(self, request: Request) -> Machine:
        return self.machines[request.path_params["id"]]

    async def create(self, request: Request) -> Response:
        wish = await request.json()
        key = request.headers.get("idempotency-key")
        if key in self._by_key:
            self.said["created again by its key"] += 1
            return JSONResponse((await asyncio.shield(self._by_key[key])).created(), 201)
        if wish["templateID"] not in self.templates:
            return api_error(404, f"template '{wish['templateID']}' not found")
        if (refusal := self._too_many()) is not None:
            self.said["refused"] += 1
            return api_error(429, refusal)
        making = asyncio.ensure_future(self._make(wish))
        if key:
            self._by_key[key] = making
        return JSONResponse((await asyncio.shield(making)).created(), 201)

    def _too_many(self) -> str | None:
        moment = time.monotonic()
        self._creations = [each for each in self._creations if each > moment - 1]
        if len(self._creations) >= max(self.create_per_s, 1):
            return "you have exceeded the rate limit of sandbox creations"
        if len(self.machines) >= self.at_once:
            return f"you have reached the maximum number of concurrent E2B sandboxes ({self.at_once})"
        self._creations.append(moment)
        return None

    async def _make(self, wish: dict[str, Any]) -> Machine:
        memory_mib = self.templates[wish["templateID"]]
        box = await boot(memory_mib)
        if app := self.apps.get(wish["templateID"]):
            await box.unpack("/app", app)
        if self.internet:
            await internet.connect(box)
        machine = Machine(wish, memory_mib, box, self.end)
        self.machines[machine.id] = machine
        self.tokens.append(machine.token)
        self.said["created"] += 1
        return machine

    async def end(self, machine: Machine) -> None:
        """Its time is over, or somebody ends it."""
        if self.machines.pop(machine.id, None):
            self.said["ended"] += 1
            await machine.end()

    async def list(self, request: Request) -> Response:
        query = request.query_params
        found = list(self.machines.values())
        if text := query.get("metadata"):  # encoded as a whole, and each key and value before that
            pairs = (pair.split("=") for pair in urllib.parse.unquote_plus(text).split("&"))
            wanted = {
                urllib.parse.unquote_plus(key): urllib.parse.unquote_plus(value) for key, value in pairs
            }
            found = [each for each in found if wanted.items() <= each.metadata.items()]
        states = query.get("state", "running,paused").split(",")
        found = [each for each in found if each.state in states]
        found.sort(key=lambda each: each.started, reverse=query.get("order", "desc") == "desc")
        first, most = int(query.get("nextToken") or 0), int(query.get("limit") or 100)
        more = {"X-Next-Token": str(first + most)} if first + most < len(found) else {}
        return JSONResponse([each.listed() for each in found[first : first + most]], headers=more)

    async def look(self, request: Request) -> Response:
        rest = {"domain": None, "lifecycle": {"autoResume": False, "onTimeout": "kill"}}
        return JSONResponse(self._named(request).listed() | rest)

    async def kill(self, request: Request) -> Response:
        await self.end(self._named(request))
        return Response(status_code=204)

    async def timeout(self, request: Request) -> Response:
        machine = self._named(request)
        if machine.state == "paused":
            return api_error(404, f'sandbox "{machine.id}" not found')
        machine.lives((await request.json())["timeout"])
        return Response(status_code=204)

    async def pause(self, request: Request) -> Response:
        machine = self._named(request)
        if machine.state == "paused":
            return api_error(409, f'sandbox "{machine.id}" is already paused')
        await machine.pause()
        self.said["paused"] += 1
        return Response(status_code=204)

    async def network(self, request: Request) -> Response:
        """The whole egress rules anew; what is left out is cleared."""
        rules = await request.json()
        await internet.rule(self._named(request).box, rules.get("allowOut") or [], rules.get("denyOut") or [])
        return Response(status_code=204)

    async def connect(self, request: Request) -> Response:
        """Whoever connects may only make it live longer; one that is paused goes on."""
        machine = self._named(request)
        if machine.state == "paused":
            await machine.resume((await request.json()).get("timeout", 300))
            self.said["resumed"] += 1
            return JSONResponse(machine.created(), 201)
        before = machine.ends
        machine.lives((await request.json()).get("timeout", 300))
        machine.ends = max(machine.ends, before)
        return JSONResponse(machine.created(), 200)
