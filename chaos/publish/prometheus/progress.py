"""Progress of an export: a small file in the run's folder, so that another process can continue.

A journal always gives the same samples in the same order. So a number is enough to say which ones the store has had.
"""

from dataclasses import asdict, dataclass
from json import dumps, loads

from chaos.analysis.result import Delivery
from chaos.errors import PublishError
from chaos.runs.directory import Run, write_whole


@dataclass(slots=True)
class PushProgress:
    """Of one run and one store."""

    store: str = ""
    """Its address, without what is secret in it."""
    samples: int = 0
    """So many, from the first one on, are dealt with: taken, or refused for good."""
    refused: int = 0
    """So many of those."""
    tried: int = 0
    """So many after those were sent last, and no answer has come: the store may have them."""
    ended: bool = False
    """All that the run measured while it lasted is dealt with."""
    concluded: bool = False
    """What its result says, too."""
    why: str = ""
    """What the store said last, when it was not yes."""

    @property
    def complete(self) -> bool:
        """Whether the store has everything."""
        return self.ended and self.concluded and not self.refused

    @classmethod
    def read(cls, run: Run, store: str) -> "PushProgress":
        """From the run's folder; from nothing when there is none of that store. Raises PublishError."""
        try:
            found = cls(**loads(run.delivered.read_bytes()))
            return found if found.store == store else cls(store)
        except FileNotFoundError:
            return cls(store)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise PublishError(f"{run.delivered}: cannot be read; remove it to begin anew") from error

    def write(self, run: Run) -> None:
        """To the run's folder. Raises PublishError."""
        try:
            write_whole(run.delivered, dumps(asdict(self)) + "\n")
        except OSError as error:
            raise PublishError(f"{run.delivered}: cannot be written: {error.strerror}") from error

    def delivery(self, run: Run) -> Delivery:
        """What result.json says of it."""
        numbers = {"delivered": float(self.samples - self.refused), "refused": float(self.refused)}
        if self.complete:
            return Delivery(complete=True, numbers=numbers)
        everything = " --all" if self.ended and self.concluded else ""
        return Delivery(
            complete=False,
            why=self.why or "not everything was delivered when the run had ended and nobody waited any more",
            later=f"chaoslab metrics push{everything} {run.folder}",
            numbers=numbers,
        )
