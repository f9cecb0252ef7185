"""System calls that Python has no name for, by number; each raises OSError with the kernel's errno.

Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

import ctypes
import os
import platform

_X86 = platform.machine() == "x86_64"
_NUMBERS = {  # name: (x86_64, generic)
    "ptrace": (101, 117), "syslog": (103, 116), "personality": (135, 92), "ustat": (136, None), "sysfs": (139, None),
    "pivot_root": (155, 41), "adjtimex": (159, 171), "acct": (163, 89), "settimeofday": (164, 170), "mount": (165, 40),
    "umount2": (166, 39), "swapon": (167, 224), "swapoff": (168, 225), "reboot": (169, 142), "iopl": (172, None),
    "ioperm": (173, None), "init_module": (175, 105), "delete_module": (176, 106), "quotactl": (179, 60),
    "nfsservctl": (180, 42), "lookup_dcookie": (212, 18), "clock_settime": (227, 112), "mbind": (237, 235),
    "kexec_load": (246, 104), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "ioprio_set": (251, 30), "unshare": (272, 97), "vmsplice": (278, 75), "move_pages": (279, 239),
    "perf_event_open": (298, 241), "fanotify_init": (300, 262), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "setns": (308, 268), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "kcmp": (312, 272), "finit_module": (313, 273), "bpf": (321, 280),
    "kexec_file_load": (320, 294), "userfaultfd": (323, 282), "pidfd_send_signal": (424, 424),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fspick": (433, 433), "pidfd_open": (434, 434),
    "clone3": (435, 435),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "mount_setattr": (442, 442), "quotactl_fd": (443, 443),
    "process_mrelease": (448, 448), "open_tree_attr": (467, 467), "clone": (56, 220), "sched_setattr": (314, 274),
    "prlimit64": (302, 261), "sched_setaffinity": (203, 122), "rt_tgsigqueueinfo": (297, 240),
    "fsconfig": (431, 431), "fsmount": (432, 432), "memfd_secret": (447, 447), "landlock_create_ruleset": (444, 444),
    "listmount": (458, 458), "statmount": (457, 457),
}  # fmt: skip

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def number(name: str) -> int:
    """Of this machine. Raises OSError (ENOSYS) where there is none."""
    found = _NUMBERS[name][0 if _X86 else 1]
    if found is None:
        raise OSError(38, f"{name}: not on this architecture")
    return found


def call(name: str, *arguments: "int | bytes | ctypes.Array[ctypes.c_char] | None") -> int:
    """Make the call. Raises OSError."""
    return raw(number(name), *arguments)


def raw(which: int, *arguments: "int | bytes | ctypes.Array[ctypes.c_char] | None") -> int:
    """By number. Raises OSError."""
    ctypes.set_errno(0)
    plain = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = int(libc.syscall(ctypes.c_long(which), *plain))
    if result == -1 and (code := ctypes.get_errno()):
        raise OSError(code, os.strerror(code))
    return result


MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 4096, 16384
NEWTIME, NEWNS, NEWCGROUP, NEWUTS = 0x80, 0x20000, 0x2000000, 0x4000000
NEWIPC, NEWUSER, NEWPID, NEWNET = 0x8000000, 0x10000000, 0x20000000, 0x40000000


def mount(
    source: str | None, target: str, kind: str | None, flags: int = 0, options: str | None = None
) -> None:
    """mount(2). Raises OSError."""

    def text(value: str | None) -> bytes | None:
        return None if value is None else os.fsencode(value)

    call("mount", text(source), text(target), text(kind), flags, text(options))
