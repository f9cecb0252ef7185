"""The app's system call filter: made from its table, and loaded by a process it refuses what it should."""

import base64
import errno
import importlib.util
import subprocess
import sys
import zlib
from pathlib import Path
from types import ModuleType

import pytest

from chaos.agent import syscall_filter

ROOT = Path(__file__).parents[2]
_LOADED = """
import base64, ctypes, ctypes.util, errno, os, socket, sys, zlib
sys.path.insert(0, sys.argv[1])
from chaos.agent.syscall_filter import PACKED
from chaos.namespaces import kernel
libc = ctypes.CDLL(None, use_errno=True)
kernel.no_new_privileges()
kernel.filter_system_calls(zlib.decompress(base64.b85decode(PACKED)))
def said(result):
    return "ok" if result >= 0 else errno.errorcode[ctypes.get_errno()]
def family(number):
    try:
        socket.socket(number, socket.SOCK_STREAM).close()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"
print({
    "unshare": said(libc.unshare(0x10000000)), "mount": said(libc.mount(b"x", b"/", b"tmpfs", 0, None)),
    "umount": said(libc.umount2(b"/proc", 2)), "setns": said(libc.setns(0, 0)),
    "keyctl": said(libc.syscall({"x86_64": 250}.get(os.uname().machine, 219), 0, -3, 0)),
    "bpf": said(libc.syscall({"x86_64": 321}.get(os.uname().machine, 280), 0, None, 0)),
    "io_uring": said(libc.syscall(425, 1, None)), "clone3": said(libc.syscall(435, None, 0)),
    "limit of PID 1": said(libc.prlimit(1, 7, ctypes.byref((ctypes.c_ulong * 2)(9, 9)), None)),
    "limit of itself": said(libc.prlimit(0, 7, ctypes.byref((ctypes.c_ulong * 2)(99, 99)), None)),
    "look at PID 1": said(libc.prlimit(1, 7, None, ctypes.byref((ctypes.c_ulong * 2)()))),
    "typing": said(libc.ioctl(os.openpty()[1], 0x5412, b"x")),
    "typing, with a high word": said(libc.syscall(16 if os.uname().machine == "x86_64" else 29, os.openpty()[1],
                                                  ctypes.c_ulong(0x100005412), b"x")),
    "size of a terminal": said(libc.ioctl(os.openpty()[1], 0x5413, ctypes.create_string_buffer(8))),
    "priority of PID 1": said(libc.setpriority(0, 1, 0)), "own priority": said(libc.setpriority(0, 0, 19)),
    "vsock": family(40), "unix": family(1), "inet": family(2),
    "fork": said(0 if os.waitpid(os.fork() or os._exit(0), 0) else -1), "pidfd": said(os.pidfd_open(os.getpid())),
})
"""


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generator", ROOT / "scripts/syscall_filter.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_made_from_the_table_that_is_there() -> None:
    assert generator().table() == syscall_filter.TABLE


def test_the_library_makes_the_same_program_again() -> None:
    """Of the same version of libseccomp; another one may order it otherwise, and knows other calls."""
    program = generator().program()
    packed = zlib.decompress(base64.b85decode(syscall_filter.PACKED))
    assert len(program) % 8 == 0
    assert abs(len(program) - len(packed)) < len(packed) / 5


def test_no_name_is_both_allowed_and_forbidden() -> None:
    made = generator()
    assert not set(made.ALLOWED) & set(made.FORBIDDEN)


@pytest.fixture(scope="module")
def answers() -> dict[str, str]:
    """What a process under it is answered."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LOADED, str(ROOT)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = eval(done.stdout)
    return found


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        *(
            (name, "EPERM")
            for name in ("unshare", "mount", "umount", "setns", "keyctl", "bpf", "limit of PID 1")
        ),
        *((name, "EPERM") for name in ("typing", "typing, with a high word", "priority of PID 1")),
        *((name, "ENOSYS") for name in ("io_uring", "clone3", "vsock")),
        *((name, "ok") for name in ("unix", "inet", "fork", "pidfd", "limit of itself")),
        *((name, "ok") for name in ("look at PID 1", "size of a terminal", "own priority")),
    ],
)
def test_what_it_answers(answers: dict[str, str], call: str, answer: str) -> None:
    assert answers[call] == answer
    assert answer == "ok" or hasattr(errno, answer)
