"""Generator of the app's system call filter: a table of names -> BPF for seccomp(2), by libseccomp.

`python scripts/syscall_filter.py` writes chaos/agent/syscall_filter.py; `--check` says whether that was made from this
table. Needs libseccomp (Debian: libseccomp2) and pyseccomp; the agent only loads what was made.

The table follows the default profile of Docker and Podman (containers-common, seccomp.json), less what an app in a
sandbox of ours has no use for: everything that makes, enters or changes namespaces and mounts, keyrings, reading other
processes' memory. What is not in the table is answered with ENOSYS, as by a kernel that does not have it, so that
programs fall back; what a program may try on purpose and must not have, with EPERM.
"""

import base64
import errno
import hashlib
import struct
import sys
import tempfile
import textwrap
import zlib
from pathlib import Path
from typing import Any

_OUT = Path(__file__).resolve().parents[1] / "chaos/agent/syscall_filter.py"

ALLOWED = """
_llseek _newselect accept accept4 access alarm arch_prctl arm_fadvise64_64 arm_sync_file_range bind breakpoint brk
cacheflush cachestat capget capset chdir chmod chown chown32 chroot clock_getres clock_getres_time64 clock_gettime
clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3
epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2
execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod
fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr
fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64
futex_wait futex_waitv futex_wake futimesat get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents
getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid
getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid
getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init inotify_init1
inotify_rm_watch io_cancel io_destroy io_getevents io_setup io_submit ioprio_get ioprio_set ipc kill
landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listxattr
llistxattr lremovexattr lseek lsetxattr lstat lstat64 madvise map_shadow_stack mbind membarrier memfd_create
memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 modify_ldt mprotect mq_getsetattr
mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl
msgget msgrcv msgsnd msync munlock munlockall munmap nanosleep newfstatat open openat openat2 pause pidfd_open
pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2
prlimit64 process_mrelease pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 read readahead readdir readlink
readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr rename renameat renameat2
restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min
sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop
semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_mempolicy set_robust_list
set_thread_area set_tid_address set_tls setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32
setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32
setrlimit setsid setsockopt setuid setuid32 setxattr shmat shmctl shmdt shmget shutdown sigaction sigaltstack signal
signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend socketpair splice stat stat64 statfs statfs64
statx symlink symlinkat sync sync_file_range sync_file_range2 syncfs sysinfo tee tgkill time timer_create timer_delete
timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd timerfd_create timerfd_gettime
timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink
unlinkat utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev
""".split()

FORBIDDEN = """
acct add_key adjtimex afs_syscall bpf clock_adjtime clock_adjtime64 clock_settime clock_settime64 create_module
delete_module fanotify_init finit_module fsconfig fsmount fsopen fspick get_kernel_syms init_module ioperm iopl kcmp
kexec_file_load kexec_load keyctl lookup_dcookie migrate_pages mount mount_setattr move_mount move_pages
name_to_handle_at nfsservctl open_by_handle_at open_tree perf_event_open pidfd_getfd pivot_root process_madvise
process_vm_readv process_vm_writev query_module quotactl quotactl_fd reboot request_key setdomainname sethostname setns
settimeofday stime swapoff swapon sysfs syslog umount umount2 unshare uselib userfaultfd ustat vhangup vm86 vm86old
""".split()

_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK."""
_NEW_NAMESPACES = 0x7E020000
"""CLONE_NEW* of <linux/sched.h>, but for time, which clone(2) does not take."""
_TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI, TIOCLINUX: they type on a terminal in its owner's stead."""
_WARDEN, _USERS, _USERS_IO = 1, 2, 3
"""PID 1 is ours; PRIO_USER and IOPRIO_WHO_USER mean all of a user's processes, ours among them."""
REFUSED_WITH = (
    *(("ioctl", ((1, command),)) for command in _TERMINAL_INPUT),
    ("prlimit64", ((0, _WARDEN), (2, None))),
    ("setpriority", ((1, _WARDEN),)),
    ("setpriority", ((0, _USERS),)),
    ("ioprio_set", ((1, _WARDEN),)),
    ("ioprio_set", ((0, _USERS_IO),)),
    *((f"sched_set{what}", ((0, _WARDEN),)) for what in ("affinity", "attr", "param", "scheduler")),
)
"""Calls with such arguments, by number from 0: the low word, which is all that the kernel looks at; None: not null.

libseccomp compares whole arguments of what is allowed otherwise, which the high word would get around."""
_ARCHES = {"X86_64": 0xC000003E, "AARCH64": 0xC00000B7}
"""AUDIT_ARCH_* of <linux/audit.h>."""
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
"""BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K (<linux/bpf_common.h>)."""
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
"""Where they are in struct seccomp_data (<linux/seccomp.h>)."""
_ERRNO = 0x00050000
_UNKNOWN = -1
"""__NR_SCMP_ERROR."""


