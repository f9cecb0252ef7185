"""Put the library of preload.c where processes can load it, and say what they must be started with."""

import base64
import importlib
import platform
import zlib
from collections.abc import Mapping
from pathlib import Path

from chaos.errors import InjectionError
from chaos.faults.clock.page import FOLDER


def missing() -> str | None:
    """Why there is none for this machine, with the remedy; None when there is."""
    machine = platform.machine()
    try:
        importlib.import_module(f"chaos.faults.clock.preload_{machine}")
    except ModuleNotFoundError:
        return (
            f"the library that answers for the clock was not compiled for {machine}; "
            "on such a machine with cc: python scripts/clock_library.py"
        )
    return None


def put_in_place(work: Path) -> Path:
    """The library, below `work`. Raises OSError, or InjectionError when there is none for this machine."""
    if why := missing():
        raise InjectionError(f"the clock of a process cannot be set here: {why}")
    place = work / FOLDER / "chaoslab-clock.so"
    place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if not place.exists():
        packed = importlib.import_module(f"chaos.faults.clock.preload_{platform.machine()}").PACKED
        part = place.with_suffix(".part")
        part.write_bytes(zlib.decompress(base64.b85decode(packed)))
        part.chmod(0o755)
        part.replace(place)
    return place


def environment(library: Path, clock: Path, env: Mapping[str, str]) -> dict[str, str]:
    """The variables that put a process under the clock of that page; what it preloads itself stays."""
    others = [word for word in env.get("LD_PRELOAD", "").split() if word != str(library)]
    return {"LD_PRELOAD": " ".join([*others, str(library)]), "CHAOSLAB_CLOCK": str(clock)}
