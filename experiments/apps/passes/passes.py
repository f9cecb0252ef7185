"""Tickets: what a ticket office and an entrance say to each other about time. Standard library only."""

import base64
import hashlib
import hmac
import json
import time

KEY = b"tickets"
VALID_S = 60.0


def issue() -> str:
    """A pass, valid from now on for a minute, by the clock of whoever issues it."""
    now = time.time()
    words = json.dumps({"from": now, "until": now + VALID_S}).encode()
    return ".".join(base64.urlsafe_b64encode(part).decode() for part in (words, _signature(words)))


def is_valid(ticket: str) -> bool:
    """Whether it is genuine, and valid now, by the clock of whoever looks."""
    try:
        words, signature = (base64.urlsafe_b64decode(part) for part in ticket.split("."))
    except ValueError:
        return False
    if not hmac.compare_digest(signature, _signature(words)):
        return False
    said = json.loads(words)
    return bool(said["from"] <= time.time() < said["until"])


def ends_at(ticket: str) -> float:
    """When it says that it ends, Unix seconds."""
    return float(json.loads(base64.urlsafe_b64decode(ticket.split(".")[0]))["until"])


def _signature(words: bytes) -> bytes:
    return hmac.digest(KEY, words, hashlib.sha256)
