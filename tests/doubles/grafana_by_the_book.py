"""A second Grafana, written apart from the first and from other sources, so that no mistake of one is believed twice.

Paths, fields and examples are those of "HTTP API reference" of Grafana's documentation (Folder, Dashboard, Data source,
Annotations, Folder/Dashboard search); what its generations answer to a folder that is there already is a table with
the pull requests that changed it. It knows no Prometheus: every query is answered with one value.

Faults are a script: for each `METHOD /path` what its next requests get before the real answer. A number is a status,
"reset" tears the connection, "half" ends it in the middle of the answer, "prose" is a page of some proxy.
"""

import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

TOKEN = "glsa_by_the_book"
Answer = tuple[int, Any]
CHANGED = {"message": "the folder has been changed by someone else", "status": "version-mismatch"}
SAME_NAME = {"message": "a folder or dashboard in the general folder with the same name already exists"}
SAME_PLACE = {"message": "a folder with the same name already exists in the current location"}
SAME_UID = {"message": "a folder with the same UID already exists"}


class Generation(NamedTuple):
    """What a Grafana answers to POST /api/folders when uid or title are taken."""

    version: str
    uid_taken: Answer
    title_taken: Answer


GENERATIONS = {
    "7": Generation("7.5.17", (412, CHANGED), (400, SAME_NAME)),
    "9": Generation("9.5.21", (412, CHANGED), (409, SAME_NAME)),
    "10": Generation("10.4.19", (409, SAME_UID), (409, SAME_NAME)),
    "11": Generation("11.4.0", (412, {}), (409, SAME_PLACE)),
}
"""Sources: grafana/grafana issue 50767 (412 for a uid, 2022), pull requests 36429 (409 for a title, 8.0.5) and 76863
(409 for a uid, 2023); grafana/terraform-provider-grafana issue 2176 (11.4: 412 with an empty body, a title's words)."""


@dataclass
class ByTheBook:
    """One Grafana, running."""

    generation: Generation = GENERATIONS["10"]
    script: dict[str, list[int | str]] = field(default_factory=dict)
    url: str = ""
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    """Folders that a search does not find: of others, or not indexed yet."""
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    provisioned: set[str] = field(default_factory=set)
    marks: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def add_folder(self, uid: str, title: str, parent: str = "") -> None:
        """One that somebody else has made."""
        self.folders[uid] = {"id": len(self.folders) + 1, "uid": uid, "title": title, "parentUid": parent}

    def count(self, request: str) -> int:
        """How often that was asked."""
        return self.asked.count(request)


def _settings(grafana: ByTheBook, _: Any, __: Any) -> Answer:
    about = {"appUrl": f"{grafana.url}/", "namespace": "default"}
    return 200, {**about, "buildInfo": {"version": grafana.generation.version}, "datasources": {}}


def _new_folder(grafana: ByTheBook, _: Any, body: dict[str, Any]) -> Answer:
    if body.get("uid") in grafana.folders:
        return grafana.generation.uid_taken
    if any(each["title"] == body["title"] and not each["parentUid"] for each in grafana.folders.values()):
        return grafana.generation.title_taken
    uid = body.get("uid") or f"f{len(grafana.folders) + 1}"
    grafana.add_folder(uid, body["title"], body.get("parentUid", ""))
    return 200, {**grafana.folders[uid], "url": f"/dashboards/f/{uid}/x", "version": 1}


def _search(grafana: ByTheBook, query: dict[str, str], _: Any) -> Answer:
    if query.get("type") != "dash-folder":
        return 200, []
    words = query.get("query", "").lower()
    found = [each for uid, each in grafana.folders.items() if uid not in grafana.hidden]
    return 200, [
        {"id": each["id"], "uid": each["uid"], "title": each["title"], "type": "dash-folder", "tags": []}
        | ({"folderUid": each["parentUid"]} if each["parentUid"] else {})
        for each in found
        if words in each["title"].lower()
    ]


