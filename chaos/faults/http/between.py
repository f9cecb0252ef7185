"""The proxy and the witness as the fault sees them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from chaos.errors import FaultError, InjectionError
from chaos.faults.http import redirected, witness
from chaos.faults.http.tampering import Tampering
from chaos.faults.network.endpoints import NetworkEndpoint, to_json
from chaos.faults.support.base import Helper, Target
from chaos.faults.support.channel import ANSWERS_WITHIN_S
from chaos.faults.support.fidelity import percentile

PACE_S = 0.025
_BASELINE_PACE_S = 0.01
_BASELINE_REQUESTS = 15
_POLL_S = 0.005
_STOP_S = 5.0

Sample = Mapping[str, Any]
Identity = Mapping[str, str] | None
"""Files of a certificate, its key and its authority; see Authority."""


class OwnRequests:
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
def requests(
    target: Target, tampering: Tampering, patience_s: float, identity: Identity = None
) -> Iterator[OwnRequests]:
    """A responder and its client, with their baseline measured; in TLS with an identity."""
    asked: dict[str, Any] = {"method": tampering.method or "GET", "path": tampering.path}
    asked |= {"patience_s": patience_s, "identity": identity, "streams": tampering.streams}
    with target.helper(witness.run, **asked) as helper:
        yield OwnRequests(helper)


class Between:
    """The proxy that stands between the target and its clients."""

    def __init__(self, helper: Helper, users: Callable[[], Sequence[int]] | None = None) -> None:
        self._helper = helper
        self._users = users
        message = _message(helper, "open", ANSWERS_WITHIN_S)
        self.open_before = int(message["open"])
        """Connections that were open when it came."""
        self.watched = str(message["watched"])
        """How requests on those are seen."""

    def counts(self) -> Mapping[str, int]:
        """Exactly what became of the target's requests: `matched`, `faulted_requests`, …"""
        self._helper.send({"report": True, "users": None if self._users is None else list(self._users())})
        found: Mapping[str, int] = _expect(self._helper, "counts", ANSWERS_WITHIN_S)
        return found


@contextmanager
def between(
    target: Target,
    places: list[NetworkEndpoint],
    echo_port: int,
    tampering: Tampering,
    identity: Identity = None,
) -> Iterator[Between]:
    """The proxy in place; at the end nothing new is led through it, and what is under way is carried on."""
    told: dict[str, Any] = {"endpoints": to_json(places), "tampering": tampering.arguments()}
    told |= {"echo_port": echo_port, "seed": target.random.getrandbits(32), "identity": identity}
    entered = any(place.port in target.entrances() for place in places)
    told["users"] = None if entered else list(target.pids())
    with target.helper(redirected.run, **told) as helper:
        try:
            yield Between(helper, None if entered else target.pids)
        finally:
            with suppress(FaultError):  # it may have died: then the kernel has removed the rules already
                helper.send({"stop": True})
                carried = int(_message(helper, "carried_on", _STOP_S)["carried_on"])
                helper.let_go()
                target.measured(carried_on=carried)


def _expect(helper: Helper, key: str, timeout_s: float) -> Any:
    return _message(helper, key, timeout_s)[key]


def _message(helper: Helper, key: str, timeout_s: float) -> Sample:
    """The next one that has the key; late answers to earlier questions come first."""
    until = time.monotonic() + timeout_s
    while (message := helper.receive(max(0.0, until - time.monotonic()))) is not None:
        if key in message:
            return message
    raise InjectionError(f"a helper said nothing of {key!r} within {timeout_s:g} s")
