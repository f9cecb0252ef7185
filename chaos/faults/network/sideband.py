"""The fault's own measurement of a delay: round trips beside the app, before, during and after."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from chaos.errors import FaultError
from chaos.faults.network import echo
from chaos.faults.support.base import Helper, Target
from chaos.faults.support.channel import ANSWERS_WITHIN_S
from chaos.faults.support.fidelity import percentile

EVERY_S = 0.1
_BASELINE_TRIPS = 25
_BASELINE_PACE_S = 0.001
_TLS_TIMES, _TLS_WITHIN_S, _TLS_LOOK_S = 3, 3.0, 0.02


class EchoProbe:
    """Round trips through a responder of ours; `baseline_ms` is their median before the fault."""

    def __init__(self, helper: Helper) -> None:
        self._helper = helper
        self.port: int = _answer(helper)["port"]
        self.baseline_ms = 0.0
        trips = self.await_trips(_BASELINE_TRIPS, _BASELINE_PACE_S)
        self.baseline_ms = percentile([trip["delay_ms"] for trip in trips], 0.5)
        self.tls_baseline_ms: float | None = None
        """What a TLS handshake takes before the fault; None where it was not asked for, or cannot be made."""

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

    def measure_tls(self) -> None:
        """Handshakes before the fault."""
        took: list[float] = []
        until = time.monotonic() + _TLS_WITHIN_S
        while len(took) < _TLS_TIMES and time.monotonic() < until:
            self.begin_tls()
            time.sleep(_TLS_LOOK_S)
            for one in self.fetch():
                if "tls_refused" in one:
                    return
                took += [one["tls_handshake_ms"]] if "tls_handshake_ms" in one else []
        self.tls_baseline_ms = percentile(took, 0.5) if took else None

    def begin_tls(self) -> None:
        """Begin a TLS handshake on a new connection, unless one is under way or was just begun."""
        self._helper.send({"tls": True})

    def _samples(self, timeout_s: float) -> list[dict[str, float]]:
        raw: list[Mapping[str, float]] = _answer(self._helper, timeout_s)["samples"]
        return [self._sample(one) for one in raw]

    def _sample(self, raw: Mapping[str, float]) -> dict[str, float]:
        if "tls_handshake_ms" in raw and self.tls_baseline_ms is not None:
            raw = {**raw, "tls_handshake_ms": raw["tls_handshake_ms"] - self.tls_baseline_ms}
        if "rtt_ms" not in raw:
            return {
                name: round(value, 3) if isinstance(value, float) else value for name, value in raw.items()
            }
        sample = {"delay_ms": round(raw["rtt_ms"] - self.baseline_ms, 3)}
        more = ("connect_ms", "new_connection_ms")
        return sample | {name: round(raw[name], 3) for name in more if name in raw}


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
