"""The few Linux calls that Python's standard library lacks, through libc: unshare, setns, mount, pivot_root, prctl, …

Numbers are those of <linux/sched.h>, <linux/mount.h> and <linux/prctl.h>. All raise OSError with what was tried.
"""

import contextlib
import ctypes
import errno
import os
import struct

NEWTIME = 0x80
NEWNS = 0x20000
NEWCGROUP = 0x2000000
NEWUTS = 0x4000000
NEWIPC = 0x8000000
NEWUSER = 0x10000000
NEWPID = 0x20000000
NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MS_SLAVE, MS_SHARED = 1 << 19, 1 << 20

_MNT_DETACH = 2
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_PR_SET_NO_NEW_PRIVS = 38
_SYS_MOUNT_SETATTR = 442  # the same on every architecture
_AT_RECURSIVE = 0x8000
_AT_FDCWD = -100
_MOUNT_ATTR_RDONLY_NOSUID = 0x1 | 0x2
_SYS_KEYCTL = {"x86_64": 250}.get(os.uname().machine, 219)  # 219: <asm-generic/unistd.h>
_SYS_CLOSE_RANGE, _CLOSE_RANGE_CLOEXEC = 436, 4  # the same on every architecture
_KEYCTL_JOIN_SESSION_KEYRING = 1
_FILTER_BYTES = 8
"""Of one `struct sock_filter`."""

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    """Move this process (for pid and time: its children) into new namespaces."""
    _check(_libc.unshare(flags), f"unshare({flags:#x})")


def setns(descriptor: int, kind: int) -> None:
    """Join the namespace (of that kind) which the descriptor names; for pid: its future children do."""
    _check(_libc.setns(descriptor, kind), f"setns({kind:#x})")


def mount(
    source: str | None, target: str, kind: str | None = None, flags: int = 0, options: str | None = None
) -> None:
    """mount(2)."""

    def text(value: str | None) -> bytes | None:
        return None if value is None else os.fsencode(value)

    result = _libc.mount(text(source), text(target), text(kind), ctypes.c_ulong(flags), text(options))
    _check(result, f"mount {source or kind} on {target}")


def make_read_only(path: str) -> None:
    """Make the mount at `path` and all below it read-only (mount_setattr(2), Linux 5.12)."""
    attributes = struct.pack("QQQQ", _MOUNT_ATTR_RDONLY_NOSUID, 0, 0, 0)
    result = _libc.syscall(
        _SYS_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(path), _AT_RECURSIVE, attributes, len(attributes)
    )
    _check(result, f"mount_setattr {path}")


def pivot_into(root: str) -> None:
    """Make `root` the root directory and let go of the old one (pivot_root(2), its `.`/`.` form)."""
    os.chdir(root)
    _check(_libc.pivot_root(b".", b"."), f"pivot_root {root}")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount old root")
    os.chdir("/")


def set_hostname(name: str) -> None:
    """sethostname(2)."""
    _check(_libc.sethostname(name.encode(), len(name.encode())), "sethostname")


def die_with_parent() -> None:
    """SIGKILL for this process when the *thread* that created it ends; cleared by a change of credentials."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")


def no_new_privileges() -> None:
    """Setuid programs gain nothing from here on."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)")


def not_dumpable() -> None:
    """Nobody without CAP_SYS_PTRACE over us may trace us or read our /proc files; an exec makes it dumpable again."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl(PR_SET_DUMPABLE)")


def drop_capability(number: int) -> None:
    """What this process executes from here on has not got it (PR_CAPBSET_DROP)."""
    _check(_libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0), "prctl(PR_CAPBSET_DROP)")


def own_keyring() -> None:
    """A session keyring of its own, empty, instead of its parent's (keyctl(2)); no error on a kernel without keys."""
    if _libc.syscall(_SYS_KEYCTL, _KEYCTL_JOIN_SESSION_KEYRING, None) < 0:
        code = ctypes.get_errno()
        if code not in (errno.ENOSYS, errno.EPERM, errno.EDQUOT):
            raise OSError(code, f"keyctl: {os.strerror(code)}")


def filter_system_calls(program: bytes) -> None:
    """Load a BPF program (`struct sock_filter[]`) for this process and all that it starts (seccomp(2))."""
    code = ctypes.create_string_buffer(program, len(program))
    loaded = struct.pack("HxxxxxxP", len(program) // _FILTER_BYTES, ctypes.addressof(code))
    result = _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(loaded), 0, 0)
    _check(result, "prctl(PR_SET_SECCOMP)")


def close_on_exec(first: int) -> None:
    """Let no descriptor from `first` on survive an exec (close_range(2), Linux 5.11; else one by one)."""
    if (
        _libc.syscall(_SYS_CLOSE_RANGE, ctypes.c_uint(first), ctypes.c_uint(0xFFFFFFFF), _CLOSE_RANGE_CLOEXEC)
        == 0
    ):
        return
    for name in os.listdir("/proc/self/fd"):
        if int(name) >= first:
            with contextlib.suppress(OSError):  # the one that the listing itself had open
                os.set_inheritable(int(name), False)
