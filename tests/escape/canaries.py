"""What a test puts on the host for escapes to touch: a file, sockets, a port, a key, a process, a Python prefix."""

import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.escape.attempts import calls
from tests.escape.attempts.files import PLANTED

SECRET = "CHAOSLAB_ESCAPE_SECRET"
TEXT = "a canary of the host\n"
_SESSION, _USER = -3, -4
_UNLINK = 9


@dataclass
class Canary:
    """All of it, in a folder that anybody on the host may write to."""

    folder: Path
    facts: dict[str, str]
    process: "subprocess.Popen[bytes]"
    dialled: list[str] = field(default_factory=list)
    """Which listening socket was connected to."""

    def touched(self) -> list[str]:
        """What is not as it was put."""
        wrong = [f"somebody connected to {name}" for name in self.dialled]
        if Path(self.facts["file"]).read_text() != TEXT:
            wrong.append(f"{self.facts['file']} was written")
        if self.process.poll() is not None:
            wrong.append(f"process {self.process.pid} of the host has ended")
        elif _state(self.process.pid) not in "SR":
            wrong.append(f"process {self.process.pid} of the host is in state {_state(self.process.pid)}")
        prefixes = {sys.prefix, sys.base_prefix, "/usr", str(self.folder)}
        wrong += [f"{path} was planted" for prefix in prefixes for path in _planted(Path(prefix))]
        return wrong


def _planted(prefix: Path) -> list[Path]:
    folders = [
        prefix,
        *prefix.glob("lib/python3*/site-packages"),
        *prefix.glob("*/lib/python3*/site-packages"),
    ]
    return [folder / PLANTED for folder in folders if (folder / PLANTED).exists()]


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@contextmanager
def canary(folder: Path) -> Iterator[Canary]:
    """Put it there for a block; the process is a child of ours, as another user's programs would be."""
    name = f"chaoslab-canary-{secrets.token_hex(4)}"
    file = folder / "canary"
    file.write_text(TEXT)
    file.chmod(0o666)
    with ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen(["sleep", "600"]))
        stack.callback(process.kill)
        put = Canary(
            folder,
            {"file": str(file), "abstract": name, "key": name, "secret": secrets.token_hex(12)},
            process,
        )
        put.facts |= {"socket": str(folder / "canary.sock"), "addresses": " ".join(_addresses())}
        _listening(stack, put, socket.AF_UNIX, "\0" + name, "the abstract socket")
        _listening(stack, put, socket.AF_UNIX, put.facts["socket"], "the named socket")
        port = _listening(stack, put, socket.AF_INET, ("0.0.0.0", 0), "the port")
        put.facts["port"] = str(port)
        Path(put.facts["socket"]).chmod(0o666)
        yield put


def _listening(stack: ExitStack, put: Canary, family: int, address: object, what: str) -> int:
    server = stack.enter_context(socket.socket(family))
    server.bind(address)  # type: ignore[arg-type]
    server.listen()
    thread = threading.Thread(target=_note, args=(server, put, what), daemon=True)
    thread.start()
    stack.callback(thread.join, 5)
    stack.callback(server.shutdown, socket.SHUT_RDWR)
    return int(server.getsockname()[1]) if family == socket.AF_INET else 0


def _note(server: socket.socket, put: Canary, what: str) -> None:
    while True:
        try:
            line, _ = server.accept()
        except OSError:
            return
        line.close()
        put.dialled.append(what)


def _addresses() -> list[str]:
    """Those of this machine beyond 127/8, as hostname(1) finds them."""
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    except OSError:
        return []
    return sorted(each for each in found if not each.startswith("127."))


@contextmanager
def key(description: str) -> Iterator[int]:
    """A key in our session's keyring and in our user's, for a block; its number."""
    number = calls.call("add_key", b"user", description.encode(), TEXT.encode(), len(TEXT), _USER)
    calls.call("add_key", b"user", description.encode(), TEXT.encode(), len(TEXT), _SESSION)
    try:
        yield number
    finally:
        calls.call("keyctl", _UNLINK, number, _USER)
