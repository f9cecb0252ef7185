"""Digest of a game day: the hash of all that can change what happens on it."""

import hashlib
import json
from collections.abc import Mapping

from chaos.manifests.models.game_day import GameDaySpec

_ABOUT = {"schedule", "suspend", "participants", "notes"}
"""What says when, and who is there; not what happens."""


def digest_of(spec: GameDaySpec, digests: Mapping[str, str]) -> str:
    """`sha256:…` of all that can change what happens on the day: what it says, and its experiments' digests."""
    said = {
        "spec": spec.model_dump(mode="json", exclude=_ABOUT),
        "experiments": dict(sorted(digests.items())),
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
