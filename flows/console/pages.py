"""Plain pages without script: the list of runs, one run, the routes, and what each problem means."""

from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse, Response

from chaos.history.models import Filters
from flows.console.answering import PAGES
from flows.console.desk import DeskOf, RunId
from flows.console.finding import asked
from flows.console.people import Person, needs
from flows.console.problems import TYPES, Refused
from flows.console.routes_runs import run_now
from flows.console.viewing import BASE, summary

router = APIRouter()
Viewer = Annotated[Person, Depends(needs("read"))]
_MARKS = {"held": "✔ held", "deviated": "✖ deviated", "inconclusive": "? inconclusive"}


_HTML = FilePath(__file__).with_name("html")
_PAGES = Environment(loader=FileSystemLoader(_HTML), autoescape=True)


def _page(name: str, **words: Any) -> Response:
    text = _PAGES.get_template(f"{name}.html.j2").render(marks=_MARKS, base=BASE, **words)
    return HTMLResponse(text, headers={"cache-control": "no-store", "content-security-policy": PAGES})


@router.get("/style.css")
async def style(person: Viewer) -> Response:
    """How the pages look."""
    text = (_HTML / "style.css").read_text()
    return Response(text, media_type="text/css", headers={"cache-control": "max-age=3600"})


@router.get("/")
async def home(person: Viewer, desk: DeskOf) -> Response:
    """The last runs."""
    await desk.observer.seen()
    page = await asked(desk.history.page, Filters(), 100, None)
    return _page("runs", title="Runs", runs=[summary(each) for each in page.items], address=desk.address)


@router.get("/runs/{id}")
async def run(id: RunId, person: Viewer, desk: DeskOf) -> Response:
    """One run."""
    found = await run_now(desk, id)
    return _page("run", title=found.experiment, run=found)


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
