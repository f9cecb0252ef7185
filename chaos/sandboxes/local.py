"""The embedded sandbox: Linux namespaces on this machine, built in some 40 ms, with no server and no image.

Host side of `chaos.nsbox`. One runtime directory per sandbox (0700, short because a socket lives in it) holds spec,
control socket, keeper's log and state; it is gone when the sandbox is gone.
"""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.errors import SandboxError, SandboxLost
from chaos.nsbox.spec import BoxSpec
from chaos.sandboxes.base import Completed, SandboxRef

_READY_WITHIN_S = 20.0
_GONE_WITHIN_S = 10.0
_SOURCE = Path(__file__).resolve().parents[2]


def runtime_dir() -> Path:
    """Where the local sandboxes of this user live: CHAOSLAB_RUNTIME_DIR, else a private directory under /tmp."""
    configured = os.environ.get("CHAOSLAB_RUNTIME_DIR")
    folder = Path(configured) if configured else Path(tempfile.gettempdir()) / f"chaoslab-{os.geteuid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxError(f"cannot make {folder}: {error.strerror}; set CHAOSLAB_RUNTIME_DIR") from error
    if folder.stat().st_uid != os.geteuid():
        raise SandboxError(
            f"{folder} belongs to somebody else; set CHAOSLAB_RUNTIME_DIR to a directory of your own"
        )
    return folder


def programs() -> tuple[list[str], str]:
    """Host paths that a sandbox shows (system programs, this Python and its packages), and its PATH."""
    prefixes = [sys.prefix, sys.base_prefix]
    shown = ["/usr"] + [p for p in dict.fromkeys(prefixes) if not Path(p).resolve().is_relative_to("/usr")]
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return shown, ":".join([f"{p}/bin" for p in dict.fromkeys(prefixes)] + [system])


class LocalSandbox:
    """A running local sandbox and one connection to its PID 1."""

    def __init__(self, ref: SandboxRef) -> None:
        self.ref = ref
        self.python = sys.executable
        self._folder = Path(ref.facts["folder"])
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    @classmethod
    async def open(
        cls,
        *,
        memory_bytes: int,
        disk_bytes: int,
        ttl_s: float,
        lease_s: float = 30.0,
        hosts: Sequence[str] = (),
    ) -> "LocalSandbox":
        """Build one and connect. Raises SandboxError with cause and remedy where the kernel does not allow it."""
        folder = Path(tempfile.mkdtemp(prefix="box-", dir=runtime_dir()))
        shown, path = programs()
        spec = BoxSpec(
            id=f"{folder.name.removeprefix('box-')}-{secrets.token_hex(3)}",
            folder=str(folder),
            memory_bytes=memory_bytes,
            disk_bytes=disk_bytes,
            ttl_s=ttl_s,
            lease_s=lease_s,
            read_only=shown,
            hosts=list(hosts),
            path=path,
        )
        (folder / "spec.json").write_text(spec.to_json())
        facts = await asyncio.to_thread(_start_keeper, folder)
        box = cls(SandboxRef("local", spec.id, facts | {"folder": str(folder)}))
        await box._call("ping")
        return box

    @classmethod
    async def connect(cls, ref: SandboxRef) -> "LocalSandbox":
        """Find it again from any process of the same user. Raises SandboxLost when it has gone."""
        box = cls(ref)
        await box._call("ping")
        return box

    async def put(self, path: str, data: bytes, *, mode: int = 0o644, exclusive: bool = False) -> bool:
        """See Sandbox."""
        try:
            await self._call("put", data, path=path, mode=mode, exclusive=exclusive)
        except SandboxError as error:
            if exclusive and "FileExistsError" in str(error):
                return False
            raise
        return True

    async def unpack(self, path: str, archive: bytes) -> None:
        """See Sandbox."""
        await self._call("unpack", archive, path=path)

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str = "/app",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 30.0,
    ) -> Completed:
        """See Sandbox."""
        answer, out = await self._call(
            "run", argv=list(argv), cwd=cwd, env=dict(env or {}), timeout_s=timeout_s
        )
        return Completed(answer["exit_code"], out, answer["stderr"])

    async def start(self, argv: Sequence[str], *, cwd: str = "/", output: str) -> int:
        """See Sandbox."""
        answer, _ = await self._call("start", argv=list(argv), cwd=cwd, output=output)
        return int(answer["pid"])

    async def exit_code(self, pid: int) -> int | None:
        """See Sandbox."""
        answer, _ = await self._call("exit_code", pid=pid)
        code = answer["exit_code"]
        return None if code is None else int(code)

    async def read(self, path: str, offset: int = 0, limit: int = -1) -> bytes:
        """See Sandbox."""
        _, data = await self._call("read", path=path, offset=offset, limit=limit)
        return data

    async def close(self) -> None:
        """See Sandbox."""
        if self._streams:
            self._streams[1].close()
            with contextlib.suppress(OSError):
                await self._streams[1].wait_closed()
            self._streams = None

    async def destroy(self) -> None:
        """See Sandbox."""
        with contextlib.suppress(SandboxError):
            await self._call("destroy")
        await self.close()
        if not await _ended(self.ref.facts["keeper"], self._folder, _GONE_WITHIN_S):
            remove(self._folder)

    async def _call(self, op: str, data: bytes = b"", **request: Any) -> tuple[dict[str, Any], bytes]:
        async with self._turn:
            try:
                if self._streams is None:
                    self._streams = await _dial(self._folder)
                reader, writer = self._streams
                writer.write(json.dumps({"op": op, "size": len(data), **request}).encode() + b"\n" + data)
                await writer.drain()
                answer = json.loads(await reader.readline() or b"null")
                body = await reader.readexactly(answer["size"]) if answer else b""
            except (OSError, asyncio.IncompleteReadError) as error:
                raise SandboxLost(f"local sandbox {self.ref.id} has gone ({type(error).__name__})") from error
        if answer is None:
            raise SandboxLost(f"local sandbox {self.ref.id} has gone")
        if "error" in answer:
            raise SandboxError(f"local sandbox {self.ref.id}: {op}: {answer['error']}")
        return answer, body


