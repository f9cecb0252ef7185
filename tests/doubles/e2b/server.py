"""The double as one server on a free port of the loopback; `python -m tests.doubles.e2b OPTIONS` prints its address.

Beside E2B's interface it has `/_double/state`, what it has seen, `/_double/trouble`, which changes what it does to its
clients, and `/_double/age`, which makes time go by for one microVM. When it ends, so do all its microVMs.
"""

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.doubles.e2b.control import Control
from tests.doubles.e2b.envd import Envd
from tests.doubles.e2b.templates import Templates
from tests.doubles.e2b.trouble import Trouble


def application(control: Control, trouble: dict[str, Any]) -> Trouble:
    """The whole of it."""

    @contextlib.asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.gather(*(control.end(machine) for machine in list(control.machines.values())))

    async def state(_request: Request) -> Response:
        machines = [machine.listed() for machine in control.machines.values()]
        return JSONResponse({"sandboxes": machines, "said": dict(control.said), "tokens": control.tokens})

    async def change(request: Request) -> Response:
        for name, value in (await request.json()).items():
            setattr(troubled, name, [tuple(each) for each in value] if name == "orders" else value)
        return Response(status_code=204)

    async def age(request: Request) -> Response:
        wish = await request.json()
        control.machines[wish["id"]].age(wish["seconds"])
        return Response(status_code=204)

    own = [
        Route("/_double/state", state),
        Route("/_double/trouble", change, methods=["POST"]),
        Route("/_double/age", age, methods=["POST"]),
    ]
    routes = [*control.routes(), *Templates(control).routes(), *Envd(control).routes(), *own]
    app = Starlette(routes=routes, lifespan=life)
    troubled = Trouble(app, control.said, **trouble)
    return troubled


def main() -> None:
    """Serve until told to end."""
    options = json.loads(sys.argv[1])
    trouble = options.pop("trouble", {})
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    print(json.dumps({"port": listening.getsockname()[1]}), flush=True)
    app = application(Control(**options), trouble)
    config = uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listening])
