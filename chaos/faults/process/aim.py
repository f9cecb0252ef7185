"""Whom a fault hits of a process's tree, and whether what was hit is what served.

A process of the manifest is all that its command started. A signal to a wrapper, a master or a helper says nothing of
the app when somebody else of its tree holds the listening socket and goes on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from chaos.faults.process.listening import holders, sockets
from chaos.faults.process.tree import LiveProcess, alive, look
from chaos.faults.support.base import Target

Scope = Literal["tree", "main", "one"]
Role = Literal["worker", "listener"]

_TITLE_WORDS = 2
"""Of a command line: the program, and the script that it runs."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """Which of a tree's processes may be chosen; among several the run's seed decides."""

    name: str | None = None
    """Name of its program or script, or its title, such as `node`, `worker.py` or `nginx: worker*`."""
    role: Role | None = None
    """`worker`: below the main process and without children of its own. `listener`: holds a listening socket."""

    def __post_init__(self) -> None:
        if not (self.name or self.role):
            raise ValueError("match needs 'name', 'role' or both")

    def __str__(self) -> str:
        """`role worker, name node`."""
        return ", ".join(
            f"{key} {value}" for key, value in (("role", self.role), ("name", self.name)) if value
        )


def read_match(match: "Match | Mapping[str, Any] | None", scope: Scope) -> Match | None:
    """The match, also of one that was JSON. Raises ValueError when the scope has no use for it."""
    if match is None:
        return None
    if scope != "one":
        raise ValueError("match chooses one process of the tree: write scope: one with it")
    return Match(**match) if isinstance(match, Mapping) else match


@dataclass(frozen=True, slots=True)
class Aim:
    """Who is to be hit of one process at this moment, and who listens for it."""

    process: str
    scope: Scope
    victims: tuple[LiveProcess, ...]
    listeners: tuple[LiveProcess, ...]
    """Those of the tree that hold a listening socket of its port; of any port, when it has none."""
    stranger: int | None
    """Who listens on its port when nobody of the tree does."""
    port: int | None
    tree: tuple[LiveProcess, ...]
    """All of them."""
    hit_at: int = 0
    """When it was hit, in clock ticks since boot; 0 until then."""

    def knew(self, process: LiveProcess) -> bool:
        """Whether that one lived when this one was hit. A tick is long: who was seen before may be as young."""
        before = process.born < self.hit_at
        return before or any((process.pid, process.born) == (each.pid, each.born) for each in self.tree)

    def spared(self, ended: bool = False) -> list[LiveProcess]:
        """Those that listen and are not hit: all must be, or of one it must be one. `ended` asks who still lives."""
        if self.scope == "one":
            hit = {victim.pid for victim in self.victims}
            return [] if hit & {each.pid for each in self.listeners} else list(self.listeners)
        if ended:
            return [each for each in self.listeners if alive(each.pid, each.born)]
        hit = {victim.pid for victim in self.victims}
        return [each for each in self.listeners if each.pid not in hit]

    def missed(self, ended: bool = False) -> str:
        """Who served and was not hit, in words; empty when what was hit is what served, or nobody serves."""
        where = f"port {self.port}" if self.port is not None else "its ports"
        if self.stranger is not None:
            return f"{where} is served by {called(self.stranger)}, which is nobody of {self.process}'s"
        if not (spared := self.spared(ended)):
            return ""
        others = " and ".join(called(each.pid) for each in spared[:3])
        hit = " and ".join(str(victim.pid) for victim in self.victims[:3])
        if self.scope == "one":
            return f"pid {hit} does not listen on {where}: {others} does"
        return f"what serves {where} was not hit: {others} went on when pid {hit} was"


def aim(
    target: Target, process: str, scope: Scope, match: Match | None, after: "Aim | None" = None
) -> Aim | None:
    """Whom to hit now; None when its main process does not run, or nobody matches.

    Of one process, the one that replaces what was hit `after`: nobody who lived already then.
    """
    main = target.main(process)
    if main is None:
        return None
    tree = [found for pid in target.pids(process) if (found := look(pid)) is not None]
    port = target.port(process)
    wanted = sockets(port)
    listening = holders(wanted, [each.pid for each in tree])
    listeners = tuple(each for each in tree if each.pid in listening)
    if scope == "tree":
        victims = tree
    elif scope == "main":
        victims = [each for each in tree if each.pid == main]
    else:
        those = candidates(tree, main, match, set(listening))
        new = [each for each in those if after is None or not after.knew(each)]
        victims = [target.random.choice(new)] if new else []
    if not victims:
        return None
    stranger = None
    if port is not None and wanted and not listeners:
        stranger = next(iter(holders(wanted, _everybody())), None)
    return Aim(process, scope, tuple(victims), listeners, stranger, port, tuple(tree))


def candidates(
    tree: Sequence[LiveProcess], main: int, match: Match | None, listening: set[int]
) -> list[LiveProcess]:
    """Those that may be chosen: children rather than the main process, workers that listen rather than others."""
    found = [each for each in tree if match is None or match.name is None or _has_name(each.pid, match.name)]
    below = [each for each in found if each.pid != main]
    role = match.role if match else None
    if role == "listener":
        return [each for each in below if each.pid in listening] or [e for e in found if e.pid in listening]
    if role == "worker":
        parents = {each.parent for each in tree}
        leaves = [each for each in below if each.pid not in parents]
        return [each for each in leaves if each.pid in listening] or leaves
    return below or found


def nobody(target: Target, process: str, match: Match | None) -> str:
    """Why there is nobody to hit."""
    if match is None or target.main(process) is None:
        return f"no live process {process}"
    there = ", ".join(called(pid) for pid in target.pids(process))
    return f"nobody of {process} matches {match}; there are {there}"


def called(pid: int) -> str:
    """`node (pid 7)`."""
    words = _title(pid)
    return f"{words[0] if words else 'a process'} (pid {pid})"


def _has_name(pid: int, wanted: str) -> bool:
    return any(fnmatchcase(name, wanted) for name in _title(pid))


def _title(pid: int) -> list[str]:
    """What a process is called: its program's name, that of its command, of its script, its whole title."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0")
    except OSError:
        return []
    words = line.split("\0")
    return [
        name,
        *(Path(word).name for word in words[:_TITLE_WORDS] if word),
        line.replace("\0", " ").strip(),
    ]


def _everybody() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
