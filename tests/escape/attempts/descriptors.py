"""Descriptors: what the app inherits; no more than its standard input, output and error."""

import fcntl
import os
import stat
import sys
from collections.abc import Iterator

from .core import Refused, attempt
from .places import first

INHERITED: dict[int, str] = {}
"""What was open when the app began: number and target."""


def look() -> None:
    """Note what is open now, before anything of our own is."""
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        try:
            INHERITED[number] = os.readlink(f"/proc/self/fd/{name}")
            os.fstat(number)
        except OSError:
            INHERITED.pop(number, None)  # that of the directory itself


@attempt("descriptors")
def inherits_a_descriptor() -> str:
    """Any beyond 0, 1 and 2: a directory of the agent's tree, its journal, its channel."""
    more = {number: target for number, target in INHERITED.items() if number > 2}
    if more:
        return f"{more}"
    raise Refused(f"{INHERITED}")


@attempt("descriptors")
def inherits_something_odd_as_standard_ones() -> str:
    """0 is /dev/null, 1 and 2 are pipes to write to."""
    wrong = [f"{number}: {INHERITED.get(number)}" for number in (0, 1, 2) if not _as_it_should_be(number)]
    if wrong:
        return f"{wrong}"
    raise Refused("/dev/null and two pipes")


def _as_it_should_be(number: int) -> bool:
    mode, way = os.fstat(number).st_mode, fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE
    if number == 0:
        return stat.S_ISCHR(mode) and os.fstat(0).st_rdev == os.makedev(1, 3)
    return stat.S_ISFIFO(mode) and way == os.O_WRONLY


@attempt("descriptors")
def changes_the_node_behind_its_input() -> str:
    """Standard input may be a /dev/null of the agent's, or of the host's own /dev."""
    os.fchmod(0, stat.S_IMODE(os.fstat(0).st_mode))
    return "its mode could be changed"


@attempt("descriptors")
def looks_around_from_its_standard_ones() -> str:
    """A descriptor's directory is a way out: openat(2) from each of them."""
    return first(_around(), "none of them is a directory")


def _around() -> Iterator[str]:
    for number in list(INHERITED):
        try:
            yield f"{number}: {os.listdir(number)}"
        except OSError:
            continue


@attempt("descriptors")
def writes_the_program_that_runs_it() -> str:
    """/proc/self/exe for writing, after it ran: the way out of runc (CVE-2019-5736)."""
    descriptor = os.open("/proc/self/exe", os.O_PATH)
    return f"descriptor {os.open(f'/proc/self/fd/{descriptor}', os.O_WRONLY)} of {sys.executable}"


@attempt("descriptors")
def stands_in_a_folder_outside() -> str:
    """Its working directory is below its own root: getcwd(2) says (unreachable) when it is not."""
    here = os.readlink("/proc/self/cwd")
    if here.startswith("(unreachable)") or not os.path.exists(here):
        return here
    raise Refused(here)
