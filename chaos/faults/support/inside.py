"""Whether the app's processes are in the control group whose limit a fault changes: outside, there is no fault."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from chaos.errors import InjectionError
from chaos.faults.support.base import Sample, Target

_LOOK_EVERY_S = 0.5
_SECOND_LOOK_S = 0.3


class Inside:
    """Looks on enter, and then twice a second; a look costs some microseconds for each process."""

    def __init__(self, target: Target) -> None:
        """Raises InjectionError when one of the app's processes is elsewhere."""
        self._target = target
        self._next = time.monotonic() + _LOOK_EVERY_S
        if away := self._away():
            pids = ", ".join(str(pid) for pid in away[:5])
            raise InjectionError(
                f"{len(away)} of the app's processes are not in its control group (pid {pids}): no limit reaches them"
            )

    def look(self) -> Mapping[str, Any]:
        """`outside`: how many processes of the app no limit reaches. Empty when it is not time to look."""
        if time.monotonic() < self._next:
            return {}
        self._next = time.monotonic() + _LOOK_EVERY_S
        return {"outside": len(self._away())}

    def _away(self) -> list[int]:
        """Outside at two looks: one that is just being started has not joined yet."""
        first = set(self._target.outside())
        if not first or self._target.wait(_SECOND_LOOK_S):
            return []
        return sorted(first & set(self._target.outside()))


def escaped(samples: Sequence[Sample]) -> str:
    """What those samples say of processes outside, as a clause that tells why nothing landed; else empty."""
    most = max((int(sample.get("outside", 0)) for sample in samples), default=0)
    return f"; {most} of the app's processes were outside of its control group" if most else ""
