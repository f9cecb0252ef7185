"""Live fidelity: what a fault is measured to do while it is in place, once a second."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from chaos.analysis.fidelity import read_fault

_EVERY_S = 1.0
_MOST = 2000


class Measured:
    """Of one step."""

    def __init__(self, fault: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
        self._fault = read_fault(fault)
        self._what = next((key for key, value in asked.items() if _number(value) is not None), None)
        self._asked = _number(asked.get(self._what)) if self._what else None
        self._samples: deque[Mapping[str, Any]] = deque(maxlen=_MOST)
        self._told = float("-inf")

    @property
    def kept(self) -> int:
        """How many samples are in memory."""
        return len(self._samples)

    def take(self, at: float, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """What there is to tell after one more sample; None when that is nothing new."""
        if self._fault is None or self._what is None or self._asked is None:
            return None
        self._samples.append(data)
        if at - self._told < _EVERY_S:
            return None
        self._told = at
        try:
            found = self._fault.delivered(list(self._samples))
        except (KeyError, TypeError, ValueError, ArithmeticError):  # of another version; the verdict says so
            return None
        delivered = _number(found.values.get(self._what))
        return {
            "what": self._what,
            "asked": self._asked,
            "delivered": delivered,
            "samples": len(self._samples),
        }


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
