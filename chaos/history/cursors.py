"""Cursors of lists: opaque, and valid for one list with one set of filters."""

import base64
import binascii
import hashlib
import json
from dataclasses import asdict

from chaos.history.errors import BadCursor
from chaos.history.models import Filters
from chaos.history.rows import askable

_SUM = 8
_MOST = 2000


def cursor(filters: Filters, created_ms: int, id_: str) -> str:
    """After that run."""
    body = json.dumps([created_ms, id_, _digest(filters)], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()[:_SUM] + body).rstrip(b"=").decode()


def after(filters: Filters, text: str) -> tuple[int, str]:
    """(created_ms, id) of the run that the list goes on after. Raises BadCursor."""
    wrong = BadCursor("cursor: expected one that this list gave for the same filters")
    try:
        data = base64.b64decode(text[:_MOST] + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if len(text) > _MOST or hashlib.sha256(data[_SUM:]).digest()[:_SUM] != data[:_SUM]:
            raise wrong
        created_ms, id_, digest = json.loads(data[_SUM:])
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise wrong from error
    if digest != _digest(filters) or not askable(created_ms) or not isinstance(id_, str) or not askable(id_):
        raise wrong
    return int(created_ms), id_


def _digest(filters: Filters) -> str:
    return hashlib.sha256(json.dumps(asdict(filters), sort_keys=True).encode()).hexdigest()[:12]
