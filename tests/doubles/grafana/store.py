"""What a Grafana remembers: dashboards with their versions, folders, data sources, annotations."""

import copy
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

Json = dict[str, Any]


@dataclass
class Store:
    """Everything of one Grafana."""

    generation: str
    """`legacy` or `k8s`."""
    url: str = ""
    sources: dict[str, Json] = field(default_factory=dict)
    folders: dict[str, Json] = field(default_factory=dict)
    dashboards: dict[str, Json] = field(default_factory=dict)
    annotations: dict[int, Json] = field(default_factory=dict)
    provisioned: set[str] = field(default_factory=set)
    """Dashboards that come from files, and cannot be saved."""
    spoil: bool = False
    """Keep something other than what was sent, as a server that converts wrongly does."""
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def version(self) -> str:
        """What it says it is."""
        return "12.1.0" if self.generation == "k8s" else "10.4.19"

    def new_id(self) -> int:
        """The next number."""
        return next(self._ids)

    def save(self, spec: Json, uid: str, folder: str, message: str) -> Json:
        """Keep a dashboard, as a new version of itself when it is there."""
        kept = self.dashboards.setdefault(
            uid, {"id": self.new_id(), "uid": uid, "version": 0, "created": now(), "versions": []}
        )
        kept["version"] += 1
        spec = copy.deepcopy(spec) | {"id": kept["id"], "uid": uid, "version": kept["version"]}
        if self.spoil:
            spec["panels"][0]["title"] = "something else"
        kept |= {"spec": spec, "folder": folder, "updated": now()}
        kept["versions"].append({"version": kept["version"], "message": message, "created": now()})
        return kept


def of(request: Request) -> Store:
    """The store of the server that got this request."""
    store: Store = request.app.state.store
    return store


def refusal(status: int, message: str, **more: str) -> JSONResponse:
    """What Grafana answers when it does not want to."""
    return JSONResponse({"message": message, **more}, status)


def now() -> str:
    """As Grafana writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def slug(title: str) -> str:
    """A title as the last part of an address."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "dashboard"


def path_of(kept: Json) -> str:
    """The address of a dashboard, below Grafana's own."""
    return f"/d/{kept['uid']}/{slug(kept['spec']['title'])}"
