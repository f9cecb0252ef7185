"""One microVM as its controller holds it: requests to it, each told in our errors, and the lease that keeps it alive.

Nothing else keeps a microVM: it is created to live for a minute (`E2B_LEASE_S`), which every process that holds it
renews, up to the TTL. Whoever is killed leaves a machine that ends by itself.
What is bound to an event loop lives from `create` or `reach` to `close`.
"""

import asyncio
import contextlib
import errno
import secrets
import time
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from chaos.errors import SandboxError, SandboxLost, SandboxRefused
from chaos.sandboxes.e2b import scripts as scripts
from chaos.sandboxes.e2b.account import ENDS_AT, LEASE, OURS, Account
from chaos.sandboxes.e2b.errors import Passing, patiently, told
from chaos.sandboxes.e2b.reading import up_to
from chaos.sandboxes.support.base import Completed

T = TypeVar("T")

_CALL_S = 30.0
_MOST_READ = 16 * 2**20
"""Bytes of a file that is read without a limit."""
_LOOK_S = 2.0
_TURN_WITHIN_S = 3600.0
_WITHOUT_LIMIT = 0
_SIGNALS = {
    "killed": 9,
    "terminated": 15,
    "interrupt": 2,
    "hangup": 1,
    "aborted": 6,
    "segmentation fault": 11,
}


