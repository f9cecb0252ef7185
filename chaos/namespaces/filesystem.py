"""The sandbox's file tree: a fresh tmpfs root, the host's programs read-only, private size-limited /tmp and /app."""

import os
import stat
from pathlib import Path

from chaos.namespaces import kernel
from chaos.namespaces.spec import BoxSpec

_PLAIN = kernel.MS_NOSUID | kernel.MS_NODEV
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "net/tun")
_ETC = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "debian_version", "gai.conf", "ld.so.cache",
    "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "os-release", "pki", "protocols", "python3",
    "python3.11", "services", "ssl", "timezone",
)  # fmt: skip
_ROOT_SIZE = "16m"
_RUN_SIZE = "512m"  # the journal of a long run at a high rate; only what is used is taken


def build(spec: BoxSpec, cgroup_views: dict[str, str]) -> None:
    """Build the tree and make it the root; the caller is alone in new mount, pid and user namespaces.

    Raises OSError.
    """
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    # Open first, then become the inner root: outside, a home directory may be closed to that user; inside, an inode
    # made by a user without a mapping is refused (EOVERFLOW).
    sources = _open_sources(spec, cgroup_views)
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    kernel.die_with_parent()  # again: that cleared it
    root = "/tmp"  # any directory will do: it is covered here only
    kernel.mount("tmpfs", root, "tmpfs", _PLAIN, f"size={_ROOT_SIZE},mode=755")
    for place in ("proc", "dev", "dev/shm", "tmp", "app", "run", "root", "home", "sys", "etc", "var/tmp"):
        Path(root, place).mkdir(parents=True, exist_ok=True)
    _mount_disks(spec, root)
    for target, descriptor in sources.items():
        _bind(descriptor, root + target)
    for source in (*spec.read_only, "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(source) and not os.path.lexists(root + source):
            Path(root + source).parent.mkdir(parents=True, exist_ok=True)
            os.symlink(os.readlink(source), root + source)
    _fill_dev(root)
    _fill_etc(spec, root)
    kernel.mount("proc", root + "/proc", "proc", _PLAIN | kernel.MS_NOEXEC)
    _mount_sys(root, cgroup_views)
    kernel.pivot_into(root)
    kernel.mount(None, "/", None, kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | _PLAIN)


def _open_sources(spec: BoxSpec, cgroup_views: dict[str, str]) -> dict[str, int]:
    """Open every host path to show before anything covers it: target inside -> O_PATH descriptor."""
    places = {
        path: path for path in (*spec.read_only, "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
    }
    places |= {f"/etc/{name}": f"/etc/{name}" for name in (*_ETC, *_javas())}
    places |= {f"/dev/{name}": f"/dev/{name}" for name in _DEVICES}
    places |= {f"/run/chaoslab/cgroup/{name}": path for name, path in cgroup_views.items()}
    return {
        target: os.open(source, os.O_PATH | os.O_CLOEXEC)
        for target, source in places.items()
        if os.path.exists(source) and (not os.path.islink(source) or source.startswith("/etc/"))
    }


def _javas() -> list[str]:
    """Debian keeps there what its JVMs are configured by, security providers among it: /usr has links to it only."""
    return [name for name in os.listdir("/etc") if name.startswith("java-")]


def _mount_disks(spec: BoxSpec, root: str) -> None:
    for place, options in (
        ("tmp", f"size={spec.disk_bytes},mode=1777"),
        ("app", f"size={spec.disk_bytes},mode=755"),
        ("run", f"size={_RUN_SIZE},mode=755"),
        ("root", "size=16m,mode=700"),
        ("dev/shm", "size=64m,mode=1777"),
        ("var/tmp", "size=16m,mode=1777"),
    ):
        kernel.mount("tmpfs", f"{root}/{place}", "tmpfs", _PLAIN, options)


def _bind(descriptor: int, target: str) -> None:
    """Show an opened host path at `target`: read-only, but for devices and control groups."""
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        Path(target).mkdir(parents=True, exist_ok=True)
    else:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).touch()
    kernel.mount(f"/proc/self/fd/{descriptor}", target, None, kernel.MS_BIND | kernel.MS_REC)
    os.close(descriptor)
    if "/dev/" not in target and "/run/chaoslab/cgroup/" not in target:
        kernel.make_read_only(target)


def _fill_dev(root: str) -> None:
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"{root}/dev/{name}")


def _fill_etc(spec: BoxSpec, root: str) -> None:
    names = " ".join(["localhost", *spec.hosts])
    files = {
        "hosts": f"127.0.0.1 {names}\n::1 localhost\n",
        "hostname": "chaoslab\n",
        "resolv.conf": "# only this sandbox's own loopback\nnameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
        "group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
        "host.conf": "multi on\n",
    }
    for name, text in files.items():
        Path(root, "etc", name).write_text(text)


def _mount_sys(root: str, cgroup_views: dict[str, str]) -> None:
    """Show /sys, and the app's own control group where a program looks for it in any container."""
    try:
        kernel.mount("sysfs", root + "/sys", "sysfs", _PLAIN | kernel.MS_NOEXEC | kernel.MS_RDONLY)
        kernel.mount("tmpfs", root + "/sys/fs/cgroup", "tmpfs", _PLAIN, "size=64k,mode=755")
    except (
        PermissionError
    ):  # inside another container /sys may be partly covered: then the kernel refuses a new one
        Path(root, "sys/fs/cgroup").mkdir(parents=True, exist_ok=True)
    for name in cgroup_views:
        target = f"{root}/sys/fs/cgroup" if name == "unified" else f"{root}/sys/fs/cgroup/{name}"
        Path(target).mkdir(exist_ok=True)
        kernel.mount(f"{root}/run/chaoslab/cgroup/{name}", target, None, kernel.MS_BIND)
        kernel.make_read_only(target)
