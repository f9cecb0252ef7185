"""Templates of the account: asked for, built step by step with a log, listed, and removed.

A build takes a few looks at it, as a real one takes minutes. What is built boots like `base`: the image's own files are
beyond a double. What it can tell is whether the right thing was asked for.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.doubles.e2b.frames import api_error

if TYPE_CHECKING:
    from tests.doubles.e2b.control import Control

_LOOKS = 2
NO_PACKAGES = "distroless"
"""An image with this in its name cannot become a template."""


@dataclass
class Build:
    """One build, and how often it was looked at."""

    template: str
    name: str
    memory_mib: int
    wish: dict[str, Any] = field(default_factory=dict)
    looks: int = 0
    id: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def log(self) -> list[str]:
        """A line for the image and one for each step."""
        return [
            f"FROM {self.wish.get('fromImage')}",
            *(f"{step['type']}" for step in self.wish.get("steps", ())),
        ]

    @property
    def fails(self) -> bool:
        """Whether it ends in an error."""
        return NO_PACKAGES in str(self.wish.get("fromImage"))


@dataclass
class Templates:
    """What the account has built."""

    control: "Control"
    builds: dict[str, Build] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """Those that E2B's client knows, two that only its command line does, and one of ours."""
        build = "/templates/{id}/builds/{build}"
        told = {
            ("/v3/templates", "POST"): self.ask,
            (f"/v2{build}", "POST"): self.start,
            (f"{build}/status", "GET"): self.status,
            ("/templates/aliases/{name:path}", "GET"): self.by_name,
            ("/templates", "GET"): self.list,
            ("/templates/{id}", "DELETE"): self.remove,
            ("/_double/templates", "GET"): self.wishes,
        }
        return [Route(path, self._allowed(answer), methods=[how]) for (path, how), answer in told.items()]

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

    async def start(self, request: Request) -> Response:
        self._build(request).wish = await request.json()
        self.control.said["builds"] += 1
        return Response(status_code=202)

    async def status(self, request: Request) -> Response:
        build = self._build(request)
        build.looks += 1
        state = "building" if build.looks < _LOOKS else "error" if build.fails else "ready"
        if state == "ready":
            self.control.templates[build.name] = build.memory_mib
        offset = int(request.query_params.get("logsOffset") or 0)
        moment = "2026-01-01T00:00:00Z"
        entries = [{"timestamp": moment, "message": line, "level": "info"} for line in build.log[offset:]]
        why = {"reason": {"message": "no package manager", "step": "1"}} if state == "error" else {}
        answer = {"templateID": build.template, "buildID": build.id, "status": state, "logs": []}
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
        return Response(status_code=204) if names else api_error(404, f"template '{wanted}' not found")

    async def wishes(self, _request: Request) -> Response:
        """What was asked for, as it came."""
        return JSONResponse([each.wish for each in self.builds.values()])
