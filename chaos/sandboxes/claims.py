"""What a reference to a sandbox may say: only what this machine would have made itself; anything else is refused.

A reference decides which program runs on the host and which directory is removed. It comes from our own memory or a
file of ours (`chaos.sandboxes.inventory`), and is looked at all the same before anything is done with it.
"""

import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from chaos.errors import SandboxRefused
from chaos.sandboxes.container.engine import KNOWN
from chaos.sandboxes.support.base import SandboxRef
from chaos.sandboxes.support.runtime import runtime_dir

_BOX = re.compile(r"box-[a-z0-9_]{8}")
_LOCAL_ID = re.compile(r"[a-z0-9_]{8}-[0-9a-f]{6}")
_CONTAINER_ID = re.compile(r"[0-9a-f]{12}")
_E2B_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_E2B_TURN = re.compile(r"(chaoslab-[0-9a-f]{24})?")
_MOST_PIDS = 2**22
_NOT_OURS = "nothing is done with it"


def checked(ref: SandboxRef) -> SandboxRef:
    """The same reference. Raises SandboxRefused, which names what of it is not ours."""
    rule = _RULES.get(ref.type)
    if rule is None:
        raise SandboxRefused(
            f"no sandbox provider {ascii(ref.type)[:60]}; known: {', '.join(sorted(_RULES))}"
        )
    if why := rule(ref.id, ref.facts):
        raise SandboxRefused(f"{ref.type} sandbox {ascii(ref.id)[:60]}: {why}: {_NOT_OURS}")
    return ref


def _local(id_: str, facts: Mapping[str, Any]) -> str | None:
    folder, keeper = facts.get("folder"), facts.get("keeper")
    if type(keeper) is not int or not 1 < keeper <= _MOST_PIDS:
        return "its keeper is no process"
    if not isinstance(folder, str):
        return "its folder is not named"
    name = Path(folder).name
    if not _matches(_LOCAL_ID, id_) or not _matches(_BOX, name) or id_[:8] != name.removeprefix("box-"):
        return f"{ascii(folder)[:200]} is no folder of a sandbox of ours"
    if Path(folder).absolute() != runtime_dir().absolute() / name:
        return f"{ascii(folder)[:200]} is not in {runtime_dir()}, where ours are"
    try:
        seen = os.lstat(folder)
    except FileNotFoundError:
        return None
    ours = stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid()
    return None if ours else f"{ascii(folder)[:200]} is no directory of this user's"


def _container(id_: str, facts: Mapping[str, Any]) -> str | None:
    from chaos.settings import Settings  # only whoever has a container pays for the import

    engine = facts.get("engine")
    if not isinstance(engine, str) or engine not in (*KNOWN, Settings().chaoslab_container_engine):
        return f"{ascii(engine)[:200]} is no container engine of ours"
    if not _matches(_CONTAINER_ID, id_) or facts.get("container") != f"chaoslab-{id_}":
        return "it is no container of ours"
    return None


def _e2b(id_: str, facts: Mapping[str, Any]) -> str | None:
    if not _matches(_E2B_ID, id_) or not _matches(_E2B_TURN, facts.get("turn", "")):
        return "it is no microVM of ours"
    return None if type(facts.get("ends_at")) in (int, float) else "it does not say when it ends"


def _matches(pattern: "re.Pattern[str]", value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


_RULES: Mapping[str, Callable[[str, Mapping[str, Any]], str | None]] = {
    "local": _local,
    "container": _container,
    "e2b": _e2b,
}
