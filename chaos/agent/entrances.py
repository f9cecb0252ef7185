"""Where an experiment asks the app as those who use it do, and so may stand for them.

That is where its load goes. Without a load it is what the probes of the steady state ask, when they all ask the same
one. When they ask several, it is each service of the app that must answer over HTTP throughout, by the experiment's own
word, unless another process of the app is told where it is: what the app itself uses is its dependency, and a look at
that, beside looks at the app, is nobody's use of it.
"""

import json
import re
from collections.abc import Iterator

from chaos.probes.http import HttpProbe
from chaos.probes.http1 import Request
from chaos.run_spec.codec import encode
from chaos.run_spec.model import WorkSpec
from chaos.run_spec.parts import ProcessSpec


def entrances(order: WorkSpec) -> frozenset[int]:
    """The ports; none where nobody can say."""
    if order.load:
        return frozenset({Request.of(order.load.url).port})
    asked = {port for state in order.steady_state if (port := state.probe.made().asks) is not None}
    return frozenset(asked if len(asked) == 1 else _used(order))


def _used(order: WorkSpec) -> Iterator[int]:
    """Which of several are used, and not by the app alone."""
    looks = (state.probe.of(HttpProbe) for state in order.steady_state if state.holds == "throughout")
    promised = {probe.asks for probe in looks if probe is not None}
    for one in order.processes:
        told = (other for other in order.processes if other is not one)
        if one.port in promised and one.port is not None and not any(_names(other, one) for other in told):
            yield one.port


def _names(process: ProcessSpec, other: ProcessSpec) -> bool:
    """Whether a process is told of another, by its command or a variable: its port or its name, as a word."""
    said = json.dumps(encode([process.command, list(process.env.values())]))
    words = rf"(?<![\w-])(?:{other.port}|{re.escape(other.name)})(?![\w-])"
    return re.search(words, said) is not None
