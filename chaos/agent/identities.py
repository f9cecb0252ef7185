"""User and group ids of the app beside the agent's: how its user namespace maps them (user_namespaces(7)). Pure.

`own`   ids of its own, none of which is the agent's: where the sandbox has more than one id to give
`kept`  the same ids as the agent's, with no power over it: for the files of a user's image, which have owners
`one`   the only id that an ordinary user has; it can look like any id from inside
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

Kind = Literal["own", "kept", "one"]

FULL = 65536
_EVERY_ID = 2**31
"""A map of at least so many ids is the whole machine's: the agent is in the first user namespace."""
_UNUSED = range(524_288, 1_878_982_656, FULL)  # where systemd-nspawn, too, looks for ids that nobody uses
_FEWEST = 1001
"""Of ids of its own: root, the system's users, and one person."""


@dataclass(frozen=True, slots=True)
class Identities:
    """How ids inside become the agent's: `first` inside-outside pairs of equal length, as uid_map takes them."""

    kind: Kind
    lines: tuple[str, ...]
    """Of /proc/PID/uid_map and gid_map: `INSIDE OUTSIDE COUNT`."""
    root: int
    """What the app's root is, as the agent sees it."""
    count: int
    """How many ids it has, from 0 on."""


def unused(random: Random) -> int:
    """The first of so many ids that nobody on a machine uses, probably."""
    return random.choice(_UNUSED)


def identities(uid_map: str, *, keep: bool, unused_base: int) -> Identities:
    """What the app gets of the ids that `uid_map` (the agent's own, proc(5)) says the agent has.

    Where those are the whole machine's, it is `unused_base` and those after it: the same for one sandbox's life.
    """
    ranges = sorted((int(first), int(count)) for first, _, count in map(str.split, uid_map.splitlines()))
    total = _from_zero(ranges)
    if total <= 1:
        return Identities("one", ("0 0 1",), 0, 1)
    if keep:
        count = min(total, _EVERY_ID)
        return Identities("kept", (f"0 0 {count}",), 0, count)
    if total >= _EVERY_ID:
        base, count = unused_base, FULL
    elif total >= 2 * FULL:
        base, count = FULL, FULL
    else:
        base = max(1, total // 2)
        count = total - base
    if count < _FEWEST:
        return Identities("one", ("0 0 1",), 0, 1)
    return Identities("own", (f"0 {base} {count}",), base, count)


def _from_zero(ranges: Sequence[tuple[int, int]]) -> int:
    """How many ids there are without a gap from 0 on."""
    end = 0
    for first, count in ranges:
        if first != end:
            break
        end += count
    return end
