"""The app's system call filter, interpreted: what it answers on each architecture, whatever this one is."""

import base64
import errno
import struct
import zlib

import pytest

from chaos.agent.syscall_filter import PACKED

_X86_64, _AARCH64, _I386, _ARM = 0xC000003E, 0xC00000B7, 0x40000003, 0x40000028
"""AUDIT_ARCH_* of <linux/audit.h>."""
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
"""SECCOMP_RET_* of <linux/seccomp.h>."""
_NUMBERS = {
    _X86_64: {
        "read": 0, "execve": 59, "ioctl": 16, "clone": 56, "socket": 41, "unshare": 272, "mount": 165, "setns": 308,
        "keyctl": 250, "bpf": 321, "perf_event_open": 298, "process_vm_readv": 310, "prlimit64": 302,
        "setpriority": 141, "sched_setaffinity": 203, "personality": 135,
    },
    _AARCH64: {
        "read": 63, "execve": 221, "ioctl": 29, "clone": 220, "socket": 198, "unshare": 97, "mount": 40, "setns": 268,
        "keyctl": 219, "bpf": 280, "perf_event_open": 241, "process_vm_readv": 270, "prlimit64": 261,
        "setpriority": 140, "sched_setaffinity": 122, "personality": 92,
    },
}  # fmt: skip
"""<asm/unistd_64.h> and <asm-generic/unistd.h>; the newer ones have one number everywhere."""
_EVERYWHERE = {
    "io_uring_setup": 425,
    "pidfd_open": 434,
    "clone3": 435,
    "mount_setattr": 442,
    "close_range": 436,
}
_PROGRAM = zlib.decompress(base64.b85decode(PACKED))


def answer(arch: int, name: str, *arguments: int) -> str:
    """What a process gets for that call there: `ok`, or the error's name."""
    number = _EVERYWHERE.get(name) or _NUMBERS.get(arch, _NUMBERS[_X86_64])[name]
    data = struct.pack("=iIQ6Q", number, arch, 0, *arguments, *[0] * (6 - len(arguments)))
    said = interpreted(_PROGRAM, data)
    return "ok" if said == _ALLOW else errno.errorcode[said & 0xFFFF]


def interpreted(program: bytes, data: bytes) -> int:
    """Classic BPF as seccomp(2) allows it, over one `struct seccomp_data` (Documentation/networking/filter.rst)."""
    at, accumulator = 0, 0
    steps = list(struct.iter_unpack("=HBBI", program))
    while True:
        code, if_true, if_false, k = steps[at]
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, k)
            case 0x54:
                accumulator &= k
            case 0x05:
                at += k
            case 0x15:
                at += if_true if accumulator == k else if_false
            case 0x25:
                at += if_true if accumulator > k else if_false
            case 0x35:
                at += if_true if accumulator >= k else if_false
            case 0x06:
                return int(k)
            case _:
                raise AssertionError(f"step {at - 1}: code {code:#x}")


@pytest.mark.parametrize("arch", [_X86_64, _AARCH64])
@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        *((name, (), "ok") for name in ("read", "execve", "pidfd_open", "close_range")),
        *((name, (), "EPERM") for name in ("unshare", "mount", "setns", "keyctl", "bpf", "mount_setattr")),
        *((name, (), "EPERM") for name in ("perf_event_open", "process_vm_readv")),
        *((name, (), "ENOSYS") for name in ("io_uring_setup", "clone3")),
        ("ioctl", (0, 0x5413), "ok"),
        ("ioctl", (0, 0x5412), "EPERM"),
        ("ioctl", (0, 0x100005412), "EPERM"),
        ("clone", (17,), "ok"),
        ("clone", (0x10000000 | 17,), "ENOSYS"),
        ("socket", (1,), "ok"),
        ("socket", (40,), "ENOSYS"),
        ("prlimit64", (1, 7, 1), "EPERM"),
        ("prlimit64", (1, 7, 1 << 40), "EPERM"),
        ("prlimit64", (1, 7, 0), "ok"),
        ("prlimit64", (0, 7, 1), "ok"),
        ("setpriority", (0, 1), "EPERM"),
        ("setpriority", (2, 0), "EPERM"),
        ("setpriority", (0, 0), "ok"),
        ("sched_setaffinity", (1,), "EPERM"),
        ("personality", (0,), "ok"),
        ("personality", (0x0040000,), "ENOSYS"),
    ],
)
def test_it_answers_the_same_on_both(arch: int, name: str, arguments: tuple[int, ...], said: str) -> None:
    assert answer(arch, name, *arguments) == said


@pytest.mark.parametrize("arch", [_I386, _ARM, 0])
def test_programs_of_another_architecture_have_no_calls(arch: int) -> None:
    assert answer(arch, "read") == answer(arch, "execve") == "ENOSYS"
