"""What a run ends with, and until when somebody waits for its delivery."""

import time
from dataclasses import dataclass

_PATIENCE_S = 30.0


@dataclass(slots=True)
class Last:
    """Set by whoever carries the run out, read by whoever delivers it."""

    result: bytes | None = None
    """None: not known yet; once the run is over, that it was broken off."""
    until: float = float("inf")
    """Monotonic."""

    def left_s(self) -> float:
        """For one more request; never nothing, so that it is the request that says what is wrong."""
        return max(0.05, min(_PATIENCE_S, self.until - time.monotonic()))

    @property
    def late(self) -> bool:
        """Whether nobody waits any more."""
        return time.monotonic() > self.until
