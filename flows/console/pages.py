"""Plain pages without script: the routes, and what each problem means."""

from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse, Response

from flows.console.answering import PAGES
from flows.console.people import Person, needs
from flows.console.problems import TYPES, Refused
from flows.console.viewing import BASE

router = APIRouter()
Viewer = Annotated[Person, Depends(needs("read"))]

_HTML = FilePath(__file__).with_name("html")
_PAGES = Environment(loader=FileSystemLoader(_HTML), autoescape=True)


def _page(name: str, **words: Any) -> Response:
    text = _PAGES.get_template(f"{name}.html.j2").render(base=BASE, **words)
    return HTMLResponse(text, headers={"cache-control": "no-store", "content-security-policy": PAGES})


@router.get("/style.css")
async def style(person: Viewer) -> Response:
    """How the pages look."""
    text = (_HTML / "style.css").read_text()
    return Response(text, media_type="text/css", headers={"cache-control": "max-age=3600"})


@router.get("/docs")
async def docs(request: Request, person: Viewer) -> Response:
    """Every route in one line."""
    found = [
        (verb.upper(), path, about.get("description", "").split("\n")[0])
        for path, verbs in request.app.openapi()["paths"].items()
        for verb, about in verbs.items()
    ]
    return _page("docs", title="API", routes=sorted(found, key=lambda each: each[1]))


@router.get("/problems/{name}")
async def problem(name: Annotated[str, Path(max_length=60)], person: Viewer) -> Response:
    """What to do about one kind of problem."""
    if name not in TYPES:
        raise Refused("not-found", f"no problem is called so; known: {', '.join(TYPES)}")
    status, title, what = TYPES[name]
    return _page("problem", title=title, status=status, what=what)
