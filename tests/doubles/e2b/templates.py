"""Templates of the account: asked for, built step by step with a log, listed, and removed.

A build goes on while it is looked at. What is built boots like `base`, with the /app that its steps made: the image's
own files are beyond a double.
"""

import asyncio
import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.doubles.e2b.building import Build
from tests.doubles.e2b.frames import api_error

if TYPE_CHECKING:
    from tests.doubles.e2b.control import Control


@dataclass
class Templates:
    """What the account has built."""

    control: "Control"
    builds: dict[str, Build] = field(default_factory=dict)
    _uploads: dict[str, bytes] = field(default_factory=dict)
    _working: set[asyncio.Task[None]] = field(default_factory=set)

    def routes(self) -> list[Route]:
        """Those that E2B's client knows, two that only its command line does, its store, and one of ours."""
        build = "/templates/{id}/builds/{build}"
        told = {
            ("/v3/templates", "POST"): self.ask,
            (f"/v2{build}", "POST"): self.start,
            (f"{build}/status", "GET"): self.status,
            ("/templates/{id}/files/{hash}", "GET"): self.place,
            ("/templates/aliases/{name:path}", "GET"): self.by_name,
            ("/templates", "GET"): self.list,
            ("/templates/{id}", "DELETE"): self.remove,
            ("/_double/templates", "GET"): self.wishes,
        }
        routes = [Route(path, self._allowed(answer), methods=[how]) for (path, how), answer in told.items()]
        return [*routes, Route("/_double/files/{hash}", self.upload, methods=["PUT"])]

    def _allowed(self, answer: Any) -> Any:
        async def guarded(request: Request) -> Response:
            if not hmac.compare_digest(request.headers.get("x-api-key", ""), self.control.key):
                return api_error(401, "Invalid API key")
            done: Response = await answer(request)
            return done

        return guarded

    async def ask(self, request: Request) -> Response:
        wish = await request.json()
        made = Build(secrets.token_hex(6), wish["name"], wish.get("memoryMB") or 1024)
        self.builds[made.id] = made
        answer = {"templateID": made.template, "buildID": made.id, "public": False}
        return JSONResponse(answer | {"names": [made.name], "tags": ["default"], "aliases": [made.name]}, 202)

    async def place(self, request: Request) -> Response:
        """Where to put files of that hash; a store of its own, which takes whoever has the address."""
        files = request.path_params["hash"]
        url = f"{request.base_url}_double/files/{files}"
        return JSONResponse({"present": files in self._uploads, "url": url}, 201)

    async def upload(self, request: Request) -> Response:
        self._uploads[request.path_params["hash"]] = await request.body()
        return Response(status_code=200)

    async def start(self, request: Request) -> Response:
        build = self._build(request)
        build.wish = await request.json()
        self.control.said["builds"] += 1
        origin = build.wish.get("fromTemplate")
        if origin is not None and origin not in self.control.templates:
            return api_error(404, f"template '{origin}' not found")
        work = asyncio.create_task(build.carry_out(self.control.apps.get(origin, b""), self._uploads))
        self._working.add(work)
        work.add_done_callback(self._working.discard)
        return Response(status_code=202)

    async def status(self, request: Request) -> Response:
        build = self._build(request)
        if build.status == "ready":
            self.control.templates[build.name] = build.memory_mib
            self.control.apps[build.name] = build.app
        offset = int(request.query_params.get("logsOffset") or 0)
        moment = "2026-01-01T00:00:00Z"
        entries = [
            {"timestamp": moment, "message": line, "level": "info"}
            for line in build.log[offset : offset + 100]
        ]
        why = {"reason": build.reason} if build.status == "error" else {}
        answer = {"templateID": build.template, "buildID": build.id, "status": build.status, "logs": []}
        return JSONResponse(answer | {"logEntries": entries} | why)

    def _build(self, request: Request) -> Build:
        return self.builds[request.path_params["build"]]

    async def by_name(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._names():  # known from the first word on, built or not
            return api_error(404, f"template '{name}' not found")
        return JSONResponse({"templateID": self._id_of(name), "public": False})

    async def list(self, _request: Request) -> Response:
        sizes = {each.name: each.memory_mib for each in self.builds.values()} | self.control.templates
        moment = "2026-01-01T00:00:00Z"
        return JSONResponse(
            [
                {
                    "templateID": self._id_of(name),
                    "names": [f"team/{name}"],
                    "memoryMB": mib,
                    "createdAt": moment,
                }
                for name, mib in sizes.items()
            ]
        )

    def _names(self) -> set[str]:
        return {*self.control.templates, *(each.name for each in self.builds.values())}

    def _id_of(self, name: str) -> str:
        return next((each.template for each in self.builds.values() if each.name == name), name)

    async def remove(self, request: Request) -> Response:
        wanted = request.path_params["id"]
        names = [name for name in self._names() if self._id_of(name) == wanted]
        self.builds = {key: each for key, each in self.builds.items() if each.name not in names}
        for name in names:
            self.control.templates.pop(name, None)
            self.control.apps.pop(name, None)
        return Response(status_code=204) if names else api_error(404, f"template '{wanted}' not found")

    async def wishes(self, _request: Request) -> Response:
        """What was asked for, as it came."""
        return JSONResponse([each.wish for each in self.builds.values()])
