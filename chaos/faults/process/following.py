"""The agent's side of a helper that keeps at the app's processes: who they are, what was measured, and the end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from chaos.errors import FaultError, InjectionError
from chaos.faults.support.base import Helper, Sample, Target
from chaos.faults.support.channel import ANSWERS_WITHIN_S

ENDED = "ended"
"""The key of a helper's last message."""


class HelperClient:
    """Speaks with the helper. It outlives the agent, and undoes its work when the agent's end of the channel closes."""

    def __init__(self, helper: Helper, roots: Sequence[int]) -> None:
        self.helper = helper
        self.roots = list(roots)
        self._undone = False

    def first(self) -> dict[str, Any] | None:
        """The first sample: the fault is in place; None when none came in time. Raises FaultError."""
        while (message := self._receive(ANSWERS_WITHIN_S)) is not None and ENDED in message:
            pass  # it undid what it had begun; why is yet to come
        return message

    def follow(self, roots: Sequence[int]) -> None:
        """Keep at these from now on, too: somebody may have been started again."""
        if list(roots) != self.roots:
            self.roots = list(roots)
            self.helper.send({"roots": self.roots})

    def look(self, target: Target, roots: Sequence[int]) -> Sample | None:
        """The latest sample; those before it are written down. Raises FaultError when the helper has failed."""
        self.follow(roots)
        news: list[dict[str, Any]] = []
        while (message := self._receive(0)) is not None:
            news.append(message)
        for sample in news[:-1]:
            target.measured(**sample)
        return news[-1] if news else None

    def end(self) -> Iterator[dict[str, Any]]:
        """Have the helper undo its work; its last samples. Raises FaultError when it was not seen to be undone."""
        if self._undone:
            return
        self.helper.send({"end": True})
        while (message := self._receive(ANSWERS_WITHIN_S)) is not None:
            yield message
            if ENDED in message:
                return
        raise FaultError(f"no answer within {ANSWERS_WITHIN_S:g} s")

    def _receive(self, timeout_s: float) -> dict[str, Any] | None:
        message = self.helper.receive(timeout_s)
        self._undone = self._undone or (message is not None and ENDED in message)
        return None if message is None else dict(message)


@contextmanager
def followed(
    target: Target, program: Callable[..., None], pids: Callable[[], Sequence[int]], leave: int, limits: str
) -> Iterator[Callable[[], Sample | None]]:
    """Have a helper leave these processes so little while the block lasts; what looks at them then.

    On enter a limit is low, on exit all are what they were. Raises InjectionError.
    """
    roots = list(pids())
    with target.helper(program, roots=roots, leave=leave) as helper:
        follower = HelperClient(helper, roots)

        def put_back() -> None:
            for sample in follower.end():
                target.measured(**sample)

        with target.undo(f"the limits on {limits}", put_back):
            first = follower.first()
            if first is None:
                raise InjectionError(f"no limit was low within {ANSWERS_WITHIN_S:g} s")
            target.measured(**first)
            yield lambda: follower.look(target, pids())
