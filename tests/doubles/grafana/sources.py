"""Data sources, and the queries that Grafana forwards to them: those reach a real Prometheus."""

from uuid import uuid4

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.doubles.grafana.store import Json, of, refusal

TIMEOUT_S = 30.0
"""Grafana's own patience with a data source."""


def described(body: Json, number: int) -> Json:
    """A data source as Grafana keeps it."""
    return {
        "id": number,
        "uid": body.get("uid") or uuid4().hex[:14],
        "orgId": 1,
        "name": body["name"],
        "type": body["type"],
        "typeLogoUrl": "",
        "access": body.get("access") or "proxy",
        "url": body.get("url") or "",
        "user": "",
        "database": "",
        "basicAuth": False,
        "basicAuthUser": "",
        "withCredentials": False,
        "isDefault": bool(body.get("isDefault")),
        "jsonData": body.get("jsonData") or {},
        "secureJsonFields": {},
        "version": 1,
        "readOnly": False,
    }


async def every(request: Request) -> Response:
    """GET /api/datasources."""
    return JSONResponse(list(of(request).sources.values()))


async def create(request: Request) -> Response:
    """POST /api/datasources."""
    store, body = of(request), await request.json()
    if any(body["name"] == source["name"] for source in store.sources.values()):
        return refusal(409, "data source with the same name already exists")
    source = described(body, store.new_id())
    store.sources[source["uid"]] = source
    return JSONResponse(
        {"datasource": source, "id": source["id"], "message": "Datasource added", "name": source["name"]}
    )


async def one(request: Request) -> Response:
    """GET /api/datasources/uid/{uid}."""
    source = of(request).sources.get(request.path_params["uid"])
    return JSONResponse(source) if source else refusal(404, "Data source not found")


async def health(request: Request) -> Response:
    """GET /api/datasources/uid/{uid}/health."""
    source = of(request).sources.get(request.path_params["uid"])
    if source is None:
        return refusal(404, "Data source not found")
    answer = await _forward("GET", f"{source['url']}/api/v1/query?query=1%2B1", b"", {})
    if answer.status_code == 200:
        return JSONResponse({"status": "OK", "message": "Successfully queried the Prometheus API."})
    return JSONResponse({"status": "ERROR", "message": "failed"}, 400)


async def forward(request: Request) -> Response:
    """GET and POST /api/datasources/uid/{uid}/resources/{path}: to the data source and back."""
    source = of(request).sources.get(request.path_params["uid"])
    if source is None:
        return refusal(404, "Data source not found")
    query = f"?{request.url.query}" if request.url.query else ""
    url = f"{source['url'].rstrip('/')}/{request.path_params['path']}{query}"
    kind = request.headers.get("content-type", "application/octet-stream")
    return await _forward(request.method, url, await request.body(), {"content-type": kind})


async def _forward(method: str, url: str, body: bytes, headers: dict[str, str]) -> Response:
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, verify=False) as client:
            answer = await client.request(method, url, content=body, headers=headers)
    except httpx.TransportError as error:
        return refusal(502, f"Bad Gateway: {error}")
    return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))


ROUTES = [
    Route("/api/datasources", every, methods=["GET"]),
    Route("/api/datasources", create, methods=["POST"]),
    Route("/api/datasources/uid/{uid}", one),
    Route("/api/datasources/uid/{uid}/health", health),
    Route("/api/datasources/uid/{uid}/resources/{path:path}", forward, methods=["GET", "POST"]),
    Route("/api/datasources/proxy/uid/{uid}/{path:path}", forward, methods=["GET", "POST"]),
]