def table() -> str:
    """All that the filter is made from, for its digest."""
    parts = (ALLOWED, FORBIDDEN, _PERSONALITIES, _FAMILIES, _NEW_NAMESPACES, REFUSED_WITH)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def program() -> bytes:
    """The BPF program, for x86-64 and aarch64 in one; programs of 32 bits find no system calls at all."""
    import pyseccomp as lib

    made = lib.SyscallFilter(lib.ERRNO(errno.ENOSYS))
    made.set_attr(lib.Attr.ACT_BADARCH, lib.ERRNO(errno.ENOSYS))
    for arch in (lib.Arch.X86_64, lib.Arch.AARCH64):
        if not made.exist_arch(arch):
            made.add_arch(arch)
    for action, names in ((lib.ALLOW, ALLOWED), (lib.ERRNO(errno.EPERM), FORBIDDEN)):
        for name in names:
            _add(made, action, name)
    for value in _PERSONALITIES:
        _add(made, lib.ALLOW, "personality", lib.Arg(0, lib.EQ, value))
    for family in _FAMILIES:
        _add(made, lib.ALLOW, "socket", lib.Arg(0, lib.EQ, family))
    _add(made, lib.ALLOW, "clone", lib.Arg(0, lib.MASKED_EQ, _NEW_NAMESPACES, 0))
    _add(made, lib.ALLOW, "ioctl")
    with tempfile.TemporaryFile() as file:
        made.export_bpf(file)
        file.seek(0)
        return _refusals() + file.read()


def _refusals() -> bytes:
    """What goes before: each check jumps to the next one unless all of it is true."""
    import pyseccomp as lib

    made = b""
    for arch, token in _ARCHES.items():
        checks = b"".join(
            _check(lib.resolve_syscall(getattr(lib.Arch, arch), name), arguments)
            for name, arguments in REFUSED_WITH
        )
        made += _step(_LOAD, _ARCH)
        over = len(checks) // _STEP
        made += _step(_EQUAL, token, 0, over) if over < _FAR else _jump_over(token, over)
        made += checks
    return made


_STEP = 8
_FAR = 256
"""Conditional jumps hold one byte; the jump always (BPF_JMP|BPF_JA) holds four."""


def _jump_over(token: int, count: int) -> bytes:
    return _step(_EQUAL, token, 1, 0) + _step(0x05, count)


def _step(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One struct sock_filter (<linux/filter.h>)."""
    return struct.pack("=HBBI", code, if_true, if_false, k)


def _check(number: int, arguments: Any) -> bytes:
    """Answer EPERM to that call with those arguments."""
    steps: list[tuple[int, int, bool]] = [(_NUMBER, number, True)]
    for index, value in arguments:
        at = _FIRST_ARGUMENT + 8 * index
        steps += [(at, value, True)] if value is not None else [(at, 0, False)]
    made = _step(_RETURN, _ERRNO | errno.EPERM)
    for at, value, equal in reversed(steps):
        over = len(made) // _STEP
        if equal:
            made = _step(_LOAD, at) + _step(_EQUAL, value, 0, over) + made
        else:  # not null: either word
            made = (
                _step(_LOAD, at)
                + _step(_EQUAL, 0, 0, 2)
                + _step(_LOAD, at + 4)
                + _step(_EQUAL, 0, over, 0)
                + made
            )
    return made


def _add(made: Any, action: Any, name: str, *conditions: Any) -> None:
    """A rule for every architecture that has the call; one that is newer than this libseccomp is left to ENOSYS."""
    import pyseccomp as lib

    if lib.resolve_syscall(lib.Arch.NATIVE, name) != _UNKNOWN:
        made.add_rule(action, name, *conditions)


def source() -> str:
    """The module that the agent loads it from."""
    packed = base64.b85encode(zlib.compress(program(), 9)).decode()
    lines = "\n".join(f'    "{line}"' for line in textwrap.wrap(packed, 100, break_on_hyphens=False))
    return _MODULE.format(table=table(), lines=lines)


_MODULE = '''"""The app's system call filter as BPF for seccomp(2), made by scripts/syscall_filter.py."""

TABLE = "{table}"
"""SHA-256 of the table that it was made from."""
PACKED = (
{lines}
)
"""Base 85 of zlib of `struct sock_filter[]` (<linux/filter.h>)."""
'''


def main() -> None:
    """Write it, or with `--check` end with 1 when it was made from another table."""
    if sys.argv[1:] == ["--check"]:
        if f'TABLE = "{table()}"' not in _OUT.read_text():
            sys.exit(f"{_OUT} is not of this table: run python scripts/syscall_filter.py")
        return
    _OUT.write_text(source())


if __name__ == "__main__":
    main()
