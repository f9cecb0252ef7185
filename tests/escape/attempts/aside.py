"""Attempts that begin elsewhere than in a process of the app, or while faults act: each leaves evidence in its folder.

By the setup, a probe's command, a library or program that the environment names for what the agent starts, a working
directory that is swapped, names that faults write to.
"""

import base64
import contextlib
import fcntl
import json
import os
import pwd
import signal
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from . import places
from .core import ATTEMPTS, outcome

APP = Path("/app")
EVIDENCE = APP / "evidence"
GO = APP / "the-agent-is-there"
VICTIM = "/run/chaoslab/victim"
"""Where links of the app's lead: a folder outside that nothing may be written to."""
NAMES, SCRIBBLE = ("/etc/hosts", "/etc/resolv.conf", "/etc/passwd", "/etc/group"), "written by an app"
_BASELINE_S, _STOPS_FOR_S = 3.0, 4.0
CUT = "module"
"""The process whose page is cut: it only sleeps."""
STOPPED_S = 4.0
"""Longer than anybody should wait for a process that does not start."""
MARK, CLOCK_MARK = "/tmp/escape-preloaded", "/tmp/escape-clockwise"
OUTSIDE = (
    "reads_the_order", "appends_to_the_journal", "touches_the_lease", "lists_the_agents_folder", "sees_a_stranger",
    "stops_the_agent", "traces_pid_1", "makes_a_user_namespace", "mounts_a_tmpfs", "changes_the_rules_of_packets",
    "dials_the_control_socket", "inherits_a_descriptor", "may_gain_privileges", "runs_without_a_filter",
)  # fmt: skip
"""What shows whether a program is outside of the wall."""
SIDE = {
    "as_a_setup_command": "What setup left running, once the agent is there: it is the app's, too.",
    "as_a_probes_command": "What a probe runs is in the app's folder, so it is the app's code.",
    "as_another_user": "A process that its manifest gives another user.",
    "as_a_library_of_the_launcher": "LD_PRELOAD of a process, obeyed by what the agent starts it with.",
    "as_a_program_of_the_launcher": "PATH of a process, by which the agent finds what it starts it with.",
    "as_a_module_of_the_launcher": "PYTHONPATH of a process, obeyed by a launcher in Python.",
    "by_a_swapped_working_directory": "A folder that becomes a link to the agent's before a process starts again.",
    "by_links_for_what_faults_write": "Files that faults make in /tmp and /app, swapped for links that lead outside.",
    "by_stopping_what_is_being_started": "A process between fork and exec, stopped, so that the agent waits for it.",
    "by_the_library_of_clocks": "What clock_skew preloads, written by the app, and loaded by a helper of the agent.",
    "by_pages_that_are_cut": "What the agent has mapped, truncated by the app: SIGBUS.",
    "by_files_that_others_read": "hosts, resolv.conf, passwd and programs, written by the app, read by the agent.",
    "by_a_link_to_the_journals_disk": "A disk fault whose path the app has made a link to where the journal is.",
}
PRELOADED = (
    "c-rllzfaph6vv;P1f>BfEkdZB2vb^BImZz~Pzgl%Q6e=<J9Vor@l_7Oc4S|qWMb;T!2iI2_#04%DpLOg24)uikJ{lKIUiUwQq}1`gTHxqe(%nA"
    "S>E^Lp#9M_3=rgC8>SJ!4(jlwJhlOa_*sG%lXnY{O~p(rV4WmyE~!<<nk#7?Ls~_iIb&WC_46Hf=HTxUpZg`w%g?Z$A*m_F&yl>h2zj`~gmp2|"
    "^LrecS4l1V`oO+!oo%(^-|f?J>-45vX#E%um*cUec<fg*e*C;JCbQ+j?<C#gUf*I-m-bn$AF|_sI?R#QwZegKbzK@n$FySwp~FIQ6a_wLG#ZUY"
    "qtR$I8jU8!0;=fS@)&=`SoFr{7>gdXk8ugo<MXJm|I_{t_x3(i-tMzbkNOq6K^ml9v)A4`tYbF@_B$K`AdwsKkkbwjmqsoSXXHmC?_PNbgtH+B"
    "5(W<C6bN&_eGjR}CiB$mb%AsP&tpFSNBf?~vo)3T7P<sezd-f@#QnU&8m4j|LhBEH$bD~KRPN;s&Y8;ns`m_vFCbWzJP`T+^QiyN$gfHsL&B|*"
    "*3Aq*<Du_Y@*nv$3PmN}#J%T0@kPpMKP0E*i+$|k`t=OsrJC{mvgV%HXBG25J#&7402S<GEd"
)
"""A library for x86_64 whose initialiser opens the order, and makes MARK when it could:

    void init(void) { if (open("/run/chaoslab/order.json", O_RDONLY) >= 0) open(MARK, O_CREAT | O_WRONLY, 0644); }
"""


def keep(name: str, answers: object) -> None:
    """Write down what was reached, for whoever looks from outside."""
    EVIDENCE.mkdir(exist_ok=True)
    (EVIDENCE / f"{name}.part").write_text(json.dumps(answers))
    (EVIDENCE / f"{name}.part").replace(EVIDENCE / f"{name}.json")


def reached(*, wait: bool = True) -> dict[str, object]:
    """What of OUTSIDE is open from here; not while a process that is being started is held up, which has its turn."""
    with _turn(wait=wait):
        answers = {name: outcome(ATTEMPTS[name].act) for name in OUTSIDE}
    return {name: answer["said"] for name, answer in answers.items() if answer["reached"] is not False}


