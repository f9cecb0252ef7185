"""Annotations: moments and windows that are drawn over every panel."""

import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.doubles.grafana.store import Json, of, refusal


async def create(request: Request) -> Response:
    """POST /api/annotations."""
    store, body = of(request), await request.json()
    if not body.get("text"):
        return refusal(400, "Failed to save annotation, text field should not be empty")
    number, moment = store.new_id(), int(time.time() * 1000)
    store.annotations[number] = {
        "id": number,
        "dashboardUID": body.get("dashboardUID") or body.get("dashboardUid") or "",
        "panelId": body.get("panelId", 0),
        "created": moment,
        "updated": moment,
        "time": body.get("time") or moment,
        "timeEnd": body.get("timeEnd") or body.get("time") or moment,
        "text": body["text"],
        "tags": body.get("tags") or [],
        "data": body.get("data") or {},
    }
    return JSONResponse({"id": number, "message": "Annotation added"})


async def find(request: Request) -> Response:
    """GET /api/annotations."""
    query = request.query_params
    uid, tags = query.get("dashboardUID"), set(query.getlist("tags"))

    def wanted(annotation: Json) -> bool:
        return (not uid or annotation["dashboardUID"] == uid) and tags <= set(annotation["tags"])

    found = [annotation for annotation in of(request).annotations.values() if wanted(annotation)]
    return JSONResponse(found[: int(query.get("limit") or 100)])


async def change(request: Request) -> Response:
    """PATCH /api/annotations/{id}: what is given changes, what is null or empty stays."""
    annotation = of(request).annotations.get(request.path_params["id"])
    if annotation is None:
        return refusal(404, "Annotation not found")
    body = await request.json()
    annotation |= {key: value for key, value in body.items() if value}
    return JSONResponse({"message": "Annotation patched"})


ROUTES = [
    Route("/api/annotations", create, methods=["POST"]),
    Route("/api/annotations", find, methods=["GET"]),
    Route("/api/annotations/{id:int}", change, methods=["PATCH"]),
]
