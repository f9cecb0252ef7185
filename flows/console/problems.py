"""What is answered when something cannot be done: RFC 9457, `application/problem+json`.

Each type has a page at `/problems/NAME` that says what to do; a status belongs to its type and to no other meaning.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from chaos.errors import ManifestError
from chaos.manifests.yaml.problems import ManifestProblem as Mistake
from chaos.text.inert import inert

MEDIA_TYPE = "application/problem+json"
TYPES: Mapping[str, tuple[int, str, str]] = {
    "bad-request": (400, "The request is not one", "`problems` says which part, and what is allowed there."),
    "unauthenticated": (
        401,
        "Who asks is not known",
        "Ask as the user who started the console, or send `Authorization: Bearer TOKEN`.",
    ),
    "forbidden": (403, "Not allowed", "Ask whoever runs the console for a token of another role."),
    "cross-origin": (403, "Pages of other origins may not ask", "Open the console's own address."),
    "not-found": (404, "There is none", "`GET /api/v1/runs` lists the runs, `/docs` the routes."),
    "not-allowed": (405, "Not with this method", "The header `Allow` says with which."),
    "not-finished": (
        409,
        "The run has not ended",
        "Ask again after `Retry-After` seconds, or follow its events.",
    ),
    "already-ended": (409, "The run has ended", "There is nothing left to stop."),
    "conflict": (409, "That is not possible now", "`detail` says why."),
    "pruned": (410, "Its files are no longer kept", "Verdict and numbers are in the history."),
    "too-large": (413, "Too much", "A body holds 512 KiB at most."),
    "unsupported-media-type": (415, "JSON is wanted", "Send `Content-Type: application/json`."),
    "range": (416, "Not in the file", "`Content-Range` says how long it is."),
    "misdirected": (421, "Not for this server", "Use one of the addresses that `detail` names."),
    "manifest-refused": (422, "The manifest is refused", "`problems` has line and column of each mistake."),
    "idempotency-mismatch": (422, "That key was used for another request", "Send a fresh key."),
    "halted": (
        423,
        "Experiments are halted",
        "`DELETE /api/v1/halt`, or `chaoslab resume`, lets them begin again.",
    ),
    "not-delivered": (424, "Its files have not arrived", "`remedy` says what brings them here."),
    "too-many": (429, "Too many requests", "Wait for `Retry-After` seconds."),
    "broken": (500, "Our mistake", "The console's log has this `request_id`."),
    "prefect-away": (503, "The Prefect server does not answer", "`chaoslab up` starts the local one."),
    "store-away": (503, "The history does not answer", "`chaoslab history check` says why."),
}
"""Type -> status, title, and what to do."""


class ProblemDetail(BaseModel):
    """One thing that is wrong, and where: a field of the request, or a place in a manifest."""

    path: str = ""
    message: str
    line: int | None = None
    column: int | None = None


class Problem(BaseModel):
    """The body of every answer that is no success."""

    type: str
    title: str
    status: int
    detail: str
    instance: str = ""
    request_id: str = ""
    problems: list[ProblemDetail] | None = None
    remedy: str | None = None
    reason: str | None = None
    by: str | None = None
    at: str | None = None


@dataclass
class Refused(Exception):
    """Raised by whatever cannot do what it was asked; becomes the answer."""

    kind: str
    detail: str
    problems: Sequence[ProblemDetail] = ()
    retry_after_s: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return TYPES[self.kind][0]

    def body(self, instance: str, request_id: str) -> bytes:
        """As JSON; whatever it quotes is inert."""
        status, title, _ = TYPES[self.kind]
        said = Problem(
            type=f"/problems/{self.kind}",
            title=title,
            status=status,
            detail=inert(self.detail),
            instance=instance,
            request_id=request_id,
            problems=list(self.problems) or None,
            **self.more,
        )
        return json.dumps(said.model_dump(exclude_none=True), ensure_ascii=False).encode(errors="replace")

    def all_headers(self) -> dict[str, str]:
        """What goes with the body."""
        retry = {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}
        return {"content-type": MEDIA_TYPE, "cache-control": "no-store", **retry, **self.headers}


def refused_manifest(error: ManifestError) -> Refused:
    """The answer to a manifest that cannot or must not be carried out."""
    found = [detail_of(each) for each in error.problems]
    many = "1 problem" if len(found) == 1 else f"{len(found)} problems"
    return Refused("manifest-refused", many, found)


def detail_of(said: object) -> ProblemDetail:
    """One mistake, as it is answered."""
    if isinstance(said, Mistake):
        return ProblemDetail(path=said.path, message=inert(said.what), line=said.line, column=said.column)
    path, colon, what = str(said).partition(": ")
    named = bool(colon) and path.replace("_", "").isalnum() and path.islower()
    return ProblemDetail(path=path if named else "", message=inert(what if named else str(said)))