async def _ended(keeper: int, folder: Path, within_s: float) -> bool:
    """Wait until the keeper, whose end is the end of everything, is no more; reap it when it is our child."""
    try:
        descriptor = os.pidfd_open(keeper)
    except ProcessLookupError:
        return not folder.exists()
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    try:
        if _is_keeper(keeper, folder):
            loop.add_reader(descriptor, gone.set)
            async with asyncio.timeout(within_s):
                await gone.wait()
            with contextlib.suppress(ChildProcessError):
                os.waitpid(keeper, os.WNOHANG)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return not folder.exists()


async def _dial(folder: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(str(folder / "control.sock"), limit=2**20)


def _start_keeper(folder: Path) -> dict[str, Any]:
    """Start the keeper detached and wait for its one line."""
    import selectors
    import subprocess

    with (folder / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-S", "-P", "-m", "chaos.nsbox", str(folder / "spec.json")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={"PYTHONPATH": str(_SOURCE), "PATH": os.environ.get("PATH", os.defpath)},
            start_new_session=True,
        )
    assert keeper.stdout is not None
    with keeper.stdout as stdout, selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        line = stdout.readline() if selector.select(_READY_WITHIN_S) else b""
    facts: dict[str, Any] = json.loads(line or b"{}")
    if "user_namespace" not in facts:
        why = facts.get("error") or _last_words(folder) or "its keeper did not answer"
        keeper.kill()
        keeper.wait()
        remove(folder)
        raise SandboxError(f"cannot open a local sandbox: {why}")
    keeper.returncode = 0  # it outlives us on purpose: not ours to wait for, nor to warn about
    return facts


def _last_words(folder: Path) -> str:
    with contextlib.suppress(OSError):
        return (folder / "keeper.log").read_text().strip().rpartition("\n")[2]
    return ""


def orphans() -> Iterator[Path]:
    """Directories whose keeper is no more: what `gc` removes."""
    for folder in runtime_dir().glob("box-*"):
        try:
            keeper = json.loads((folder / "state.json").read_text())["keeper"]
        except (OSError, ValueError):
            if time.time() - folder.stat().st_mtime > _READY_WITHIN_S:
                yield folder
            continue
        if not _is_keeper(keeper, folder):
            yield folder


def _is_keeper(pid: int, folder: Path) -> bool:
    try:
        return str(folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def remove(folder: Path) -> None:
    """End the keeper of `folder` if it still runs, and remove what it would have: control groups and the directory."""
    import shutil

    from chaos.nsbox import cgroups

    with contextlib.suppress(OSError, ValueError, KeyError):
        keeper = json.loads((folder / "state.json").read_text())["keeper"]
        if _is_keeper(keeper, folder):
            os.kill(keeper, signal.SIGKILL)
    with contextlib.suppress(OSError, ValueError):
        name = f"chaoslab-{BoxSpec.from_json((folder / 'spec.json').read_text()).id}"
        left = [
            path
            for path in (*cgroups.ROOT.glob(name), *cgroups.ROOT.glob(f"*/{name}"))
            if not path.is_symlink()
        ]
        cgroups.Cgroup(parents=[path for path in left if path.parent.resolve() == path.parent]).remove()
    shutil.rmtree(folder, ignore_errors=True)
