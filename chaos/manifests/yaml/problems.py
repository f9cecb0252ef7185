"""Problem in a manifest: its place, what is wrong, and what is allowed."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from chaos.text.inert import inert, one_line

Path = tuple[str | int, ...]
"""Keys and indices from the root of a document: `("spec", "method", 0, "hold")`."""


@dataclass(frozen=True)
class ManifestProblem:
    """Prints as `file:line:column path: what`; lines and columns count from 1."""

    file: str
    line: int
    column: int
    path: str
    what: str

    def __str__(self) -> str:
        where = f"{one_line(self.file)}:{self.line}:{self.column}"
        what = inert(self.what)
        return f"{where} {inert(self.path)}: {what}" if self.path else f"{where}: {what}"


def dotted(path: Path) -> str:
    """`spec.method[0].hold`, with anything unprintable escaped and very long keys cut."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{shown(step)}" if text else shown(step)
    return text


def shown(text: str, limit: int = 60) -> str:
    """`text` on one line and short enough for a message."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return cut if cut.isprintable() else ascii(cut)[1:-1]


def quoted(value: object) -> str:
    """A value as its author would recognise it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return f"'{shown(value)}'" if isinstance(value, str) else shown(str(value))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was most likely meant, whatever its case or dashes; None when nothing is near."""
    plain = {_plain(name): name for name in known}
    found = difflib.get_close_matches(_plain(word[:60]), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def unknown(word: str, known: Iterable[str], noun: str = "") -> str:
    """`unknown key 'holds'; did you mean 'hold'? known: fault, hold, name`."""
    names = sorted(set(known))
    meant = nearest(word, names)
    hint = f"did you mean '{meant}'? " if meant else ""
    listed = ", ".join(shown(name) for name in names[:40]) or "none"
    return f"unknown {noun}{' ' if noun else ''}{quoted(word)}; {hint}known: {listed}"


def _plain(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")
