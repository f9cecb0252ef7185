"""Folders, search, and what Grafana says of itself."""

from collections.abc import Callable
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.doubles.grafana.store import Json, now, of, path_of, refusal, slug

_TAKEN_UID: dict[str, Callable[[], JSONResponse]] = {
    "legacy": lambda: refusal(409, "a folder with the same UID already exists"),
    "k8s": lambda: JSONResponse({}, 412),
}
"""Sources: grafana/grafana pull request 76863; grafana/terraform-provider-grafana issue 2176."""


async def settings(request: Request) -> Response:
    """GET /api/frontend/settings: every client asks for it first."""
    store = of(request)
    sources = {
        source["name"]: {key: source[key] for key in ("id", "uid", "type", "name", "isDefault", "jsonData")}
        for source in store.sources.values()
    }
    return JSONResponse(
        {
            "appUrl": f"{store.url}/",
            "namespace": "default",
            "buildInfo": {"version": store.version},
            "datasources": sources,
        }
    )


async def health(request: Request) -> Response:
    """GET /api/health."""
    return JSONResponse({"database": "ok", "version": of(request).version, "commit": "double"})


async def create_folder(request: Request) -> Response:
    """POST /api/folders; another one with the same uid or title is refused as that generation does."""
    store, body = of(request), await request.json()
    uid, parent = body.get("uid") or uuid4().hex[:14], body.get("parentUid", "")
    if uid in store.folders:
        return _TAKEN_UID[store.generation]()
    if any(each["title"] == body["title"] and each["parentUid"] == parent for each in store.folders.values()):
        return refusal(409, "a folder with the same name already exists in the current location")
    folder: Json = {
        "id": store.new_id(),
        "uid": uid,
        "orgId": 1,
        "title": body["title"],
        "url": f"/dashboards/f/{uid}/{slug(body['title'])}",
        "created": now(),
        "updated": now(),
        "version": 1,
        "parentUid": parent,
    }
    store.folders[uid] = folder
    return JSONResponse(folder)


async def search(request: Request) -> Response:
    """GET /api/search: dashboards or folders whose title holds the words."""
    store, query = of(request), request.query_params
    words, kind = query.get("query", "").lower(), query.get("type", "dash-db")
    if kind == "dash-folder":
        hits = [_hit(folder, folder["title"], folder["url"], kind) for folder in store.folders.values()]
    else:
        hits = [_hit(kept, kept["spec"]["title"], path_of(kept), kind) for kept in store.dashboards.values()]
    return JSONResponse([hit for hit in hits if words in hit["title"].lower()])


def _hit(found: Json, title: str, url: str, kind: str) -> Json:
    uri = f"db/{slug(title)}"
    return {
        "id": found["id"],
        "uid": found["uid"],
        "title": title,
        "uri": uri,
        "url": url,
        "type": kind,
        "tags": [],
        "isStarred": False,
    }


ROUTES = [
    Route("/api/frontend/settings", settings),
    Route("/api/health", health),
    Route("/api/folders", create_folder, methods=["POST"]),
    Route("/api/search", search),
]
