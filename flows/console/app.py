"""The console as one ASGI app: routes, what their failures become, and the guard in front."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from chaos import __version__
from chaos.text.inert import inert
from flows.console import (
    built,
    pages,
    pushes,
    routes_checks,
    routes_events,
    routes_files,
    routes_house,
    routes_mission,
    routes_repositories,
    routes_runs,
    routes_session,
    routes_uploads,
)
from flows.console.desk import Desk
from flows.console.documented import openapi_of
from flows.console.guard import broken
from flows.console.problems import Problem, ProblemDetail, Refused
from flows.console.viewing import BASE

Opened = Callable[[], AbstractAsyncContextManager[Desk]]
_ABOUT = """Chaos experiments over HTTP: start them, follow them, read what they came to. Every run is a Prefect
flow run.

Errors are `application/problem+json` (RFC 9457); `type` is a page that says what to do."""


def create_app(opened: Opened | None = None) -> FastAPI:
    """The app; `opened` makes what its routes work with while it is served."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if opened is None:
            yield
            return
        async with opened() as desk:
            app.state.desk = desk
            yield

    app = FastAPI(
        title="ChaosLab console",
        version=__version__,
        description=_ABOUT,
        lifespan=lifespan,
        openapi_url=f"{BASE}/openapi.json",
        docs_url=None,  # its pages load scripts of others
        redoc_url=None,
        responses={"default": {"model": Problem, "description": "A problem (RFC 9457)"}},
        separate_input_output_schemas=False,
    )
    for routes in (
        routes_house,
        routes_session,
        routes_runs,
        routes_events,
        routes_files,
        routes_checks,
        routes_repositories,
        routes_uploads,
    ):
        app.include_router(routes.router, prefix=BASE)
    app.include_router(routes_mission.router, prefix="/api")
    app.include_router(routes_mission.router, include_in_schema=False)
    app.include_router(pages.router, include_in_schema=False)
    app.router.routes.append(pushes.route())
    app.include_router(built.router, include_in_schema=False)
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign]
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _broken)
    return app


def _respond(request: Request, refused: Refused) -> Response:
    request_id = str(getattr(request.state, "request_id", ""))
    return Response(refused.body(request.url.path, request_id), refused.status, refused.all_headers())


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _respond(request, error)


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [_detail(each) for each in error.errors()[:50]]
    many = "1 problem" if len(found) == 1 else f"{len(found)} problems"
    return _respond(request, Refused("bad-request", many, found))


def _detail(said: Any) -> ProblemDetail:
    path = ".".join(str(each) for each in said.get("loc", ()) if each != "body")
    return ProblemDetail(path=inert(path)[:200], message=inert(str(said.get("msg", "")))[:500])


async def _http(request: Request, error: Exception) -> Response:
    """Starlette's own: no such path, no such method, a body that is no JSON."""
    assert isinstance(error, HTTPException)
    if isinstance(refused := getattr(request.state, "refused", None), Refused):
        return _respond(request, refused)
    if request.method == "OPTIONS" and error.status_code == 405:
        return Response(None, 204, {"allow": ", ".join(_allowed(request))})
    kind = {404: "not-found", 405: "not-allowed"}.get(error.status_code, "bad-request")
    detail = (
        f"there is no {request.method} {request.url.path[:200]}" if kind != "bad-request" else error.detail
    )
    return _respond(request, Refused(kind, detail, headers=dict(error.headers or {})))


def _allowed(request: Request) -> list[str]:
    """The methods that this path takes."""
    found = {"OPTIONS"}
    for path, verbs in request.app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\\{[a-z_]+\\}", "[^/]+", re.escape(path)), request.url.path):
            found |= {verb.upper() for verb in verbs} | ({"HEAD"} if "get" in verbs else set())
    return sorted(found)


async def _broken(request: Request, error: Exception) -> Response:
    request_id = str(getattr(request.state, "request_id", ""))
    return _respond(request, broken(request.url.path, request_id, error))
