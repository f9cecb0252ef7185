"""Cancellation of a run: who asked for it and why; the first reason stays."""

import asyncio


class Stop(asyncio.Event):
    """Once set it stays set. The run then undoes its fault, ends as aborted, and writes its result all the same."""

    why = "interrupted"
    """Goes into the journal and the result."""

    def set(self, why: str = "interrupted") -> None:
        """Wish it."""
        if not self.is_set():
            self.why = why
        super().set()

    async def follow(self, other: "Stop") -> None:
        """Wish it when the other does, for its reason."""
        await other.wait()
        self.set(other.why)
