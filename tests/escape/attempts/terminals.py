"""Terminals: type into somebody else's, or into one's own so that its owner reads it."""

import ctypes
import errno
import fcntl
import os
import termios
from pathlib import Path

from . import calls
from .core import Refused, attempt

_TIOCSTI, _TIOCLINUX, _TIOCSCTTY = 0x5412, 0x541C, 0x540E


@attempt("tty")
def opens_its_terminal() -> str:
    """/dev/tty is the terminal of whoever ran `chaoslab`."""
    return f"descriptor {os.open('/dev/tty', os.O_RDWR | os.O_NOCTTY)}"


@attempt("tty")
def opens_somebody_elses_terminal() -> str:
    """/dev/pts of the host."""
    names = [name for name in os.listdir("/dev/pts") if name.isdigit()] if os.path.isdir("/dev/pts") else []
    for name in names:
        try:
            return f"descriptor {os.open(f'/dev/pts/{name}', os.O_RDWR | os.O_NOCTTY)} of /dev/pts/{name}"
        except OSError:
            continue
    raise Refused(f"none of {len(names)}")


@attempt("tty")
def is_let_through_to_type() -> str:
    """ioctl(TIOCSTI): on a pipe the kernel says ENOTTY, a filter does not let it get there."""
    return _typed(_TIOCSTI)


@attempt("tty")
def types_with_high_bits() -> str:
    """The kernel looks at 32 bits of the request, a filter of 64 is passed by (CVE-2019-10063)."""
    return _typed(_TIOCSTI | 1 << 32)


@attempt("tty")
def pastes_on_the_console() -> str:
    """ioctl(TIOCLINUX): paste of a selection (CVE-2023-28339)."""
    return _typed(_TIOCLINUX)


def _typed(request: int) -> str:
    reading, _ = os.pipe()
    ctypes.set_errno(0)
    calls.libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p]
    if calls.libc.ioctl(reading, request, b"\n") == 0:
        return "typed"
    code = ctypes.get_errno()
    if code == errno.ENOTTY:
        return "let through: ENOTTY"
    raise OSError(code, os.strerror(code))


@attempt("tty")
def types_into_its_own_terminal() -> str:
    """A new pair, made its controlling terminal, and a line typed into it."""
    if not Path("/dev/ptmx").exists():
        raise Refused("there are no pseudo-terminals")
    _, terminal = os.openpty()
    os.setsid()
    fcntl.ioctl(terminal, _TIOCSCTTY, 0)
    fcntl.ioctl(terminal, termios.TIOCSTI, b"x")
    return "typed"
