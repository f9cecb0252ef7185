"""The fault's own measurement of a delay: round trips beside the app, before, during and after."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from chaos.errors import FaultError, InjectionError
from chaos.faults.base import Helper, Target
from chaos.faults.fidelity import percentile
from chaos.faults.net import echo

EVERY_S = 0.1
_BASELINE_TRIPS = 30
_BASELINE_PACE_S = 0.002
_ANSWER_S = 2.0
_POLL_S = 0.002


class EchoProbe:
    """Round trips through a responder of ours; `baseline_ms` is their median before the fault."""

    def __init__(self, helper: Helper) -> None:
        self._helper = helper
        self.port: int = _answer(helper)["port"]
        self.baseline_ms = percentile(
            [s["rtt_ms"] for s in self._collect(_BASELINE_TRIPS, _BASELINE_PACE_S)], 0.5
        )

    def pace(self, every_s: float) -> None:
        """Make a round trip every so often; 0 stops."""
        self._helper.send({"pace": every_s})

    def fetch(self) -> list[dict[str, float]]:
        """Round trips that ended since the last call; `delay_ms` is what one took more than the baseline."""
        return [_sample(raw, self.baseline_ms) for raw in self._raw()]

    def await_trips(self, wanted: int, timeout_s: float) -> list[dict[str, float]]:
        """`wanted` round trips or more that begin now. Raises InjectionError when they take longer."""
        raw = self._collect(wanted, EVERY_S, timeout_s)
        return [_sample(one, self.baseline_ms) for one in raw]

    def _collect(self, wanted: int, pace_s: float, timeout_s: float = _ANSWER_S) -> list[Mapping[str, float]]:
        self._raw()
        self.pace(pace_s)
        until = time.monotonic() + timeout_s
        found: list[Mapping[str, float]] = []
        while len(found) < wanted:
            if time.monotonic() > until:
                raise InjectionError(
                    f"of {wanted} round trips of our own only {len(found)} ended in {timeout_s:g} s"
                )
            time.sleep(_POLL_S)
            found += self._raw()
        self.pace(0)
        return found

    def _raw(self) -> list[Mapping[str, float]]:
        self._helper.send({"fetch": True})
        samples: list[Mapping[str, float]] = _answer(self._helper)["samples"]
        return samples


@contextmanager
def echo_probe(target: Target) -> Iterator[EchoProbe]:
    """A responder and its clients, with their baseline measured."""
    with target.helper(echo.run) as helper:
        yield EchoProbe(helper)


def _answer(helper: Helper) -> Mapping[str, Any]:
    message = helper.receive(_ANSWER_S)
    if message is None:
        raise FaultError(f"a helper did not answer within {_ANSWER_S:g} s")
    return message


def _sample(raw: Mapping[str, float], baseline_ms: float) -> dict[str, float]:
    sample = {"delay_ms": round(raw["rtt_ms"] - baseline_ms, 3)}
    return sample | {name: round(raw[name], 3) for name in ("connect_ms", "new_connection_ms") if name in raw}