def _save(grafana: ByTheBook, _: Any, body: dict[str, Any]) -> Answer:
    sent, place = body["dashboard"], body.get("folderUid", "")
    uid = sent["uid"]
    if place not in grafana.folders:
        return 400, {"message": "folder not found"}
    if uid in grafana.provisioned:
        return 400, {"message": "Cannot save provisioned dashboard"}
    old = grafana.dashboards.get(uid)
    if old and not body.get("overwrite"):
        return 412, {
            "message": "The dashboard has been changed by someone else",
            "status": "version-mismatch",
        }
    version = old["dashboard"]["version"] + 1 if old else 1
    kept = {**sent, "id": 1 + len(grafana.dashboards), "version": version}
    grafana.dashboards[uid] = {"dashboard": kept, "meta": {"folderUid": place, "url": f"/d/{uid}/x"}}
    return 200, {"id": kept["id"], "uid": uid, "url": f"/d/{uid}/x", "status": "success", "version": version}


def _read(grafana: ByTheBook, query: dict[str, str], _: Any) -> Answer:
    kept = grafana.dashboards.get(query["0"])
    return (200, kept) if kept else (404, {"message": "Dashboard not found"})


def _sources(grafana: ByTheBook, query: dict[str, str], _: Any) -> Answer:
    one = {
        "id": 1,
        "uid": "prom",
        "name": "Prometheus",
        "type": "prometheus",
        "url": "http://prometheus:9090",
    }
    one |= {"access": "proxy", "isDefault": True, "jsonData": {"httpMethod": "POST"}}
    return 200, one if query.get("0") else [one]


def _query(grafana: ByTheBook, query: dict[str, str], _: Any) -> Answer:
    ranged = query["1"].endswith("query_range")
    value = {"values": [[1, "1"]]} if ranged else {"value": [1, "1"]}
    kind = "matrix" if ranged else "vector"
    return 200, {"status": "success", "data": {"resultType": kind, "result": [{"metric": {}, **value}]}}


def _mark(grafana: ByTheBook, _: Any, body: dict[str, Any]) -> Answer:
    grafana.marks.append({**body, "id": len(grafana.marks) + 1})
    return 200, {"message": "Annotation added", "id": len(grafana.marks)}


def _marks(grafana: ByTheBook, _: Any, __: Any) -> Answer:
    return 200, grafana.marks


_BOOK: list[tuple[str, Callable[[ByTheBook, Any, Any], Answer]]] = [
    ("GET /api/frontend/settings", _settings),
    ("POST /api/folders", _new_folder),
    ("GET /api/search", _search),
    ("POST /api/dashboards/db", _save),
    ("GET /api/dashboards/uid/([^/]+)", _read),
    ("GET /api/datasources", _sources),
    ("GET /api/datasources/uid/([^/]+)", _sources),
    ("POST /api/datasources/uid/([^/]+)/resources/(.+)", _query),
    ("POST /api/annotations", _mark),
    ("GET /api/annotations", _marks),
]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    grafana: ByTheBook

    def _answer(self) -> None:
        place = urlsplit(self.path)
        said = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = f"{self.command} {place.path}"
        self.grafana.asked.append(request)
        if (left := self.grafana.script.get(request)) and (fault := left.pop(0)):
            return self._fail(fault)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._send(401, {"message": "Invalid API key"})
        form = self.headers.get("Content-Type", "").startswith("application/x-www-form")
        body = json.loads(said) if said and not form else None
        query = {key: values[0] for key, values in parse_qs(place.query).items()}
        for pattern, answer in _BOOK:
            if found := re.fullmatch(pattern, request):
                words = {str(number): each for number, each in enumerate(found.groups())}
                return self._send(*answer(self.grafana, query | words, body))
        return self._send(404, {"message": "Not found"})

    do_GET = do_POST = do_PUT = do_PATCH = _answer

    def _fail(self, fault: int | str) -> None:
        if isinstance(fault, int):
            return self._send(fault, {"message": "as the script wants it"})
        if fault == "prose":
            return self._send(200, None, b"<html>Please log in</html>")
        if fault == "half":
            self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"uid": "')
        elif fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.wfile.flush()
        self.close_connection = True
        return None

    def _send(self, status: int, body: Any, raw: bytes | None = None) -> None:
        said = json.dumps(body).encode() if raw is None else raw
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if raw is None else "text/html")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def by_the_book(grafana: ByTheBook) -> Iterator[ByTheBook]:
    """Serve it while the block lasts."""
    handler = type("Handler", (_Handler,), {"grafana": grafana})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        grafana.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield grafana
        finally:
            server.shutdown()
            thread.join()
