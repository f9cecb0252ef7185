"""What is promised of asked and delivered, and whether a row of docs/fidelity.md keeps it."""

from collections.abc import Callable
from math import sqrt

from bench.fidelity_runs import Row
from chaos.analysis.result import StepResult

HOLD_MS, RESOLUTION_MS = 20.0, 20.0
LOSS_PACKETS = 10_000
_Z = 3.2905
"""Quantile 0.9995 of the standard normal distribution: of a dozen shares one would miss 95 % every other time."""

Bound = Callable[[StepResult, float, float], bool]
"""Whether the first figure of the step, asked and given, keeps it."""


def _within(share: float, at_least: float = 0.0) -> Bound:
    return lambda step, asked, given: abs(given - asked) <= max(share * abs(asked), at_least)


def _cpu(step: StepResult, asked: float, given: float) -> bool:
    """What a burner did not get because others had the processors, it waited for: that is the machine's doing."""
    waited = step.delivered.get("waited_percent")
    return abs(given - asked) <= 3 or (
        given < asked and isinstance(waited, float) and abs(given + waited - asked) <= 3
    )


def _fits(step: StepResult, asked: float, given: float) -> bool:
    """Wilson's interval of the share that was seen has the share that was asked in it."""
    samples = step.delivered.get("samples")
    if not isinstance(samples, float | int) or not samples:
        return False
    middle = (given + _Z**2 / (2 * samples)) / (1 + _Z**2 / samples)
    half = _Z * sqrt(given * (1 - given) / samples + _Z**2 / (4 * samples**2)) / (1 + _Z**2 / samples)
    return middle - half - 1e-9 <= asked <= middle + half + 1e-9


def _lost(step: StepResult, asked: float, given: float) -> bool:
    return float(step.delivered.get("samples") or 0) >= LOSS_PACKETS and _fits(step, asked, given)


_SHARE = ("inside its binomial interval", _fits)
_EXACT = ("± 1 %", _within(0.01))
_RATE = ("± 5 %", _within(0.05))
_POINTS = ("± 3 points", _within(0.0, 3.0))
BOUNDS: dict[str, tuple[str, Bound]] = {
    "network_delay": ("± 1 ms or 1 %", _within(0.01, 1.0)),
    "packet_loss": (f"inside its binomial interval, {LOSS_PACKETS:,} packets", _lost),
    "bandwidth": _RATE,
    "io_stress": _RATE,
    "io_throttle": _RATE,
    "memory_pressure": _EXACT,
    "memory_limit": _EXACT,
    "disk_full": _EXACT,
    "inode_exhaustion": _EXACT,
    "fd_exhaustion": _EXACT,
    "pid_exhaustion": _EXACT,
    "cpu_stress": ("± 3 points, with what it waited for", _cpu),
    "cpu_throttle": _POINTS,
    "process_pause": _POINTS,
}
"""Others promise their share, when it is one that they ask for; else to land by their own rule, as every row does."""


def promised(row: Row) -> str:
    """The fault's own bound, in words; empty when it has none."""
    bound = _bound(row)
    return "" if bound is None else bound[0]


def _bound(row: Row) -> tuple[str, Bound] | None:
    asks_for_a_share = row.step is not None and next(iter(row.step.asked)).endswith("share")
    return BOUNDS.get(row.fault, _SHARE if asks_for_a_share else None)


def missed(row: Row) -> list[str]:
    """What the row does not keep."""
    if row.step is None:
        return ["not injected"]
    found = [] if row.step.landed else ["not landed"]
    if (bound := _bound(row)) is not None and not _keeps(row.step, bound[1]):
        found.append(bound[0])
    if row.hold_error_ms is not None and abs(row.hold_error_ms) > HOLD_MS:
        found.append(f"held {row.hold_error_ms:+.0f} ms")
    if row.resolution_ms is not None and row.resolution_ms > RESOLUTION_MS:
        found.append(f"recovery known to {row.resolution_ms:.0f} ms")
    return found + [f"left {what}" for what in row.step.residue]


def _keeps(step: StepResult, bound: Bound) -> bool:
    first = next(iter(step.asked))
    asked, given = step.asked[first], step.delivered.get(first)
    if isinstance(asked, str) or isinstance(given, str) or given is None:
        return asked == given
    return bound(step, asked, given)
