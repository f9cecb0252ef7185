"""The fault's own measurement of a delay: round trips beside the app, before, during and after."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from chaos.errors import FaultError
from chaos.faults.base import Helper, Target
from chaos.faults.channel import ANSWERS_WITHIN_S
from chaos.faults.fidelity import percentile
from chaos.faults.net import echo

EVERY_S = 0.1
_BASELINE_TRIPS = 25
_BASELINE_PACE_S = 0.001


class EchoProbe:
    """Round trips through a responder of ours; `baseline_ms` is their median before the fault."""

    def __init__(self, helper: Helper) -> None:
        self._helper = helper
        self.port: int = _answer(helper)["port"]
        self.baseline_ms = 0.0
        trips = self.await_trips(_BASELINE_TRIPS, _BASELINE_PACE_S)
        self.baseline_ms = percentile([trip["delay_ms"] for trip in trips], 0.5)

    def pace(self, every_s: float) -> None:
        """Make a round trip every so often, the first at once and on a new connection too; 0 stops."""
        self._helper.send({"pace": every_s})

    def fetch(self) -> list[dict[str, float]]:
        """Round trips that ended since the last call; `delay_ms` is what one took more than the baseline."""
        self._helper.send({"fetch": True})
        return self._samples(ANSWERS_WITHIN_S)

    def await_trips(
        self, wanted: int, pace_s: float, timeout_s: float = ANSWERS_WITHIN_S
    ) -> list[dict[str, float]]:
        """`wanted` round trips that end from now on. Raises FaultError when that takes longer."""
        self._helper.send({"await": wanted, "pace": pace_s})
        return self._samples(timeout_s)

    def _samples(self, timeout_s: float) -> list[dict[str, float]]:
        raw: list[Mapping[str, float]] = _answer(self._helper, timeout_s)["samples"]
        return [_sample(one, self.baseline_ms) for one in raw]


@contextmanager
def echo_probe(target: Target) -> Iterator[EchoProbe]:
    """A responder and its clients, with their baseline measured."""
    with target.helper(echo.run) as helper:
        yield EchoProbe(helper)


def _answer(helper: Helper, timeout_s: float = ANSWERS_WITHIN_S) -> Mapping[str, Any]:
    message = helper.receive(timeout_s)
    if message is None:
        raise FaultError(f"round trips of our own got no answer within {timeout_s:g} s")
    return message


def _sample(raw: Mapping[str, float], baseline_ms: float) -> dict[str, float]:
    sample = {"delay_ms": round(raw["rtt_ms"] - baseline_ms, 3)}
    return sample | {name: round(raw[name], 3) for name in ("connect_ms", "new_connection_ms") if name in raw}
