"""System calls that a filter refuses: doors of the kernel that no app needs, also by other ways to number them."""

import ctypes
import errno
import mmap
import os
import platform
import struct
from collections.abc import Callable
from pathlib import Path

from . import calls
from .core import Refused, attempt

_X32 = 0x40000000
_READ_IMPLIES_EXEC, _ADDR_NO_RANDOMIZE, _QUERY = 0x400000, 0x40000, 0xFFFFFFFF


@attempt("seccomp")
def makes_a_map_of_bpf() -> str:
    """bpf(2)."""
    attributes = ctypes.create_string_buffer(struct.pack("IIII", 2, 4, 8, 1), 128)
    return f"descriptor {calls.call('bpf', 0, attributes, 128)}"


@attempt("seccomp")
def counts_events_of_the_machine() -> str:
    """perf_event_open(2): side channels by the dozen."""
    attributes = ctypes.create_string_buffer(struct.pack("IIQQQQQ", 1, 128, 1, 0, 0, 0, 0x61), 128)
    return f"descriptor {calls.call('perf_event_open', attributes, 0, -1, -1, 0)}"


@attempt("seccomp")
def handles_its_own_page_faults() -> str:
    """userfaultfd(2): holds the kernel in the middle of what it does."""
    return f"descriptor {calls.call('userfaultfd', os.O_CLOEXEC | 1)}"


@attempt("seccomp")
def sets_up_a_ring() -> str:
    """io_uring_setup(2)."""
    parameters = ctypes.create_string_buffer(120)
    return f"descriptor {calls.call('io_uring_setup', 4, parameters)}"


@attempt("seccomp")
def loads_a_kernel() -> str:
    """kexec_load(2) of nothing: unloads the one that was loaded."""
    return f"{calls.call('kexec_load', 0, 0, 0, 0)}"


@attempt("seccomp")
def loads_a_module() -> str:
    """init_module(2), finit_module(2), delete_module(2); ENOEXEC and ENOENT say that it may."""
    return _first_let_through(
        lambda: calls.call("init_module", b"\0" * 64, 64, b""),
        lambda: calls.call("finit_module", os.open("/proc/self/exe", os.O_RDONLY), b"", 0),
        lambda: calls.call("delete_module", b"no_such_module", os.O_NONBLOCK),
    )


def _first_let_through(*ways: Callable[[], int]) -> str:
    refused = OSError(errno.ENOSYS, "")
    for way in ways:
        try:
            return f"{way()}"
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOEXEC):
                return f"let through: {errno.errorcode[error.errno]}"
            refused = error
    raise refused


@attempt("seccomp")
def counts_processes_of_the_machine() -> str:
    """acct(2)."""
    return f"{calls.call('acct', 0)}"


@attempt("seccomp")
def asks_for_quotas() -> str:
    """quotactl(2): Q_SYNC."""
    return f"{calls.call('quotactl', 0x80000100, None, 0, 0)}"


@attempt("seccomp")
def swaps() -> str:
    """swapon(2), swapoff(2) of what is not there."""
    return _first_let_through(
        lambda: calls.call("swapon", b"/nowhere", 0), lambda: calls.call("swapoff", b"/nowhere")
    )


@attempt("seccomp")
def restarts_the_machine() -> str:
    """reboot(2) ends the init of a pid namespace; EINVAL to a harmless wish says that it may."""
    try:
        return f"{calls.call('reboot', 0xFEE1DEAD, 0x28121969, 0, 0)}"  # keyboard: Ctrl-Alt-Del off
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    return "the kernel only refuses this wish"


@attempt("seccomp")
def reads_the_log_of_the_kernel() -> str:
    """syslog(2): SYSLOG_ACTION_READ_ALL."""
    return f"{calls.call('syslog', 3, ctypes.create_string_buffer(64), 64)} bytes"


@attempt("seccomp")
def makes_data_executable() -> str:
    """personality(2): READ_IMPLIES_EXEC weakens every program that it starts."""
    return f"{calls.call('personality', _READ_IMPLIES_EXEC):#x} before"


@attempt("seccomp")
def looks_up_cookies_or_exports() -> str:
    """lookup_dcookie(2) and nfsservctl(2), gone from new kernels."""
    return _first_let_through(
        lambda: calls.call("lookup_dcookie", 0, ctypes.create_string_buffer(8), 8),
        lambda: calls.call("nfsservctl", 0, 0, 0),
    )


@attempt("seccomp")
def speaks_to_ports_of_the_processor() -> str:
    """iopl(2), ioperm(2)."""
    return _first_let_through(lambda: calls.call("ioperm", 0x80, 1, 1), lambda: calls.call("iopl", 3))


@attempt("seccomp")
def watches_every_file() -> str:
    """fanotify_init(2): of the host's programs, too, as all of it is one file system."""
    return f"descriptor {calls.call('fanotify_init', 0x200, 0)}"


@attempt("seccomp")
def reads_another_way_round() -> str:
    """Calls of the x32 numbering, which filters of numbers alone miss: unshare of a user namespace."""
    return f"{calls.raw(_X32 | calls.number('unshare'), calls.NEWUSER)}"


@attempt("seccomp")
def makes_a_user_namespace_by_the_32_bit_door() -> str:
    """int 0x80 has other numbers: i386's unshare is 310."""
    return _by_int_80(310, calls.NEWUSER)


@attempt("seccomp")
def joins_a_keyring_by_the_32_bit_door() -> str:
    """i386's keyctl is 288: KEYCTL_JOIN_SESSION_KEYRING without a name."""
    return _by_int_80(288, 1)


@attempt("seccomp")
def mounts_by_the_32_bit_door() -> str:
    """i386's umount2 is 52; ENOENT or EFAULT to a place that is not there says that it may."""
    return _by_int_80(52, 0, let_through=(errno.EFAULT, errno.ENOENT))


def _by_int_80(number: int, argument: int, let_through: tuple[int, ...] = ()) -> str:
    """mov eax, number; mov ebx, argument; xor ecx, ecx; xor edx, edx; int 0x80; ret."""
    if platform.machine() != "x86_64":
        raise Refused("not on this architecture")
    code = b"\x53\xb8" + struct.pack("<I", number) + b"\xbb" + struct.pack("<I", argument)
    code += b"\x31\xc9\x31\xd2\xcd\x80\x5b\xc3"
    place = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    place.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(place))
    result = ctypes.CFUNCTYPE(ctypes.c_int32)(address)()
    if result < 0 and -result not in let_through:
        raise OSError(-result, os.strerror(-result))
    return f"it answered {result}"


@attempt("seccomp")
def runs_without_a_filter() -> str:
    """What /proc says of its own process."""
    fields = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line
    )
    if fields["Seccomp"].strip() == "2":
        raise Refused(f"{fields.get('Seccomp_filters', '?')} filters")
    return f"Seccomp: {fields['Seccomp']}"
