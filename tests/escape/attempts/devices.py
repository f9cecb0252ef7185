"""Devices: the host's disks, memory, virtualisation, network devices, and nodes made by the app."""

import contextlib
import fcntl
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from .core import Refused, attempt
from .places import first, opened

_TUNSETIFF = 0x400454CA
_MADE = "/tmp/escape-node"


def _each_opened(names: "list[str] | tuple[str, ...]", flags: int = os.O_RDONLY) -> Iterator[str]:
    for name in names:
        with contextlib.suppress(OSError):
            yield opened(name, flags)


@attempt("devices")
def opens_a_block_device() -> str:
    """Any that is in /dev."""
    names = [str(path) for path in Path("/dev").rglob("*") if _is_block(path)]
    return first(_each_opened(names), f"none of {len(names)}")


def _is_block(path: Path) -> bool:
    try:
        return stat.S_ISBLK(path.lstat().st_mode)
    except OSError:
        return False


@attempt("devices")
def makes_a_block_device() -> str:
    """Those that /proc/partitions names, by mknod(2)."""
    lines = [line.split() for line in Path("/proc/partitions").read_text().splitlines()[2:]]
    numbers = [(stat.S_IFBLK, int(words[0]), int(words[1])) for words in lines]
    return first(_made(numbers), f"none of {len(numbers)}")


@attempt("devices")
def makes_a_memory_device() -> str:
    """mem, kmem, port, kmsg: by mknod(2)."""
    return first(_made([(stat.S_IFCHR, 1, minor) for minor in (1, 2, 4, 11)]), "none of them")


@attempt("devices")
def makes_a_device_like_null() -> str:
    """The right to make any at all."""
    return first(_made([(stat.S_IFCHR, 1, 3)]), "not even that")


def _made(numbers: list[tuple[int, int, int]]) -> Iterator[str]:
    for kind, major, minor in numbers:
        with contextlib.suppress(OSError):
            os.mknod(_MADE, kind | 0o666, os.makedev(major, minor))
            try:
                yield opened(_MADE, os.O_RDONLY)
            finally:
                os.unlink(_MADE)


@attempt("devices")
def opens_the_memory_of_the_machine() -> str:
    """/dev/mem and its kin."""
    return first(_each_opened(("/dev/mem", "/dev/kmem", "/dev/port", "/proc/kcore")), "none is there")


@attempt("devices")
def reads_the_kernels_messages() -> str:
    """Addresses, and what other users' programs died of."""
    return first(_each_opened(("/dev/kmsg", "/proc/kmsg")), "neither")


@attempt("devices")
def opens_the_hypervisor() -> str:
    """kvm, vhost, vfio: large and old doors into the kernel."""
    names = (
        "/dev/kvm",
        "/dev/vhost-net",
        "/dev/vhost-vsock",
        "/dev/vfio/vfio",
        "/dev/vsock",
        "/dev/sgx_enclave",
    )
    return first(_each_opened(names, os.O_RDWR), "none is there")


@attempt("devices")
def opens_what_makes_disks() -> str:
    """loop, device mapper, fuse, btrfs, nbd."""
    names = (
        "/dev/loop-control",
        "/dev/loop0",
        "/dev/mapper/control",
        "/dev/fuse",
        "/dev/btrfs-control",
        "/dev/nbd0",
    )
    return first(_each_opened(names, os.O_RDWR), "none is there")


@attempt("devices")
def opens_what_a_person_types_on() -> str:
    """Consoles, input devices, frame buffers."""
    names = (
        "/dev/console",
        "/dev/tty0",
        "/dev/tty1",
        "/dev/uinput",
        "/dev/input/event0",
        "/dev/fb0",
        "/dev/uhid",
        "/dev/snapshot",
    )
    return first(_each_opened(names, os.O_RDWR), "none is there")


@attempt("devices")
def makes_a_network_device() -> str:
    """By /dev/net/tun: a way around the faults of its network."""
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", b"escape%d", 0x1001))
    return "a tun device"


@attempt("devices")
def changes_the_nodes_that_all_share() -> str:
    """/dev/null is the host's own node, shown: its mode and owner are everybody's."""
    return first(_changed(), "none of them")


def _changed() -> Iterator[str]:
    for name in ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/full"):
        with contextlib.suppress(OSError):
            os.chmod(name, stat.S_IMODE(os.stat(name).st_mode))
            yield f"{name}: its mode could be changed"


@attempt("devices")
def takes_kernel_parameters_from_disk_devices() -> str:
    """Power, clocks and firmware: nodes that steer the machine."""
    names = (
        "/dev/cpu_dma_latency",
        "/dev/rtc0",
        "/dev/watchdog",
        "/dev/hwrng",
        "/dev/nvram",
        "/dev/ppp",
        "/dev/autofs",
        "/dev/cpu/0/msr",
    )
    found = [said for said in _each_opened(names, os.O_RDWR)]
    if not found:
        raise Refused("none is there")
    return f"{found}"
