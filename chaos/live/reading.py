"""Journal reader while the journal is written: its position in bytes and in event numbers."""

from collections.abc import Iterator

from chaos.events import Event
from chaos.live.items import Item
from chaos.live.projector import Projector
from chaos.runs.journal import Journal


class JournalReader:
    """Of one journal. Ask it again and again; each call reads what has come since."""

    def __init__(self, journal: Journal) -> None:
        self.offset = 0
        """Where the next line begins, in bytes."""
        self.number = 0
        """Of the last item that was given."""
        self._journal = journal
        self._projector = Projector()

    def look(self, after: int = 0) -> list[tuple[int, Item]]:
        """What has come, numbered from 1; of it only what is after that number. Raises ChaosLabError.

        Whoever was cut off asks a new reading for everything after the last number that reached them: the same journal
        always gives the same numbers.
        """
        found: list[tuple[int, Item]] = []
        while True:
            events, offset = self._journal.after(self.offset)
            for item in self._items(events):
                self.number += 1
                if self.number > after:
                    found.append((self.number, item))
            if offset == self.offset:
                return found
            self.offset = offset

    def close(self) -> list[tuple[int, Item]]:
        """Nobody writes the journal any more: what is left of a trial that was cut off."""
        found = [(self.number + place, item) for place, item in enumerate(self._projector.end(), start=1)]
        self.number += len(found)
        return found

    def _items(self, events: list[Event]) -> Iterator[Item]:
        for event in events:
            yield from self._projector.take(event)
