"""The file tree that the app sees: the sandbox's own, less all that is the agent's, its system directories read-only.

Built by a process in a mount namespace of its own, with the agent's power, before the app's user namespace is made: the
kernel then locks every mount (mount_namespaces(7)), so that the app can neither take one away nor make it writable.
What the agent mounts later, as faults do, appears here, too; nothing that is mounted here appears there.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.agent import memory_view, processors
from chaos.agent.accounts import with_entries
from chaos.agent.identities import Identities
from chaos.namespaces import kernel

FOLDER = "/run/chaoslab"
SHOWN = "clock"
"""What of the agent's folder the app must see: pages that its processes write to, a library (chaos.faults.clock)."""
_PLAIN = kernel.MS_NOSUID | kernel.MS_NODEV
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}
_READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")
_MASKED = (
    "acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "sched_debug", "scsi", "timer_list",
    "timer_stats",
)  # fmt: skip
"""Of /proc: as Docker and Podman have it (oci-spec of moby, `MaskedPaths` and `ReadonlyPaths`)."""
_FIRMWARE = ("firmware", "devices/virtual/powercap", "kernel/security")
_HOMES = ("/root", "/app")
_FOR_ALL = ("/tmp", "/var/tmp")
_OVERLAY = f"{FOLDER}/overlay"
_IMAGE_SHARES = ("proc", "dev", "sys")


@dataclass(frozen=True, slots=True)
class Enclosure:
    """What to build. `image` is where the files of a user's image are, or empty; `users` need entries in passwd(5)."""

    image: str = ""
    users: tuple[str, ...] = ()
    home: str = "/app"
    memory_bytes: int = 0
    """What of memory there is for whom it is built; 0 when that is the whole machine's."""
    processors: tuple[int, ...] = ()
    """Which of them there are for it; none when all are."""


def build(wanted: Enclosure, ids: Identities) -> None:
    """Build it around this process, which is alone in new mount, pid and ipc namespaces. Raises OSError."""
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_SLAVE)
    if ids.kind == "kept" and not wanted.image and not os.statvfs("/").f_flag & os.ST_RDONLY:
        _overlay()
    views = processors.views(wanted.processors)
    with _opened(_sources() | {f"view{place}": str(file) for file, place in views.items()}) as opened:
        _own(ids)
        _open_to_all()
        _accounts(wanted)
        _etc(wanted)
        _proc()
        if wanted.memory_bytes:
            kernel.mount(str(memory_view.begin(wanted.memory_bytes)), "/proc/meminfo", None, kernel.MS_BIND)
            kernel.make_read_only("/proc/meminfo")
        _run(opened, ids)
        _dev(opened, ids)
        _sys(opened)
    if wanted.image:
        for name in _IMAGE_SHARES:
            place = f"{wanted.image}/{name}"
            if os.path.isdir(place) and not os.path.islink(place):
                kernel.mount(f"/{name}", place, None, kernel.MS_BIND | kernel.MS_REC)


def groups_to_join() -> list[Path]:
    """The files that a process writes 0 to, to join the app's control groups; none where there are none."""
    files = (group / "cgroup.procs" for group in sorted(Path(FOLDER, "cgroup").glob("*")))
    return [file for file in files if file.exists()]


def _sources() -> dict[str, str]:
    """What is shown again though its place is covered: name -> where it is now."""
    found = {f"dev/{name}": f"/dev/{name}" for name in (*_DEVICES, "shm")}
    shown = Path(FOLDER, SHOWN)
    found |= {f"shown/{each.name}": str(each) for each in shown.iterdir()} if shown.is_dir() else {}
    groups = Path(FOLDER, "cgroup")
    found |= {f"group/{each.name}": str(each) for each in groups.glob("*")} if groups.is_dir() else {}
    return {name: path for name, path in found.items() if os.path.exists(path)}


