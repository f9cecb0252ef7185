"""Containers that outlived their use: ended but not removed, or past the time at which they had to have ended."""

import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

from chaos.errors import SandboxError
from chaos.sandboxes.container.engine import KNOWN, Engine
from chaos.sandboxes.container.ours import forget, name_of, ours
from chaos.sandboxes.container.start import ENDS, LABEL
from chaos.settings import Settings

_GRACE_S = 30.0


async def remove_orphans() -> list[str]:
    """Remove them from every engine that is here; `PROGRAM NAME` of each. Raises SandboxError."""
    named = Settings().chaoslab_container_engine
    removed = []
    for program in dict.fromkeys([*([named] if named else []), *KNOWN]):
        if shutil.which(program) is not None:
            removed += [f"{program} {name}" for name in await _remove_from(Engine(program))]
    return removed


async def orphans(engine: Engine) -> list[str]:
    """The ids of those. An engine whose daemon does not answer holds none that anybody could remove."""
    return [id_ for id_, _ in await _orphans(engine)]


async def _orphans(engine: Engine) -> list[tuple[str, str]]:
    """Of each, its id in our words and in the engine's."""
    if not (made := ours()):
        return []
    try:
        listed = await engine.call("ps", "--all", "--quiet", "--filter", f"label={LABEL}")
        known = await engine.inspect(*listed.split()) if listed.split() else []
    except SandboxError:
        return []
    now = time.time()
    return [
        (id_, str(each["Id"]))
        for each in known
        if (id_ := id_of(each)) is not None and id_ in made and is_orphan(each, now)
    ]


async def _remove_from(engine: Engine) -> Sequence[str]:
    found = await _orphans(engine)
    if found:
        await engine.call("rm", "--force", "--volumes", *(theirs for _, theirs in found))
    for id_, _ in found:
        forget(id_)
    return [name_of(id_) for id_, _ in found]


def id_of(container: Mapping[str, Any]) -> str | None:
    """The id of a sandbox of ours, when label and name say the same. Pure."""
    id_ = (container["Config"].get("Labels") or {}).get(LABEL)
    named = str(container["Name"]).lstrip("/")
    return id_ if isinstance(id_, str) and named == name_of(id_) else None


def is_orphan(container: Mapping[str, Any], now: float) -> bool:
    """Whether nobody can be using it, by what `inspect` says of it. Pure."""
    try:
        ends = float(container["Config"]["Labels"].get(ENDS, 0))
    except ValueError:
        ends = 0.0
    return now > ends + _GRACE_S or container["State"]["Status"] in ("exited", "dead", "stopped")
