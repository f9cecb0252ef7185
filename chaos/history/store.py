"""The history store: the one class through which everything else speaks to it."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chaos.history.models import (
    AuditRow,
    Checked,
    Claim,
    Counts,
    DayRow,
    DayRunRow,
    Detail,
    ExperimentRow,
    Filters,
    Imported,
    Page,
    Point,
    Pruning,
    RunRow,
    Token,
)


class History:
    """One store. Safe to use from several threads; blocking: in an event loop, ask in a thread.

    Every method raises HistoryError when the store is away, full or broken; the message never holds a password.
    """

    @classmethod
    def open(cls, url: str | None = None, *, within_s: float = 10.0) -> Self:
        """The store at `sqlite:///PATH` or `postgresql://…`; by default POSTGRES_URL, else the state folder's file.

        It is made when it is not there, and brought to this version's schema. `within_s` is how long any call waits
        for another writer, or for a server to answer.
        """
        raise NotImplementedError

    def close(self) -> None:
        """End its connections."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Runs

    def put(self, folder: Path) -> RunRow:
        """Take in a run, or a game day, that has ended, from its folder; what was known of it is replaced.

        When this returns, a process that is killed loses nothing of it. Raises NotTaken.
        """
        raise NotImplementedError

    def observe(self, row: RunRow) -> RunRow:
        """Note a run that has not ended (queued, running, …), or what else is known of one; the row as it now is.

        It is the run with that flow run, or that run id. A run of which there is a result keeps what that says.
        """
        raise NotImplementedError

    def get(self, id: str) -> Detail | None:
        """By the flow run's UUID or the run id."""
        raise NotImplementedError

    def result(self, id: str) -> str | None:
        """`result.json` as it is; None when there is no such run or no result yet. Raises Gone when it was pruned."""
        raise NotImplementedError

    def page(self, filters: Filters | None = None, limit: int = 50, cursor: str | None = None) -> Page:
        """Runs, newest first; stable while others are added. `limit` is 1 to 200. Raises BadCursor."""
        raise NotImplementedError

    def trend(self, experiment: str, limit: int = 200, repository: str | None = None) -> tuple[Point, ...]:
        """The last ended runs of one experiment, oldest first."""
        raise NotImplementedError

    def counts(self, filters: Filters | None = None) -> Counts:
        """How many, by verdict and by outcome."""
        raise NotImplementedError

    def experiments(self, repository: str | None = None) -> tuple[ExperimentRow, ...]:
        """Each experiment that ever ran: the newest first."""
        raise NotImplementedError

    def live(self) -> tuple[RunRow, ...]:
        """The runs that have not ended, newest first."""
        raise NotImplementedError

    # Game days

    def days(self, limit: int = 50, before_ms: int | None = None) -> tuple[DayRow, ...]:
        """Game days, newest first, without their folds."""
        raise NotImplementedError

    def day(self, id: str) -> tuple[DayRow, tuple[DayRunRow, ...]] | None:
        """One, with its runs in order."""
        raise NotImplementedError

    # Who may, who did

    def claim(self, principal: str, key: str, body_sha256: str, at_ms: int) -> Claim:
        """Ask for a key of somebody's: exactly one of any number of equal requests gets `new`. Kept for 24 hours."""
        raise NotImplementedError

    def fulfil(self, principal: str, key: str, run: str) -> None:
        """Which run the request with that key began."""
        raise NotImplementedError

    def release(self, principal: str, key: str) -> None:
        """The request with that key began nothing: it may be made again."""
        raise NotImplementedError

    def add_token(self, token: Token) -> None:
        """Raises HistoryError when the name is taken."""
        raise NotImplementedError

    def token_of(self, sha256: str) -> Token | None:
        """The token with that hash, revoked and expired ones included: compare `revoked_ms` and `expires_ms`."""
        raise NotImplementedError

    def tokens(self) -> tuple[Token, ...]:
        """All of them, by name."""
        raise NotImplementedError

    def revoke_token(self, name: str, at_ms: int) -> None:
        """Raises Unknown."""
        raise NotImplementedError

    def used_token(self, name: str, at_ms: int) -> None:
        """Note that; at most once a minute is written."""
        raise NotImplementedError

    def add_audit(self, row: AuditRow) -> int:
        """Its id."""
        raise NotImplementedError

    def audit(self, limit: int = 100, before: int | None = None) -> tuple[AuditRow, ...]:
        """Newest first, of smaller ids than `before`."""
        raise NotImplementedError

    # Upkeep

    def import_(self, roots: Iterable[Path]) -> Imported:
        """Every run folder among and below these; again and again makes no difference. What is broken is put aside."""
        raise NotImplementedError

    def check(self, roots: Iterable[Path] = (), *, deep: bool = False) -> Checked:
        """The index against the folders it names, and those among `roots`; `deep` reads every byte of every file."""
        raise NotImplementedError

    def prune(self, keep: str, at_ms: int, *, dry: bool = False) -> Pruning:
        """Remove what `keep` ("journals 90d 5GiB, results forever") does not keep. Raises HistoryError for other words.

        Numbers and verdicts stay in the index; in the folder stays what was pruned.
        """
        raise NotImplementedError

    def export(self) -> Iterator[str]:
        """Everything but tokens and requests as lines of JSON; `kind` is run, day or audit."""
        raise NotImplementedError

    def meta(self) -> Mapping[str, Any]:
        """Where it is (without a password), its schema, how many runs, how many bytes: for `/metrics` and `doctor`."""
        raise NotImplementedError
