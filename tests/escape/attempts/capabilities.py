"""Capabilities: gain some by a program's bits or attributes; use those over what is the agent's."""

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

from . import calls
from .core import Refused, attempt
from .places import first

_COPY = Path("/tmp/escape-program")


def status(field: str) -> str:
    """A line of /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith(f"{field}:"))


@attempt("capabilities")
def may_gain_privileges() -> str:
    """no_new_privs is not set: a set-user-id program of the host's would change who it is."""
    if status("NoNewPrivs") == "1":
        raise Refused("no_new_privs is set")
    return "NoNewPrivs: 0"


@attempt("capabilities")
def gains_by_a_program_with_the_bit() -> str:
    """A copy of `id` with the set-user-id bit, run by another id of the app's."""
    shutil.copy(Path(shutil.which("id") or "/usr/bin/id").resolve(), _COPY)
    _COPY.chmod(0o4755)
    try:
        os.setgroups([])
        os.setresgid(1234, 1234, 1234)
        os.setresuid(1234, 1234, 1234)
    except OSError as error:
        raise Refused(f"it has no other id: {error.strerror}") from error
    said = subprocess.run([str(_COPY)], capture_output=True, text=True, check=False).stdout
    if "euid=0" in said:
        return said.strip()
    raise Refused(said.strip())


@attempt("capabilities")
def gains_by_a_programs_attributes() -> str:
    """security.capability on a file of its own: everything, permitted and effective."""
    shutil.copy(Path(shutil.which("cat") or "/usr/bin/cat").resolve(), _COPY)
    os.setxattr(_COPY, "security.capability", struct.pack("<IIIII", 0x02000001, 0xFFFFFFFF, 0, 0xFFFFFFFF, 0))
    before = int(status("CapPrm"), 16)
    said = subprocess.run(
        [str(_COPY), "/proc/self/status"], capture_output=True, text=True, check=False
    ).stdout
    line = next((line for line in said.splitlines() if line.startswith("CapPrm:")), "CapPrm:\t0")
    after = int(line.split()[1], 16)
    if after & ~before:
        return f"{after & ~before:#x} gained"
    raise Refused("none gained")


@attempt("capabilities")
def gains_what_it_has_not() -> str:
    """capset(2): more than it holds."""
    header, all_of_them = struct.pack("Ii", 0x20080522, 0), struct.pack("6I", *[0xFFFFFFFF] * 6)
    before = int(status("CapEff"), 16)
    if calls.libc.capset(header, all_of_them) == 0 and int(status("CapEff"), 16) & ~before:
        return f"CapEff: {status('CapEff')}"
    raise Refused(f"CapEff stays {before:#x}")


@attempt("capabilities")
def gives_files_to_the_host() -> str:
    """chown(2) to ids that are not in its map."""
    _COPY.write_bytes(b"")
    return first(_given(), "none of them")


def _given() -> Iterator[str]:
    mapped = [int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    for uid in (max(mapped), 4294967293, 70_000):
        if uid < sum(mapped) or uid >= 2**32 - 1:
            continue
        try:
            os.chown(_COPY, uid, -1)
        except (OSError, OverflowError):
            continue
        yield f"{_COPY} belongs to {uid}"


@attempt("capabilities")
def changes_attributes_of_the_hosts_programs() -> str:
    """Times, modes, owners and attributes of shown files: the host's package manager looks at them."""
    for act in (
        os.utime,
        lambda place: os.chmod(place, 0o755),
        lambda place: os.setxattr(place, "user.escaped", b"x"),
    ):
        try:
            act("/usr/bin")
        except OSError as error:
            refused = error
            continue
        return "/usr/bin was changed"
    raise refused


@attempt("capabilities")
def keeps_its_bounding_set_whole() -> str:
    """Root over the machine's own: CAP_SYS_MODULE, RAWIO, BOOT, TIME, in the first user namespace."""
    first_map = Path("/proc/self/uid_map").read_text().split()
    if first_map[:2] == ["0", "0"] and first_map[2] == "4294967295":
        held = int(status("CapEff"), 16)
        if held & (1 << 16 | 1 << 17 | 1 << 21 | 1 << 22 | 1 << 25):
            return f"CapEff {held:#x} in the first user namespace"
        raise Refused(f"the first user namespace, with {held:#x}")
    raise Refused(f"a user namespace of its own: {' '.join(first_map)}")
