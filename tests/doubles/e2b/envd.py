"""envd, the daemon in each microVM: processes, files, health; one server for all, told apart by a header."""

import asyncio
import base64
import hashlib
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from chaos.errors import SandboxError, SandboxLost
from tests.doubles.e2b.control import Control
from tests.doubles.e2b.frames import api_error, stream_error, unary_error, unframe
from tests.doubles.e2b.machines import Machine
from tests.doubles.e2b.process import Process

Answer = Callable[[Request, Machine], Awaitable[Response]]
_SIGNALS = {"SIGNAL_SIGKILL": signal.SIGKILL, "SIGNAL_SIGTERM": signal.SIGTERM}


class Envd:
    """What a microVM answers on its port 49983."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def routes(self) -> list[Route]:
        """Processes and files; a request that names no microVM is none of envd's."""
        of_process = "/process.Process/"
        return [
            Route(of_process + "Start", self._inside(self.start), methods=["POST"]),
            Route(of_process + "Connect", self._inside(self.connect), methods=["POST"]),
            Route(of_process + "List", self._inside(self.list), methods=["POST"]),
            Route(of_process + "SendSignal", self._inside(self.send_signal), methods=["POST"]),
            Route("/files", self._inside(self.download), methods=["GET"]),
            Route("/files", self._inside(self.upload), methods=["POST"]),
            Route("/health", self._inside(self.health), methods=["GET"]),
        ]

    def _inside(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            wanted = request.headers.get("e2b-sandbox-id", "")
            machine = self._control.machines.get(wanted)
            if machine is None or machine.state == "paused":  # as the edge answers for one that does not run
                gone = {"sandboxId": wanted, "message": "The sandbox was not found", "code": 502}
                return JSONResponse(gone, 502)
            if request.url.path != "/health" and not _may(request, machine):
                return api_error(
                    401,
                    "unauthorized access, please provide a valid access token or method signing if supported",
                )
            try:
                return await answer(request, machine)
            except SandboxLost:  # it ended while it was asked
                return JSONResponse(
                    {"sandboxId": wanted, "message": "The sandbox was not found", "code": 502}, 502
                )

        return guarded

    async def start(self, request: Request, machine: Machine) -> Response:
        wish = await unframe(request)
        user = _user(request)
        if user not in ("root", "user"):
            return unary_error("unauthenticated", f"invalid username: '{user}'", 401)
        config = wish["process"]
        try:
            process = await machine.start(config, wish.get("tag"))
        except SandboxError as error:
            if isinstance(error, SandboxLost):
                raise
            return stream_error("invalid_argument", f"cwd '{config.get('cwd')}' does not exist")
        timeout_ms = request.headers.get("connect-timeout-ms")
        if timeout_ms:  # ends the process itself, whether or not somebody still follows it
            loop = asyncio.get_running_loop()
            loop.call_later(int(timeout_ms) / 1000, lambda: asyncio.ensure_future(process.kill()))
        return _stream(process, request)

    async def connect(self, request: Request, machine: Machine) -> Response:
        process = _selected(await unframe(request), machine)
        return _stream(process, request) if process else stream_error("not_found", "process not found")

    async def list(self, _request: Request, machine: Machine) -> Response:
        return JSONResponse({"processes": [process.listed for process in machine.running()]})

    async def send_signal(self, request: Request, machine: Machine) -> Response:
        wish = await request.json()
        process = _selected(wish, machine)
        if process is None:
            return unary_error("not_found", "process not found", 404)
        await process.kill(_SIGNALS[wish["signal"]])
        return JSONResponse({})

    async def health(self, _request: Request, _machine: Machine) -> Response:
        return Response(status_code=204)

    async def download(self, request: Request, machine: Machine) -> Response:
        """A file, or the range of it that is asked for (RFC 9110, 14), as Go's http.ServeContent does."""
        path = request.query_params["path"]
        try:
            data = await machine.box.read(path)
        except SandboxLost:
            raise
        except SandboxError:
            return api_error(404, f"path '{path}' does not exist")
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if asked is None or not data:
            return Response(data, media_type="application/octet-stream")
        first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
        if first >= len(data):
            return Response(status_code=416, headers={"Content-Range": f"bytes */{len(data)}"})
        headers = {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
        return Response(data[first : last + 1], 206, headers, media_type="application/octet-stream")

    async def upload(self, request: Request, machine: Machine) -> Response:
        written = []
        for path, data in await _uploads(request):
            await machine.box.put(path, data)
            written.append({"path": path, "name": PurePosixPath(path).name, "type": "file"})
        return JSONResponse(written)


def _may(request: Request, machine: Machine) -> bool:
    if request.headers.get("x-access-token") == machine.token:
        return True
    query = request.query_params
    does = "read" if request.method == "GET" else "write"
    words = f"{query.get('path', '')}:{does}:{query.get('username', '')}:{machine.token}"
    signed = base64.b64encode(hashlib.sha256(words.encode()).digest()).rstrip(b"=").decode()
    return request.url.path == "/files" and query.get("signature") == f"v1_{signed}"


def _user(request: Request) -> str:
    said = request.headers.get("authorization", "")
    return base64.b64decode(said.removeprefix("Basic ")).decode().partition(":")[0] if said else "user"


def _selected(wish: dict[str, Any], machine: Machine) -> Process | None:
    return next((each for each in machine.running() if each.pid == wish["process"].get("pid")), None)


def _stream(process: Process, request: Request) -> Response:
    ping_s = float(request.headers.get("keepalive-ping-interval", 90))
    timeout_ms = request.headers.get("connect-timeout-ms")
    frames = process.follow(ping_s, int(timeout_ms) / 1000 if timeout_ms else None)
    return StreamingResponse(frames, media_type="application/connect+json")


async def _uploads(request: Request) -> list[tuple[str, bytes]]:
    path = request.query_params.get("path")
    if request.headers.get("content-type", "").startswith("application/octet-stream"):
        return [(path or "", await request.body())]
    async with request.form() as form:
        return [(path or each.filename, await each.read()) for each in form.getlist("file")]  # type: ignore[union-attr]