@contextlib.contextmanager
def _turn(*, wait: bool = True) -> Iterator[None]:
    """One who looks around, or one who holds up what is being started: each would see the other's doing.

    Raises BlockingIOError when it has to wait and does not want to.
    """
    turn = os.open(EVIDENCE / "turn", os.O_RDONLY)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(turn)


def arm() -> None:
    """Lay the traps: library, programs, module, folder and link."""
    evil = APP / "evil"
    evil.mkdir(exist_ok=True)
    library = zlib.decompress(base64.b85decode(PRELOADED))
    (evil / "preloaded.so").write_bytes(library)
    _tamper_with_clocks(library.replace(MARK.encode(), CLOCK_MARK.encode()))
    (evil / "sitecustomize.py").write_text(_seen_by("as_a_module_of_the_launcher"))
    for name in ("sh", "env", "setpriv", "unshare", "nsenter", "python3", "mount", "echo", "cat"):
        place = evil / name
        folders = ("/usr/bin", "/bin", "/opt/python/bin")
        real = next((f"{folder}/{name}" for folder in folders if Path(folder, name).exists()), "")
        if name == "python3":
            real = sys.executable
        if not real:
            continue
        look = (
            f"if [ -r /run/chaoslab/order.json ]; then : > {EVIDENCE}/as_a_program_of_the_launcher.json; fi"
        )
        place.write_text(f'#!/bin/sh\n{look}\nexec {real} "$@"\n')
        place.chmod(0o755)
    EVIDENCE.mkdir(exist_ok=True)
    EVIDENCE.chmod(0o777)
    (EVIDENCE / "turn").touch(mode=0o644)
    (APP / "jump").mkdir(exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.symlink("/run/chaoslab", "/tmp/full")
    for name in NAMES:
        with contextlib.suppress(OSError), open(name, "a") as file:
            file.write(f"# {SCRIBBLE}\n")


def _tamper_with_clocks(library: bytes) -> None:
    """Of the only folder of the agent's that is shown: its library, replaced; a page, cut."""
    for place in Path("/run/chaoslab/clock").glob("*"):
        if place.suffix == ".so":
            with contextlib.suppress(OSError):  # written in place it would be our own end
                place.with_suffix(".new").write_bytes(library)
                place.with_suffix(".new").replace(place)
        elif place.name == CUT:
            with contextlib.suppress(OSError):
                os.truncate(place, 0)


def _seen_by(name: str) -> str:
    look = 'if os.access("/run/chaoslab/order.json", os.R_OK):'
    return f'import os\n{look}\n    open("{EVIDENCE}/{name}.json", "w").close()\n'


def daemon() -> None:
    """For setup: go to the background, wait for the agent, then look around."""
    if os.fork() != 0:
        return
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    until = time.monotonic() + 60
    while not GO.exists() and time.monotonic() < until:
        time.sleep(0.05)
    keep("as_a_setup_command", reached())
    os._exit(0)


def probe() -> None:
    """For a probe: look around, or leave it to the next one: those that wait would take the app's memory."""
    with contextlib.suppress(BlockingIOError):
        keep("as_a_probes_command", reached(wait=False))


def another() -> dict[str, object]:
    """As another user of the manifest's: look around, and say who one is."""
    keep("as_another_user", reached())
    account = pwd.getpwuid(os.getuid())
    return {"uid": os.getuid(), "name": account.pw_name, "home": os.environ["HOME"]}


def jump() -> None:
    """In a folder that is a link by the second life."""
    here = Path("jump") if Path("jump").is_dir() else Path()
    names = os.listdir(here)
    if any(name in names for name in ("order.json", "journal.ndjson", "agent.pyz")):
        keep("by_a_swapped_working_directory", {"lists": names})
    place = APP / "jump"
    if not place.is_symlink() and GO.exists():
        place.rename(APP / "jumped")
        place.symlink_to("/run/chaoslab")
    time.sleep(0.2)


def race() -> None:
    """Swap whatever a fault makes for a link that leads outside; for ever."""
    while True:
        for folder in ("/tmp", "/app"):
            for name in os.listdir(folder):
                if name.startswith(".chaoslab") and not name.endswith(".was"):
                    _swap(Path(folder, name))
        time.sleep(0.003)


def _swap(place: Path) -> None:
    with contextlib.suppress(OSError):
        if not place.is_symlink():
            place.rename(f"{place}.was")
            place.symlink_to(VICTIM)


def stop_what_is_being_started() -> None:
    """Between fork and exec a process has not the app's identity yet: stop it there, and whoever waits for it waits.

    The number of the newest process is in /proc/loadavg.
    """
    time.sleep(_BASELINE_S)
    until = time.monotonic() + _STOPS_FOR_S
    with open("/proc/loadavg", "rb", buffering=0) as newest:
        before = b""
        while time.monotonic() < until:
            newest.seek(0)
            if (now := newest.read(64).rpartition(b" ")[2]) != before:
                before = now
                with _turn():
                    early = _stopped_too_early(int(now))
                if early:
                    return


def _stopped_too_early(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGSTOP)
    except OSError:
        return False
    early = b"agent.pyz" in (line := places.command_line(pid))
    if early:
        keep("by_stopping_what_is_being_started", {"at": time.time(), "line": repr(line)})
        time.sleep(STOPPED_S)
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGCONT)
    return early
