"""Dashboards: /api/dashboards (every Grafana) and /apis/dashboard.grafana.app (12 and later)."""

from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.doubles.grafana.store import Json, of, path_of, refusal, slug

GROUP = "dashboard.grafana.app"
VERSIONS = ("v2beta1", "v1beta1", "v0alpha1")


async def save(request: Request) -> Response:
    """POST /api/dashboards/db."""
    store, body = of(request), await request.json()
    spec: Json = body.get("dashboard") or {}
    if not spec.get("title"):
        return refusal(400, "Dashboard title cannot be empty", status="empty-name")
    uid, folder = spec.get("uid") or uuid4().hex[:14], body.get("folderUid", "")
    if len(uid) > 40:
        return refusal(400, "uid too long, max 40 characters")
    if folder and folder not in store.folders:
        return refusal(400, "folder not found")
    if uid in store.provisioned:
        return refusal(400, "Cannot save provisioned dashboard")
    old = store.dashboards.get(uid)
    if old and not body.get("overwrite") and spec.get("version") != old["version"]:
        return refusal(412, "The dashboard has been changed by someone else", status="version-mismatch")
    kept = store.save(spec, uid, folder, body.get("message", ""))
    saved = {key: kept[key] for key in ("id", "uid", "version")}
    return JSONResponse(
        saved | {"url": path_of(kept), "status": "success", "slug": slug(spec["title"]), "folderUid": folder}
    )


async def read(request: Request) -> Response:
    """GET /api/dashboards/uid/{uid}."""
    kept = of(request).dashboards.get(request.path_params["uid"])
    if kept is None:
        return refusal(404, "Dashboard not found")
    meta = {
        "type": "db",
        "canSave": True,
        "url": path_of(kept),
        "version": kept["version"],
        "folderUid": kept["folder"],
        "created": kept["created"],
        "updated": kept["updated"],
    }
    return JSONResponse({"meta": meta, "dashboard": kept["spec"]})


async def group(request: Request) -> Response:
    """GET /apis/dashboard.grafana.app: which versions are served."""
    if of(request).generation == "legacy":
        return refusal(404, "not found")
    versions = [{"groupVersion": f"{GROUP}/{version}", "version": version} for version in VERSIONS]
    return JSONResponse(
        {
            "kind": "APIGroup",
            "apiVersion": "v1",
            "name": GROUP,
            "versions": versions,
            "preferredVersion": versions[1],
        }
    )


async def read_object(request: Request) -> Response:
    """GET /apis/dashboard.grafana.app/{version}/namespaces/{namespace}/dashboards/{name}."""
    store, name = of(request), request.path_params["name"]
    if store.generation == "legacy":
        return refusal(404, "not found")
    kept = store.dashboards.get(name)
    if kept is None:
        status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404}
        message = f'dashboards.{GROUP} "{name}" not found'
        return JSONResponse(status | {"reason": "NotFound", "message": message}, 404)
    return JSONResponse(_object(kept, request.path_params["version"]))


def _object(kept: Json, version: str) -> Json:
    asked_as_stored = version == "v1beta1"
    return {
        "kind": "Dashboard",
        "apiVersion": f"{GROUP}/{version}",
        "metadata": {
            "name": kept["uid"],
            "namespace": "default",
            "uid": kept["uid"],
            "resourceVersion": str(kept["version"]),
            "generation": kept["version"],
            "creationTimestamp": kept["created"],
            "annotations": {"grafana.app/folder": kept["folder"]} if kept["folder"] else {},
        },
        "spec": kept["spec"],
        "status": {} if asked_as_stored else {"conversion": {"failed": False, "storedVersion": "v1beta1"}},
    }


async def page(request: Request) -> Response:
    """GET /d/{uid}: where a person would see it; embedding is allowed."""
    kept = of(request).dashboards.get(request.path_params["uid"])
    if kept is None:
        return Response("404", 404)
    return HTMLResponse("<!doctype html><title>a Grafana dashboard would be here</title><p>dashboard</p>")


ROUTES = [
    Route("/api/dashboards/db", save, methods=["POST"]),
    Route("/api/dashboards/uid/{uid}", read),
    Route(f"/apis/{GROUP}", group),
    Route(f"/apis/{GROUP}/{{version}}/namespaces/{{namespace}}/dashboards/{{name}}", read_object),
    Route("/d/{uid}", page),
    Route("/d/{uid}/{slug}", page),
]
