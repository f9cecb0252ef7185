"""What connecting and a TLS handshake paid under a delay, and whether connecting paid it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from chaos.faults.support.fidelity import median_interval

MEANS = {
    True: "once per round trip, also of a handshake: connecting pays, too",
    False: "once per round trip of an established connection; handshakes are spared",
}
"""By whether handshakes pay."""
_MANY = 5
"""Connections from which on a busy machine's one late one does not move the median."""


def paid(samples: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """The milliseconds of that name, of the samples that have it."""
    return [float(sample[name]) for sample in samples if name in sample]


def connecting(
    samples: Sequence[Mapping[str, Any]], asked_ms: float, allowed_ms: float, least_ms: float
) -> tuple[bool, str]:
    """Whether a new connection paid the delay, and that in words.

    The median of five and more must lie within `allowed_ms`; of fewer none may be below `least_ms`.
    """
    took = paid(samples, "connect_ms")
    if not took:
        return False, "; no connection was measured"
    median = median_interval(took)[0]
    near = abs(median - asked_ms) <= allowed_ms if len(took) >= _MANY else min(took) >= least_ms
    return (
        near,
        f"; a connection paid {median:.1f} ms ({len(took)}){'' if near else ', which is not near it'}",
    )


def first_exchange(samples: Sequence[Mapping[str, Any]]) -> str:
    """What connecting and a first exchange took together, in words."""
    took = paid(samples, "new_connection_ms")
    return f"; a new connection and its first exchange took {median_interval(took)[0]:.1f} ms" if took else ""


def tls(samples: Sequence[Mapping[str, Any]]) -> str:
    """What a handshake paid, in words."""
    took = paid(samples, "tls_handshake_ms")
    if took:
        return f", a TLS 1.2 handshake (two round trips) {median_interval(took)[0]:.1f} ms ({len(took)})"
    refused = next((str(sample["tls_refused"]) for sample in samples if "tls_refused" in sample), "")
    return f", a TLS handshake was not measured ({refused})" if refused else ""
