"""What a request may carry: of which type, how much, within how long."""

from dataclasses import dataclass

from chaos.gitops.webhook.app import MOST_BODY_BYTES, PATH, WITHIN_S
from flows.server.door.rules import Asked

UPLOADS = "/api/v1/uploads/"
WEBHOOK = PATH


@dataclass(frozen=True, slots=True)
class BodyBounds:
    """The body of one kind of request."""

    kind: str
    """Empty: whatever the route takes."""
    most_bytes: int
    within_s: float


JSON = BodyBounds("application/json", 512 * 1024, 10.0)
PIECE = BodyBounds("application/x-ndjson", 4 * 2**20, 30.0)
DELIVERY = BodyBounds("", MOST_BODY_BYTES, WITHIN_S)
"""Of a forge."""
FILE = BodyBounds("application/octet-stream", 16 * 2**20, 60.0)


def taken(asked: Asked) -> BodyBounds:
    """What that request may carry."""
    if asked.path.startswith(UPLOADS) and asked.path.endswith("/journal") and asked.method == "PATCH":
        return PIECE
    if asked.path.startswith(UPLOADS) and "/artifacts/" in asked.path and asked.method == "PUT":
        return FILE
    return DELIVERY if asked.path == WEBHOOK else JSON


def is_piece(asked: Asked) -> bool:
    """Whether it is one of the many pieces of a delivery, of which the beginning and the end are written down."""
    return taken(asked) in (PIECE, FILE)
