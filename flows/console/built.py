"""The console's pages as they were built: files with their digest in their name, and one page for all addresses.

What is served is listed once, when it is first asked for; no path of a request ever reaches the file system.
"""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response
from starlette.routing import compile_path

from flows.console.framing import embedded_origin
from flows.console.people import person_of
from flows.console.problems import Refused

router = APIRouter()
FOLDER = FilePath(__file__).with_name("static")
ADDRESSES = (
    "/",
    "/new",
    "/runs",
    "/runs/{id}",
    "/compare",
    "/experiments/{repository}/{name}",
    "/repositories",
    "/game-days",
    "/game-days/{id}",
    "/faults",
    "/doctor",
    "/settings",
    "/design",
)
"""Where a page is; what is shown there is the script's."""
_PATTERNS = tuple(compile_path(each)[0] for each in ADDRESSES)
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_KINDS = {".js": "text/javascript; charset=utf-8", ".woff2": "font/woff2"}


@dataclass(frozen=True, slots=True)
class Built:
    """One file, in every encoding that there is of it."""

    kind: str
    bodies: Mapping[str, bytes]
    """Encoding -> its bytes; `identity` is always there."""

    def response(self, request: Request, headers: Mapping[str, str]) -> Response:
        """In the smallest encoding that is understood."""
        known = {
            each.partition(";")[0].strip() for each in request.headers.get("accept-encoding", "").split(",")
        }
        encoding = next((each for each, _ in _ENCODINGS if each in known and each in self.bodies), "identity")
        said = {"vary": "accept-encoding", **headers}
        if encoding != "identity":
            said["content-encoding"] = encoding
        return Response(self.bodies[encoding], media_type=self.kind, headers=said)


@cache
def files() -> Mapping[str, Built]:
    """Path below the folder -> what is there."""
    found: dict[str, Built] = {}
    for file in sorted(FOLDER.rglob("*")):
        name = file.relative_to(FOLDER).as_posix()
        if not file.is_file() or file.suffix in (".br", ".gz") or file.name.startswith("."):
            continue
        bodies = {"identity": file.read_bytes()}
        for encoding, suffix in _ENCODINGS:
            packed = file.with_name(file.name + suffix)
            if packed.is_file():
                bodies[encoding] = packed.read_bytes()
        kind = _KINDS.get(file.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        found[name] = Built(kind, bodies)
    return found


def is_public(path: str) -> bool:
    """Whether it is a file of the build, the same for everybody: nothing of this machine is in it."""
    return path.startswith("/assets/") or path in ("/icon.svg", "/theme.js")


def is_page(path: str) -> bool:
    """Whether the built page is at that address."""
    return any(each.match(path) for each in _PATTERNS)


def policy(grafana: str | None) -> str:
    """What the pages may do: their own scripts, styles and fonts, and nobody else's; nothing inline."""
    framed = f"'self' {grafana}" if grafana else "'self'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'; frame-src {framed}; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )


@router.get("/assets/{name}")
async def asset(name: Annotated[str, Path(max_length=200)], request: Request) -> Response:
    """A file whose name changes with its content."""
    return _file(f"assets/{name}").response(request, {"cache-control": "public, max-age=31536000, immutable"})


@router.get("/icon.svg")
async def icon(request: Request) -> Response:
    """The sign of a tab."""
    return _file("icon.svg").response(request, {"cache-control": "max-age=3600"})


@router.get("/theme.js")
async def theme(request: Request) -> Response:
    """What is done before anything is drawn."""
    return _file("theme.js").response(request, {"cache-control": "no-cache"})


async def page(request: Request) -> Response:
    """The page of every address; for who is not known here it asks for a token, and says so by its status."""
    headers = {"cache-control": "no-cache", "content-security-policy": policy(embedded_origin())}
    answer = _file("index.html").response(request, headers)
    if person_of(request) is None:
        answer.status_code = 401
    return answer


for _address in ADDRESSES:
    router.add_api_route(_address, page, methods=["GET"])


def _file(name: str) -> Built:
    found = files().get(name)
    if found is None:
        raise Refused("not-found", "the console has no such file")
    return found
