"""A signal that hits who was meant, and the descriptor that tells of the death (pidfd_open(2))."""

import os
import select
import signal
import time
from dataclasses import dataclass

from chaos.errors import InjectionError


@dataclass(frozen=True, slots=True)
class Shot:
    """A signal that was sent to `pid`, and the descriptor that tells of its death."""

    pid: int
    descriptor: int
    sent: float
    """Monotonic time."""

    def dead(self, wait_s: float) -> bool:
        """Whether it has died, looking for at most `wait_s`."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        return bool(poll.poll(wait_s * 1000))

    def age_s(self) -> float:
        """Seconds since the signal."""
        return time.monotonic() - self.sent

    def close(self) -> None:
        """Stop watching."""
        os.close(self.descriptor)


def shoot(pid: int, name: str) -> Shot | None:
    """Signal `pid` by descriptor, so that a reused number can never be hit; None when it is gone already."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    except OSError as error:
        raise InjectionError(f"cannot watch pid {pid}: pidfd_open: {error.strerror}") from error
    sent = time.monotonic()
    try:
        signal.pidfd_send_signal(descriptor, signal.Signals[name])
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, ProcessLookupError):
            return None
        raise InjectionError(f"cannot send {name} to pid {pid}: {error.strerror}") from error
    return Shot(pid, descriptor, sent)