@contextlib.contextmanager
def _opened(places: dict[str, str]) -> Iterator[dict[str, str]]:
    """Each as a path that leads there whatever covers it."""
    descriptors = {name: os.open(path, os.O_PATH | os.O_CLOEXEC) for name, path in places.items()}
    try:
        yield {name: f"/proc/self/fd/{number}" for name, number in descriptors.items()}
    finally:
        for number in descriptors.values():
            os.close(number)


def _own(ids: Identities) -> None:
    """Give what was put on the disks of the sandbox's own for the app to its root; what has its ids already stays."""
    if ids.kind != "own":
        return
    for home in filter(os.path.ismount, _HOMES):
        disk = os.lstat(home).st_dev
        for folder, folders, files in os.walk(home):
            folders[:] = [name for name in folders if os.lstat(os.path.join(folder, name)).st_dev == disk]
            for name in ("", *folders, *files):
                path = os.path.join(folder, name)
                found = os.lstat(path)
                if found.st_uid < ids.root:
                    os.lchown(path, ids.root + found.st_uid, ids.root + min(found.st_gid, ids.count - 1))


def _open_to_all() -> None:
    """Some engines give these the mode that the directory has in the image."""
    for place in filter(os.path.ismount, _FOR_ALL):
        os.chmod(place, 0o1777)


def _etc(wanted: Enclosure) -> None:
    """What an engine shows there by mounts of single files is read-only: the agent reads names from them, too."""
    folders = ("/etc/", f"{wanted.image}/etc/")
    for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        point, options = line.split()[4:6]
        if point.startswith(folders) and "ro" not in options.split(","):
            kernel.make_read_only(point)


def _accounts(wanted: Enclosure) -> None:
    """Entries in passwd(5) and group(5) for the users that the manifest names and the sandbox does not know."""
    etc = Path(f"{wanted.image}/etc")
    before = [_text(etc / name) for name in ("passwd", "group")]
    after = with_entries(before[0], before[1], wanted.users, wanted.home)
    for name, old, new in zip(("passwd", "group"), before, after, strict=True):
        if new != old and (etc / name).is_file():
            place = Path(FOLDER, f"{name}.app")
            place.write_text(new)
            place.chmod(0o644)
            kernel.mount(str(place), str(etc / name), None, kernel.MS_BIND)
            kernel.make_read_only(str(etc / name))


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _proc() -> None:
    """Its own processes; what tells or changes things of the whole machine is hidden or read-only."""
    kernel.mount("proc", "/proc", "proc", _PLAIN | kernel.MS_NOEXEC)
    for name in _READ_ONLY:
        if os.path.exists(place := f"/proc/{name}"):
            kernel.mount(place, place, None, kernel.MS_BIND | kernel.MS_REC)
            kernel.make_read_only(place)
    kernel.mount(
        "/proc/1", "/proc/1", None, kernel.MS_BIND
    )  # where ids are shared, its files would be the app's
    kernel.make_read_only("/proc/1")
    _mask(f"/proc/{name}" for name in _MASKED)


def _mask(places: Iterator[str]) -> None:
    for place in places:
        if os.path.isdir(place):
            kernel.mount("tmpfs", place, "tmpfs", _PLAIN | kernel.MS_RDONLY, "size=0")
        elif os.path.exists(place):
            kernel.mount("/dev/null", place, None, kernel.MS_BIND)


def _run(opened: dict[str, str], ids: Identities) -> None:
    """A /run of its own: sockets, locks and files of the agent, and of a whole guest system, are not in it."""
    kernel.mount("tmpfs", "/run", "tmpfs", _PLAIN, f"size=64m,mode=755,uid={ids.root},gid={ids.root}")
    for name, source in opened.items():
        if name.startswith("shown/"):
            place = Path(FOLDER, SHOWN, name.removeprefix("shown/"))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
            kernel.mount(source, str(place), None, kernel.MS_BIND)
            if place.suffix == ".so":
                kernel.make_read_only(str(place))


