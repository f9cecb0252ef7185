"""The agent's own files: order, journal, lease, wish to stop, bundle, log, control socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

from .core import ANYBODY, Refused, attempt
from .places import AGENT, JOURNAL, LEASE, ORDER, canary, first, opened

SHOWN = ("clock",)
"""What of the agent's folder an app sees, for clock_skew."""


@attempt("order", open_to=ANYBODY)
def reads_the_order() -> str:
    """Learn what will be measured and when: forging begins here."""
    return opened(ORDER, os.O_RDONLY)


@attempt("order", open_to=ANYBODY)
def writes_the_order() -> str:
    """Change what is asked of the agent."""
    return opened(ORDER, os.O_RDWR)


@attempt("order", open_to=ANYBODY)
def replaces_the_order() -> str:
    """Put another file in its place."""
    os.rename(ORDER, AGENT / "order.moved")
    os.rename(AGENT / "order.moved", ORDER)
    return f"{ORDER} renamed, and back"


@attempt("journal", open_to=ANYBODY)
def reads_the_journal() -> str:
    """Learn what was measured, to forge what is to be measured."""
    return opened(JOURNAL, os.O_RDONLY)


@attempt("journal", open_to=ANYBODY)
def appends_to_the_journal() -> str:
    """A line of its own among the agent's: the controller acted on it (forged destroy, forged verdict)."""
    return opened(JOURNAL, os.O_WRONLY | os.O_APPEND)


@attempt("journal", open_to=ANYBODY)
def moves_the_journal_away() -> str:
    """The agent goes on writing to a file that nobody reads, the app to one that is read."""
    os.rename(JOURNAL, AGENT / "journal.moved")
    os.rename(AGENT / "journal.moved", JOURNAL)
    return f"{JOURNAL} renamed, and back"


@attempt("journal", open_to=ANYBODY)
def links_the_journal() -> str:
    """A second name for it, in a place of the app's own, survives what is closed later."""
    place = AGENT / "linked"
    os.link(JOURNAL, place)
    place.unlink()
    return f"{place} was a hard link to the journal"


@attempt("journal", open_to=ANYBODY)
def cuts_the_journal_by_another_name() -> str:
    """Its file has other names: of descriptors in /proc."""
    return first(_journals(), "no descriptor of any visible process leads to a journal")


def _journals() -> Iterator[str]:
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(entry).endswith("journal.ndjson"):
                yield opened(entry, os.O_WRONLY | os.O_APPEND)
        except OSError:
            continue


@attempt("lease", open_to=ANYBODY)
def touches_the_lease() -> str:
    """Keep the agent going when its controller is gone."""
    os.utime(LEASE)
    return f"{LEASE} touched"


@attempt("lease", open_to=ANYBODY)
def removes_the_lease() -> str:
    """Let the agent believe that its controller is gone."""
    os.rename(LEASE, AGENT / "lease.moved")
    os.rename(AGENT / "lease.moved", LEASE)
    return f"{LEASE} renamed, and back"


@attempt("lease", open_to=ANYBODY)
def makes_files_beside_the_stop_file() -> str:
    """Where `stop` is made, the app could end the run, and say in whose name."""
    place = AGENT / "stop-of-the-app"
    os.close(os.open(place, os.O_CREAT | os.O_WRONLY))
    place.unlink()
    if not ORDER.exists():
        raise Refused("in a /run of its own")
    return f"{place} made"


@attempt("files", open_to=ANYBODY)
def lists_the_agents_folder() -> str:
    """Anything of the agent's in the place where it always is."""
    found = [name for name in os.listdir(AGENT) if name not in SHOWN]
    if not found:
        raise Refused(f"{AGENT} is there, and nothing of the agent's in it")
    return f"{AGENT}: {found}"


@attempt("files", open_to=ANYBODY)
def moves_the_agents_folder() -> str:
    """With all that is in it."""
    theirs = ORDER.exists()
    os.rename(AGENT, "/run/elsewhere")
    os.rename("/run/elsewhere", AGENT)
    if not theirs:
        raise Refused("a folder in a /run of its own")
    return f"{AGENT} renamed, and back"


@attempt("files", open_to=ANYBODY)
def writes_the_agents_program() -> str:
    """Code of the app's in the agent: its helpers are read from the bundle while the run goes on."""
    return opened(AGENT / "agent.pyz", os.O_RDWR)


@attempt("files", open_to=ANYBODY)
def writes_the_agents_pid() -> str:
    """Have the controller watch another process."""
    return opened(AGENT / "agent.pid", os.O_RDWR)


@attempt("files", open_to=ANYBODY)
def writes_the_agents_log() -> str:
    """Last words of the agent go to the controller's terminal."""
    return opened(AGENT / "agent.log", os.O_RDWR)


@attempt("files", open_to=ANYBODY)
def writes_any_file_below_run() -> str:
    """Whatever provider or agent keep there, and whoever they are."""
    return first(_writable("/run"), "no file below /run can be written")


def _writable(top: str) -> Iterator[str]:
    for folder, _, names in os.walk(top):
        for name in names:
            if folder == f"{AGENT}/clock" and ("." not in name or name.endswith(".new")):
                continue  # a page, which is the app's to write, or what an attempt of ours has made
            try:
                yield opened(Path(folder, name), os.O_WRONLY | os.O_NOFOLLOW)
            except OSError:
                continue


@attempt("files")
def reads_the_canary_of_the_host() -> str:
    """A file of the host that anybody there may read."""
    return opened(canary()["file"], os.O_RDONLY)


@attempt("files")
def writes_the_canary_of_the_host() -> str:
    """A file of the host that anybody there may write."""
    descriptor = os.open(canary()["file"], os.O_WRONLY)
    os.write(descriptor, b"touched by an app\n")
    return canary()["file"]


@attempt("files")
def lists_the_hosts_sandboxes() -> str:
    """The runtime directory of the controller: specs, sockets, logs of every sandbox."""
    return f"{os.listdir(canary()['runtime'])}"


@attempt("files")
def reads_the_secrets_of_its_runner() -> str:
    """Keys in the environment of whoever started the run."""
    held = [name for name, value in os.environ.items() if canary()["secret"] in value and name != "CANARY"]
    if held:
        return f"a secret in the environment: {held}"
    return first(_environments(), "neither in our environment nor in that of any visible process")


def _environments() -> Iterator[str]:
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            said = entry.read_bytes().replace(b'"secret"', b"")
        except OSError:
            continue
        for variable in said.split(b"\0"):
            if canary()["secret"].encode() in variable and not variable.startswith(b"CANARY="):
                yield f"{entry}: {variable!r}"


@attempt("sockets")
def dials_the_control_socket() -> str:
    """PID 1 of the sandbox does for whoever connects what it does for the controller: run, put, destroy."""
    places = [AGENT / "control.sock", *Path(canary().get("runtime", "/nowhere")).glob("*/control.sock")]
    return first(_dialled(places), f"none of {len(places)} places answers")


def _dialled(places: list[Path]) -> Iterator[str]:
    for place in places:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1)
            try:
                line.connect(str(place))
            except OSError:
                continue
            yield f"connected to {place}"
