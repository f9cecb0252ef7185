"""History store: the one class that everything else uses."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chaos.history import access, days, exporting, keeping, overview, queries, writing
from chaos.history.database import Database, connect
from chaos.history.importing import compare, import_all, put_folder
from chaos.history.migrations import migrate
from chaos.history.models import (
    AuditRow,
    Checked,
    DayRow,
    DayRunRow,
    Detail,
    ExperimentRow,
    Filters,
    HistoryPage,
    IdempotencyClaim,
    Imported,
    Point,
    Pruning,
    RunCounts,
    RunRow,
    Token,
)


class History:
    """One store. Safe to use from several threads; blocking: in an event loop, ask in a thread.

    Every method raises HistoryError when the store is away, full or broken; the message never holds a password.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str | None = None, *, within_s: float = 10.0) -> Self:
        """The store at `sqlite:///PATH` or `postgresql://…`; by default POSTGRES_URL, else the state folder's file.

        It is made when it is not there, and brought to this version's schema. `within_s` is how long any call waits
        for another writer, or for a server to answer.
        """
        database = connect(url, within_s)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def close(self) -> None:
        """End its connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Runs

    def put(self, folder: Path) -> str:
        """Take in a run, or a game day, that has ended, from its folder; what was known of it is replaced.

        Says `added`, `changed` or `unchanged`. When it has said so, a process that is killed loses nothing of it.
        Raises RunNotIndexed.
        """
        return put_folder(self._database, folder)

    def observe(self, row: RunRow) -> RunRow:
        """Note a run that has not ended (queued, running, …), or what else is known of one; the row as it now is.

        It is the run with that flow run, or that run id. A run of which there is a result keeps what that says.
        """
        return self._database.write(lambda connection: writing.observe(connection, row))

    def get(self, id: str) -> Detail | None:
        """By the flow run's UUID or the run id."""
        return self._database.read(lambda connection: queries.get(connection, id))

    def result(self, id: str) -> str | None:
        """`result.json` as it is; None when there is no such run or no result yet. Raises Gone when it was pruned."""
        return self._database.read(lambda connection: queries.result(connection, id))

    def page(self, filters: Filters | None = None, limit: int = 50, cursor: str | None = None) -> HistoryPage:
        """Runs, newest first; stable while others are added. `limit` is 1 to 200. Raises BadCursor."""
        meant = filters or Filters()
        return self._database.read(lambda connection: queries.page(connection, meant, limit, cursor))

    def trend(self, experiment: str, limit: int = 200, repository: str | None = None) -> tuple[Point, ...]:
        """The last ended runs of one experiment, oldest first."""
        return self._database.read(
            lambda connection: queries.trend(connection, experiment, limit, repository)
        )

    def counts(self, filters: Filters | None = None) -> RunCounts:
        """How many, by verdict and by outcome."""
        return self._database.read(lambda connection: queries.counts(connection, filters or Filters()))

    def experiments(self, repository: str | None = None) -> tuple[ExperimentRow, ...]:
        """Each experiment that ever ran: the newest first."""
        return self._database.read(lambda connection: overview.experiments(connection, repository))

    def live(self) -> tuple[RunRow, ...]:
        """The runs that have not ended, newest first."""
        return self._database.read(queries.live)

    # Game days

    def days(self, limit: int = 50, before_ms: int | None = None) -> tuple[DayRow, ...]:
        """Game days, newest first, without their folds."""
        return self._database.read(lambda connection: days.days(connection, limit, before_ms))

    def day(self, id: str) -> tuple[DayRow, tuple[DayRunRow, ...]] | None:
        """One, with its runs in order."""
        return self._database.read(lambda connection: days.day(connection, id))

    # Who may, who did

    def claim(self, principal: str, key: str, body_sha256: str, at_ms: int) -> IdempotencyClaim:
        """Ask for a key of somebody's: exactly one of any number of equal requests gets `new`. Kept for 24 hours."""
        return self._database.write(lambda it: access.claim(it, principal, key, body_sha256, at_ms))

    def fulfil(self, principal: str, key: str, run: str) -> None:
        """Which run the request with that key began."""
        self._database.write(lambda connection: access.fulfil(connection, principal, key, run))

    def release(self, principal: str, key: str) -> None:
        """The request with that key began nothing: it may be made again."""
        self._database.write(lambda connection: access.release(connection, principal, key))

    def add_token(self, token: Token) -> None:
        """Raises HistoryError when the name is taken."""
        self._database.write(lambda connection: access.add_token(connection, token))

    def token_of(self, sha256: str) -> Token | None:
        """The token with that hash, revoked and expired ones included: compare `revoked_ms` and `expires_ms`."""
        return self._database.read(lambda connection: access.token_of(connection, sha256))

    def tokens(self) -> tuple[Token, ...]:
        """All of them, by name."""
        return self._database.read(access.tokens)

    def revoke_token(self, name: str, at_ms: int) -> None:
        """Raises Unknown."""
        self._database.write(lambda connection: access.revoke_token(connection, name, at_ms))

    def used_token(self, name: str, at_ms: int) -> None:
        """Note that; at most once a minute is written."""
        if not self._database.read(lambda connection: access.was_used(connection, name, at_ms)):
            self._database.write(lambda connection: access.used_token(connection, name, at_ms))

    def add_audit(self, row: AuditRow) -> int:
        """Its id."""
        return self._database.write(lambda connection: access.add_audit(connection, row))

    def audit(self, limit: int = 100, before: int | None = None) -> tuple[AuditRow, ...]:
        """Newest first, of smaller ids than `before`."""
        return self._database.read(lambda connection: access.audit(connection, limit, before))

    # Upkeep

    def import_(self, roots: Iterable[Path]) -> Imported:
        """Every run folder among and below these; again and again makes no difference. What is broken is put aside."""
        return import_all(self._database, roots)

    def check(self, roots: Iterable[Path] = (), *, deep: bool = False) -> Checked:
        """The index against the folders it names, and those among `roots`; `deep` reads every byte of every file."""
        runs, problems = compare(self._database, roots, deep=deep)
        return Checked(runs=runs, problems=problems)

    def prune(self, keep: str, at_ms: int, *, dry: bool = False) -> Pruning:
        """Remove what `keep` ("journals 90d 5GiB, results forever") does not keep. Raises HistoryError for other words.

        Numbers and verdicts stay in the index; in the folder stays what was pruned.
        """
        return keeping.prune(self._database, keeping.Keep.read(keep), at_ms, dry=dry)

    def export(self) -> Iterator[str]:
        """Everything but tokens and requests as lines of JSON; `kind` is run, day or audit."""
        return exporting.lines(self._database)

    def meta(self) -> Mapping[str, Any]:
        """Where it is (without a password), its schema, how many runs, how many bytes: for `/metrics` and `doctor`."""
        return {"place": self._database.place, **self._database.read(queries.meta)}
