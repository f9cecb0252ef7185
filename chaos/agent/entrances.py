"""Where an experiment asks the app as those who use it do, and so may stand for them.

That is where its load goes. Without a load it is what the probes of the steady state ask, when they all ask the same
one: a look at a dependency, beside looks at the app, is nobody's use of it.
"""

from chaos.probes.http1 import Request
from chaos.run_spec.model import WorkSpec


def entrances(order: WorkSpec) -> frozenset[int]:
    """The ports, none or one."""
    if order.load:
        return frozenset({Request.of(order.load.url).port})
    asked = {port for state in order.steady_state if (port := state.probe.made().asks) is not None}
    return frozenset(asked if len(asked) == 1 else ())
