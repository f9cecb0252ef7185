"""Where an experiment asks the app as those who use it do, and so may stand for them.

That is where its load goes. Without a load it is what the probes of the steady state ask, when they all ask the same
one: a look at a dependency, beside looks at the app, is nobody's use of it.
"""

from collections.abc import Mapping
from typing import Any

from chaos.probes.http1 import Request


def entrances(order: Mapping[str, Any]) -> frozenset[int]:
    """The ports, none or one."""
    if load := order.get("load"):
        return frozenset({Request.of(str(load["url"])).port})
    asked = {port for entry in order["steady_state"] if (port := _port(entry["probe"])) is not None}
    return frozenset(asked if len(asked) == 1 else ())


def _port(probe: Mapping[str, Any]) -> int | None:
    """Which port it asks."""
    if "url" in probe:
        return Request.of(str(probe["url"])).port
    port = probe.get("port")
    return None if port is None else int(port)
