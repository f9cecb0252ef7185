"""PID 1 of the sandbox: serves its controller on a unix socket, reaps orphans, and ends everything by TTL or silence.

Wire: one JSON line, then `size` raw bytes when the line has `size`; the answer has the same form. An answer with
`error` says what went wrong. When PID 1 exits the kernel kills every process of the sandbox and its mounts vanish.

ops: ping {} -> facts · run {argv, env, cwd, timeout_s} -> {exit_code, stderr} + stdout
     start {argv, env, cwd, output} + its standard input (4 KiB) -> {pid} · exit_code {pid} -> {exit_code: int|null}
     put {path, mode, exclusive} + bytes · unpack {path} + tar bytes · read {path, offset, limit} -> bytes · destroy {}
"""

import contextlib
import io
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

_MOST_OUTPUT = 4 * 2**20
_MOST_ERRORS = 64 * 2**10
Answer = tuple[dict[str, Any], bytes]
_GIVEN_BYTES = 4096
"""What a pipe takes at once, whatever its size is (PIPE_BUF)."""


def environment(path: str) -> dict[str, str]:
    """What every command here starts with."""
    return {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


class Init:
    """The server and its children."""

    def __init__(
        self,
        server: socket.socket,
        ttl_s: float,
        lease_s: float,
        path: str,
        facts: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self._server = server
        self._lease_s = lease_s
        self._end = time.monotonic() + ttl_s
        self._heard = time.monotonic()
        self._env = environment(path)
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._waiting: set[socket.socket] = set()
        """Connections whose controller waits for an answer."""
        self._spawning = threading.RLock()  # re-entrant: the SIGCHLD handler may interrupt its holder
        self._ops: dict[str, Callable[[dict[str, Any], bytes], Answer]] = {
            "ping": lambda _request, _body: (dict(facts), b""),
            "run": self._run,
            "start": self._start,
            "exit_code": self._exit_code,
            "put": self._put,
            "unpack": self._unpack,
            "read": self._read,
            "destroy": lambda _request, _body: os._exit(0),
        }

    def serve(self) -> None:
        """Accept controllers until the TTL or the lease runs out; does not return."""
        signal.signal(signal.SIGCHLD, lambda *_: self._reap_orphans())
        self._server.settimeout(0.25)
        while True:
            self._reap_orphans()
            now = time.monotonic()
            if any(not _hung_up(connection) for connection in list(self._waiting)):
                self._heard = now  # a long setup command is no silence
            if now > self._end or now > self._heard + self._lease_s:
                os._exit(0)
            try:
                connection, _ = self._server.accept()
            except TimeoutError:
                continue
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _reap_orphans(self) -> None:
        """Collect adopted zombies, and leave those that somebody here is waiting for."""
        with self._spawning:
            while True:
                try:
                    info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                except ChildProcessError:
                    return
                if info is None:
                    return
                ours = self._children.get(info.si_pid)
                if ours is None:
                    with contextlib.suppress(ChildProcessError):  # its own thread was faster
                        os.waitpid(info.si_pid, 0)
                elif ours.poll() is None:
                    return  # its own thread is collecting it

    def _converse(self, connection: socket.socket) -> None:
        with (
            connection,
            connection.makefile("rwb") as stream,
            contextlib.suppress(BrokenPipeError, ConnectionError),
        ):
            for line in stream:
                self._heard = time.monotonic()
                request = json.loads(line)
                body = _exactly(stream, request.get("size", 0))
                self._waiting.add(connection)
                try:
                    answer, data = self._ops[request["op"]](request, body)
                except Exception as error:  # noqa: BLE001  whatever it is, the controller must hear of it
                    words = f"{type(error).__name__}: {error}"
                    answer, data = {"error": words, "errno": getattr(error, "errno", None)}, b""
                finally:
                    self._waiting.discard(connection)
                answer["size"] = len(data)
                stream.write(json.dumps(answer).encode() + b"\n" + data)
                stream.flush()
                self._heard = time.monotonic()

    def _spawn(
        self, request: dict[str, Any], output: BinaryIO | int, source: BinaryIO | int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        with self._spawning:
            child = subprocess.Popen(
                request["argv"],
                stdin=source,
                stdout=output,
                stderr=subprocess.PIPE if output == subprocess.PIPE else subprocess.STDOUT,
                env=self._env | request.get("env", {}),
                cwd=request.get("cwd", "/app"),
                start_new_session=True,
            )
            self._children[child.pid] = child
        return child

    def _run(self, request: dict[str, Any], _body: bytes) -> Answer:
        child = self._spawn(request, subprocess.PIPE)
        with contextlib.suppress(PermissionError):  # we run at a lower one, and may not leave that
            os.setpriority(os.PRIO_PROCESS, child.pid, 0)
        try:
            out, err = _outputs(child, request["timeout_s"])
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):  # it has gone, and somebody else holds its output
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise
        finally:
            self._children.pop(child.pid, None)
        return {"exit_code": child.returncode, "stderr": err.decode(errors="replace")}, out

    def _start(self, request: dict[str, Any], body: bytes) -> Answer:
        if len(body) > _GIVEN_BYTES:
            raise ValueError(f"{len(body)} bytes on standard input, {_GIVEN_BYTES} are taken")
        reads, writes = os.pipe()  # what was read from a pipe is nowhere any more
        with open(reads, "rb") as source:
            with open(writes, "wb") as pipe:
                pipe.write(body)
            with Path(request["output"]).open("ab") as output:
                child = self._spawn(request, output, source)
        return {"pid": child.pid}, b""

    def _exit_code(self, request: dict[str, Any], _body: bytes) -> Answer:
        child = self._children.get(request["pid"])
        if child is None:
            raise ValueError(f"pid {request['pid']} was not started here")
        with self._spawning:
            return {"exit_code": child.poll()}, b""

    def _put(self, request: dict[str, Any], body: bytes) -> Answer:
        path = Path(request["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        if request.get("exclusive"):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        part = path.with_name(
            f"{path.name}.{threading.get_ident()}.part"
        )  # several controllers may put the same
        part.write_bytes(body)
        part.chmod(request.get("mode", 0o644))
        part.replace(path)  # a reader sees the old file or the new one, never half of it
        return {}, b""

    def _unpack(self, request: dict[str, Any], body: bytes) -> Answer:
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(request["path"], filter="data")
            else:  # Python 3.11.0 to 3.11.3
                archive.extractall(request["path"], members=[_harmless(entry) for entry in archive])
        return {}, b""

    def _read(self, request: dict[str, Any], _body: bytes) -> Answer:
        with Path(request["path"]).open("rb") as file:
            file.seek(request.get("offset", 0))
            return {}, file.read(request.get("limit", -1))


def _outputs(child: subprocess.Popen[bytes], timeout_s: float) -> tuple[bytes, bytes]:
    """The head of what a command writes and the tail of its errors; the rest is read, and not kept.

    Raises TimeoutExpired, also when somebody that it left behind keeps them open.
    """
    kept = {"out": bytearray(), "err": bytearray()}
    until = time.monotonic() + timeout_s
    assert child.stdout is not None
    assert child.stderr is not None
    with child.stdout as out, child.stderr as err, selectors.DefaultSelector() as selector:
        selector.register(out, selectors.EVENT_READ, "out")
        selector.register(err, selectors.EVENT_READ, "err")
        while selector.get_map():
            ready = selector.select(max(0.0, until - time.monotonic()))
            if not ready and time.monotonic() >= until:
                raise subprocess.TimeoutExpired(child.args, timeout_s)
            for key, _ in ready:
                if not (data := os.read(key.fd, 1 << 16)):
                    selector.unregister(key.fileobj)
                kept[key.data] += data
            del kept["out"][_MOST_OUTPUT:]
            del kept["err"][:-_MOST_ERRORS]
    child.wait(max(0.0, until - time.monotonic()))
    return bytes(kept["out"]), bytes(kept["err"])


def _hung_up(connection: socket.socket) -> bool:
    """Whether the other side is no more: poll(2) reports POLLRDHUP."""
    watch = select.poll()
    with contextlib.suppress(OSError, ValueError):  # our own thread has just closed it
        watch.register(connection, select.POLLRDHUP)
        return bool(watch.poll(0))
    return True


def _harmless(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """What tarfile's own `data` filter refuses, in short: anything that could write outside of the directory."""
    place = os.path.normpath(
        os.path.join(os.path.dirname(entry.name), entry.linkname) if entry.issym() else entry.name
    )
    if (
        os.path.isabs(place)
        or place.startswith("..")
        or os.path.isabs(entry.linkname)
        or ".." in entry.name.split("/")
    ):
        raise ValueError(f"{entry.name!r} leaves the directory")
    if not (entry.isfile() or entry.isdir() or entry.issym()):
        raise ValueError(f"{entry.name!r} is neither a file, a directory nor a link")
    return entry


def _exactly(stream: Any, size: int) -> bytes:
    data: bytes = stream.read(size) if size else b""
    if len(data) != size:
        raise ConnectionError("controller hung up in the middle of a request")
    return data
