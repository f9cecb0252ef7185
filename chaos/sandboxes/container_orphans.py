"""Containers that outlived their use: ended but not removed, or past the time at which they had to have ended."""

import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

from chaos.errors import SandboxError
from chaos.sandboxes.container_engine import KNOWN, Engine
from chaos.sandboxes.container_start import ENDS, LABEL
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
    """Their names. An engine whose daemon does not answer holds none that anybody could remove."""
    try:
        listed = await engine.call("ps", "--all", "--quiet", "--filter", f"label={LABEL}")
    except SandboxError:
        return []
    known = await engine.inspect(*listed.split()) if listed.split() else []
    return [each["Name"].lstrip("/") for each in known if is_orphan(each, time.time())]


async def _remove_from(engine: Engine) -> Sequence[str]:
    names = await orphans(engine)
    if names:
        await engine.call("rm", "--force", "--volumes", *names)
    return names


def is_orphan(container: Mapping[str, Any], now: float) -> bool:
    """Whether nobody can be using it, by what `inspect` says of it. Pure."""
    ends = float(container["Config"]["Labels"].get(ENDS, 0))
    if now > ends + _GRACE_S:
        return True
    status = container["State"]["Status"]
    return status in ("exited", "dead", "stopped")
