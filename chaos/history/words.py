"""Words of runs, and the runs that contain some: by trigrams, where there are three letters to look for."""

from sqlalchemy import ColumnElement, Connection, Select, exists, insert, select, text, update

from chaos.history.models import RunRow
from chaos.history.tables import RUN_WORDS, RUNS

_FEW = 1000
"""So many that contain a word are looked up by their ids; of more, the newest are soon found by reading on."""
_LETTERS = 3
_SPECIAL = set("%_\\")
_BY_INDEX = {
    "sqlite": "SELECT run FROM run_words WHERE n IN (SELECT rowid FROM found_words WHERE words LIKE :like)",
    "postgresql": "SELECT run FROM run_words WHERE words LIKE :like",
}


def keep(connection: Connection, run: RunRow) -> None:
    """What is to be found of a run."""
    words = _folded("\n".join((run.experiment, run.run_id or "", run.why or "")))
    mine = update(RUN_WORDS).where(RUN_WORDS.c.run == run.id)
    if connection.execute(mine.values(words=words)).rowcount == 0:
        connection.execute(insert(RUN_WORDS), {"run": run.id, "words": words})


def contain(connection: Connection, wanted: str) -> ColumnElement[bool]:
    """That a run contains it; upper and lower case are the same."""
    folded = _folded(wanted)
    if len(folded) >= _LETTERS and not _SPECIAL & set(folded):
        found = text(_BY_INDEX[connection.dialect.name]).bindparams(like=f"%{folded}%")
        some = text(f"SELECT count(*) FROM ({found.text} LIMIT {_FEW + 1}) AS found").bindparams(
            like=f"%{folded}%"
        )
        if (connection.scalar(some) or 0) <= _FEW:
            return RUNS.c.id.in_(found)
    return _read(folded)


def _read(folded: str) -> ColumnElement[bool]:
    mine: Select[tuple[str]] = select(RUN_WORDS.c.run).where(RUN_WORDS.c.run == RUNS.c.id)
    return exists(mine.where(RUN_WORDS.c.words.contains(folded, autoescape=True)))


def _folded(text_: str) -> str:
    return text_.lower()