def _dev(opened: dict[str, str], ids: Identities) -> None:
    """The devices that every program may count on, and no other."""
    kernel.mount("tmpfs", "/dev", "tmpfs", kernel.MS_NOSUID, "size=64k,mode=755")
    for name in (*_DEVICES, "shm"):
        if (source := opened.get(f"dev/{name}")) is None:
            continue
        place = Path("/dev", name)
        place.mkdir() if name == "shm" else place.touch()
        kernel.mount(source, str(place), None, kernel.MS_BIND | (kernel.MS_REC if name == "shm" else 0))
        if name != "shm":
            kernel.make_read_only(str(place))  # a device is written to all the same, its mode is not
    for name, target in _LINKS.items():
        os.symlink(f"/proc/self/fd{target}", f"/dev/{name}")
    for name, kind, options in (
        ("pts", "devpts", f"newinstance,ptmxmode=0666,mode=620,gid={ids.root + min(5, ids.count - 1)}"),
        ("mqueue", "mqueue", None),
    ):
        Path("/dev", name).mkdir()
        with contextlib.suppress(OSError):  # a kernel without them, or an id that cannot be had: as before
            kernel.mount(kind, f"/dev/{name}", kind, kernel.MS_NOSUID | kernel.MS_NOEXEC, options)
    os.symlink("pts/ptmx", "/dev/ptmx")
    kernel.mount(None, "/dev", None, kernel.MS_REMOUNT | kernel.MS_RDONLY | kernel.MS_NOSUID)


def _sys(opened: dict[str, str]) -> None:
    """Read-only, with the app's own control group where a program looks for it."""
    if not os.path.isdir("/sys/fs"):
        return
    kernel.mount("/sys", "/sys", None, kernel.MS_BIND | kernel.MS_REC)
    groups = {
        name.removeprefix("group/"): source for name, source in opened.items() if name.startswith("group/")
    }
    if groups:
        kernel.mount("tmpfs", "/sys/fs/cgroup", "tmpfs", _PLAIN | kernel.MS_NOEXEC, "size=64k,mode=755")
        for name, source in groups.items():
            place = Path("/sys/fs/cgroup", "" if name == "unified" else name)
            place.mkdir(exist_ok=True)
            kernel.mount(source, str(place), None, kernel.MS_BIND)
    for name, source in opened.items():
        if name.startswith("view/"):
            kernel.mount(source, name.removeprefix("view"), None, kernel.MS_BIND)
            kernel.make_read_only(name.removeprefix("view"))
    kernel.make_read_only("/sys")
    _mask(f"/sys/{name}" for name in _FIRMWARE)


def _overlay() -> None:
    """A root of which every write goes elsewhere: the agent runs from the same files, and the app has their owner's id.

    Mounts on it are shown in the new one, too. (overlayfs, Documentation/filesystems/overlayfs.rst)
    """
    for name in ("", "/upper", "/work", "/root"):
        if not name:
            Path(_OVERLAY).mkdir(exist_ok=True)
            kernel.mount("tmpfs", _OVERLAY, "tmpfs", _PLAIN, "mode=700")
        else:
            Path(_OVERLAY + name).mkdir(mode=0o755)
    root = f"{_OVERLAY}/root"
    options = f"lowerdir=/,upperdir={_OVERLAY}/upper,workdir={_OVERLAY}/work"
    kernel.mount("overlay", root, "overlay", 0, options)
    for point in _mounted_on_root():
        if os.path.exists(root + point):
            kernel.mount(point, root + point, None, kernel.MS_BIND | kernel.MS_REC)
    kernel.pivot_into(root)


def _mounted_on_root() -> Sequence[str]:
    """The mount points whose parent is the root's own mount (mountinfo of proc(5))."""
    lines = [
        line.split() for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    ]
    (root,) = [fields[0] for fields in lines if fields[4] == "/"][-1:]
    found = (fields[4] for fields in lines if fields[1] == root and fields[4] != "/")
    return [point for point in found if not point.startswith(_OVERLAY)]
