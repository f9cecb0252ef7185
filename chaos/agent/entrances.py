"""Where an experiment asks the app as those who use it do, and so may stand for them.

That is where its load goes. Without a load it is what the probes of the steady state ask, when they all ask the same
one. When they ask several, it is each service of the app that must answer over HTTP throughout, by the experiment's own
word, unless another process of the app is told where it is: what the app itself uses is its dependency, and a look at
that, beside looks at the app, is nobody's use of it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from chaos.probes.http1 import Request


def entrances(order: Mapping[str, Any]) -> frozenset[int]:
    """The ports; none where nobody can say."""
    if load := order.get("load"):
        return frozenset({Request.of(str(load["url"])).port})
    asked = {port for entry in order["steady_state"] if (port := _port(entry["probe"])) is not None}
    return frozenset(asked if len(asked) == 1 else _used(order))


def _used(order: Mapping[str, Any]) -> Iterator[int]:
    """Which of several are used, and not by the app alone."""
    promised = {
        _port(entry["probe"])
        for entry in order["steady_state"]
        if entry.get("holds") == "throughout" and "url" in entry["probe"]
    }
    processes = order.get("processes") or ()
    for one in processes:
        told = (other for other in processes if other is not one)
        if one.get("port") in promised and not any(_names(other, one) for other in told):
            yield int(one["port"])


def _names(process: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a process is told of another, by its command or a variable: its port or its name, as a word."""
    said = json.dumps([process.get("command"), list((process.get("env") or {}).values())])
    words = rf"(?<![\w-])(?:{other['port']}|{re.escape(str(other['name']))})(?![\w-])"
    return re.search(words, said) is not None


def _port(probe: Mapping[str, Any]) -> int | None:
    """Which port it asks."""
    if "url" in probe:
        return Request.of(str(probe["url"])).port
    port = probe.get("port")
    return None if port is None else int(port)
