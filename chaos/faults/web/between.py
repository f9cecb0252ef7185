"""The proxy and the witness as the fault sees them."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from chaos.errors import FaultError, InjectionError
from chaos.faults.base import Helper, Target
from chaos.faults.channel import ANSWERS_WITHIN_S
from chaos.faults.fidelity import percentile
from chaos.faults.net.endpoints import Endpoint, to_json
from chaos.faults.web import redirected, witness
from chaos.faults.web.tampering import Tampering

PACE_S = 0.025
_BASELINE_PACE_S = 0.01
_BASELINE_REQUESTS = 15
_POLL_S = 0.005
_STOP_S = 5.0

Sample = Mapping[str, Any]


class Requests:
    """Requests of our own to a responder of ours at `port`; `baseline_ms` is what one takes before the fault."""

    def __init__(self, helper: Helper) -> None:
        self._helper = helper
        self.port = int(_expect(helper, "port", ANSWERS_WITHIN_S))
        seen = self.until(lambda _: True, ANSWERS_WITHIN_S, at_least=_BASELINE_REQUESTS)
        if any(sample["saw"] != "200" for sample in seen):
            raise InjectionError(f"requests of our own failed before the fault: {seen}")
        self.baseline_ms = percentile([float(sample["took_ms"]) for sample in seen], 0.5)

    def pace(self, every_s: float) -> None:
        """Make one every so often, from now on on new connections; 0 stops."""
        self._helper.send({"pace": every_s})

    def fetch(self) -> list[Sample]:
        """Those that ended since the last call."""
        self._helper.send({"fetch": True})
        found: list[Sample] = _expect(self._helper, "samples", ANSWERS_WITHIN_S)
        return found

    def until(self, wanted: Callable[[Sample], bool], within_s: float, at_least: int = 1) -> list[Sample]:
        """Make requests until one is wanted; all of them. The last one is not the one wanted when time ran out."""
        self.fetch()
        self.pace(_BASELINE_PACE_S)
        over = time.monotonic() + within_s
        seen: list[Sample] = []
        while time.monotonic() < over:
            for sample in self.fetch():
                seen.append(sample)
                if len(seen) >= at_least and wanted(sample):
                    self.pace(0)
                    return seen
            time.sleep(_POLL_S)
        self.pace(0)
        return seen


@contextmanager
def requests(target: Target, tampering: Tampering, patience_s: float) -> Iterator[Requests]:
    """A responder and its client, with their baseline measured."""
    asked: dict[str, Any] = {"method": tampering.method or "GET", "path": tampering.path}
    asked["patience_s"] = patience_s
    with target.helper(witness.run, **asked) as helper:
        yield Requests(helper)


class Between:
    """The proxy that stands between the target and its clients."""

    def __init__(self, helper: Helper) -> None:
        self._helper = helper
        self.ended = int(_expect(helper, "ended", ANSWERS_WITHIN_S))
        """Open connections that were reset; -1 when that is left to their next packet."""

    def counts(self) -> Mapping[str, int]:
        """Exactly what became of the target's requests: `matched`, `faulted_requests`, …"""
        self._helper.send({"report": True})
        found: Mapping[str, int] = _expect(self._helper, "counts", ANSWERS_WITHIN_S)
        return found


@contextmanager
def between(
    target: Target, places: list[Endpoint], echo_port: int, tampering: Tampering
) -> Iterator[Between]:
    """The proxy in place; at the end what is under way may end, then all is as it was."""
    told: dict[str, Any] = {"endpoints": to_json(places), "tampering": tampering.arguments()}
    told |= {"echo_port": echo_port, "seed": target.random.getrandbits(32)}
    with target.helper(redirected.run, **told) as helper:
        try:
            yield Between(helper)
        finally:
            with suppress(FaultError):  # it may have died: then the kernel has removed the rules already
                helper.send({"stop": True})
                while "stopped" not in (helper.receive(_STOP_S) or {"stopped": None}):
                    pass


def _expect(helper: Helper, key: str, timeout_s: float) -> Any:
    message = helper.receive(timeout_s)
    if message is None or key not in message:
        raise InjectionError(f"a helper said nothing of {key!r} within {timeout_s:g} s")
    return message[key]