class Machine:
    """A microVM, by its id, and when its TTL is over (s since the epoch)."""

    def __init__(self, id_: str, ends_at: float, turn: str = "") -> None:
        self.id = id_
        self.turn = turn
        self._ends_at = ends_at
        self._account = Account.of_settings()
        self._sdk: Any = None
        self._http: Any = None
        self._renewing: asyncio.Task[None] | None = None

    async def take_turn(self) -> None:
        """Wait until the limits of the account allow for one more."""
        self.turn = f"{OURS}-{secrets.token_hex(12)}"
        try:
            await self._account.pace.turn(self.turn, self._account.lease_s, _TURN_WITHIN_S)
        except BaseException:
            self._account.pace.release(self.turn)
            raise

    async def create(self, template: str, labels: Mapping[str, str]) -> None:
        """One creation by one idempotency key, however often it must be asked for."""
        account = self._account
        client = account.client()
        ours = {OURS: self.turn, ENDS_AT: f"{self._ends_at:.0f}", LEASE: f"{account.lease_s:g}"}
        metadata = {**labels, **ours}

        async def create() -> Any:
            creating = client.AsyncSandbox.create(
                template,
                timeout=self._timeout(),
                metadata=metadata,
                idempotency_key=self.turn,
                lifecycle={"on_timeout": "kill"},
            )
            return await self._told(creating, f"create from template '{template}'")

        try:
            self._sdk = await patiently(create)
        except BaseException:
            account.pace.release(self.turn)
            raise
        self.id = self._sdk.sandbox_id
        self._renewing = asyncio.create_task(self._renew())

    async def reach(self) -> None:
        """Connect to the one that runs, or resume the one that was paused. Raises SandboxLost."""
        await self.close()
        client = self._account.client().AsyncSandbox
        self._sdk = await patiently(
            lambda: self._told(client.connect(self.id, timeout=self._timeout()), "connect")
        )
        self._renewing = asyncio.create_task(self._renew())

    async def pause(self) -> None:
        """Let it stand still with all that is in its memory, until `reach`; meanwhile no lease ends it."""
        sdk = self._connected()
        await self._renew_no_more()
        await patiently(lambda: self._told(sdk.pause(), "pause"))

    async def answers(self) -> bool:
        """Whether anybody answers at its own door."""
        try:
            return bool((await self._client().get("/health", timeout=_LOOK_S)).is_success)
        except Exception as error:
            with contextlib.suppress(Passing), told("health", self._account.key):
                raise error
            return False

    async def cut(self, network: str | None) -> None:
        """Let nothing out to that network; it replaces what was cut before."""
        sdk = self._connected()
        rules = {"allow_out": [], "deny_out": [network] if network else []}
        await patiently(lambda: self._told(sdk.update_network(rules), "update the network"))

    async def _renew_no_more(self) -> None:
        if self._renewing is not None:
            while not self._renewing.done():  # a client that swallows one cancellation may not keep us
                self._renewing.cancel()
                await asyncio.wait([self._renewing], timeout=1)
            self._renewing = None

    async def close(self) -> None:
        """Let go of it; it lives on until its lease runs out."""
        await self._renew_no_more()
        if self._http is not None:
            await self._http.aclose()
            self._http = None
        self._sdk = None

    async def kill(self) -> None:
        """End it; no error when it has gone."""
        client = self._account.client().AsyncSandbox
        await patiently(lambda: self._told(client.kill(self.id), "destroy"))
        self._account.pace.release(self.turn)

    async def write(self, path: str, data: bytes) -> None:
        """Write a file, and the directories that it needs."""
        files = self._connected().files
        await patiently(lambda: self._told(files.write(path, data, user="root"), f"put {path}"))

    async def read(self, path: str, offset: int, limit: int) -> bytes:
        """A range of a file, by HTTP: it costs the guest no process. Raises SandboxError: FileNotFoundError."""
        most = limit if limit >= 0 else _MOST_READ
        status, data = await patiently(
            lambda: self._get(path, f"bytes={offset}-{offset + most - 1}", offset + most)
        )
        match status:
            case 206:
                return data[:most]
            case 200:  # an empty file, or somebody on the way who knows no ranges
                return data[offset : offset + most]
            case 416:
                return b""
            case 404:
                raise SandboxError(f"e2b: read: FileNotFoundError: {path}", errno=errno.ENOENT)
            case 502:
                raise SandboxLost(f"e2b: sandbox {self.id} has gone")
        raise SandboxError(f"e2b: read {path}: HTTP {status}: {data[:200].decode(errors='replace')}")

    async def _get(self, path: str, wanted: str, most: int) -> tuple[int, bytes]:
        """Status and at most so many bytes, by a client of our own for what theirs does not do: ranges, and an end."""
        reading = up_to(self._client(), path, wanted, most, within_s=_CALL_S)
        status, data = await self._told(reading, f"read {path}")
        if status in (429, 500, 503, 504):
            raise Passing(f"e2b: read {path}: HTTP {status}")
        return status, data

    def _client(self) -> Any:
        sdk = self._connected()
        if self._http is None:
            import httpx

            headers = dict(sdk.connection_config.sandbox_headers)
            self._http = httpx.AsyncClient(base_url=sdk.envd_api_url, headers=headers, timeout=_CALL_S)
        return self._http

    async def runs(self, pid: int) -> bool:
        """Whether a command that was begun there has not ended."""
        commands = self._connected().commands
        return any(each.pid == pid for each in await patiently(lambda: self._told(commands.list(), "list")))

    async def script(self, text: str, what: str) -> Completed:
        """One of our own scripts; it may be sent twice."""
        return await patiently(lambda: self.command(text, what, timeout_s=_CALL_S))

    async def command(
        self, text: str, what: str, *, cwd: str = "/", env: Mapping[str, str] | None = None, timeout_s: float
    ) -> Completed:
        """Any command to its end, sent once."""
        running = await self.begin(text, what, cwd=cwd, env=env)
        try:
            async with asyncio.timeout(timeout_s):
                return await _ended(running, what)
        except TimeoutError as error:
            ending = self._connected().commands.run(scripts.end_group(running.pid), user="root")
            await self._told(ending, what)
            raise SandboxError(f"e2b: {what}: TimeoutExpired: no end within {timeout_s:g} s") from error
        finally:
            await running.disconnect()

    async def begin(self, text: str, what: str, *, cwd: str, env: Mapping[str, str] | None = None) -> Any:
        """Begin a command that no deadline of E2B's ends: its default would kill it after a minute."""
        beginning = self._connected().commands.run(
            text,
            background=True,
            user="root",
            cwd=cwd,
            envs=dict(env or {}),
            timeout=_WITHOUT_LIMIT,
            request_timeout=_CALL_S,
        )
        return await self._told(beginning, what)

    def _connected(self) -> Any:
        if self._sdk is None:
            raise SandboxLost(f"e2b: sandbox {self.id} is not connected")
        return self._sdk

    async def _told(self, request: Awaitable[T], what: str) -> T:
        with told(what, self._account.key):
            return await request

    def _timeout(self) -> int:
        """Seconds that it may live without another word from us. Raises SandboxLost when its TTL is over."""
        left = self._ends_at - time.time()
        if left < 1:
            raise SandboxLost(f"e2b: the TTL of sandbox {self.id} is over")
        return int(min(self._account.lease_s, left))

    async def _renew(self) -> None:
        """Renew the lease while we hold it; whoever uses a machine that has gone hears of it there."""
        account = self._account
        with contextlib.suppress(SandboxLost, SandboxRefused):
            while True:
                await asyncio.sleep(account.lease_s / 6)
                with contextlib.suppress(Passing):
                    await self._told(self._connected().set_timeout(self._timeout()), "renew the lease")
                    account.pace.renew(self.turn, account.lease_s)


async def _ended(running: Any, what: str) -> Completed:
    with told(what):
        try:
            result = await running.wait()
        except Exception as error:
            if type(error).__name__ != "CommandExitException":
                raise
            result = error
    code, why = result.exit_code, (result.error or "").removeprefix("signal: ")
    return Completed(-_SIGNALS.get(why, 1) if code < 0 else code, result.stdout.encode(), result.stderr)
