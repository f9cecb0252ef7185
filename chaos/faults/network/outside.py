"""A dependency's failure seen from the fault: attempts from the side, and what cuts it off."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from chaos.errors import FaultError, InjectionError
from chaos.faults.network import attempts as tried
from chaos.faults.network import severed
from chaos.faults.network.endpoints import NetworkEndpoint, to_json
from chaos.faults.support.apart import Apart
from chaos.faults.support.base import Helper, Target
from chaos.faults.support.channel import ANSWERS_WITHIN_S

_STOP_S = 5.0
_VERIFY_S = 6.0


Cut = tuple[str, dict[str, Any], Callable[[], dict[str, int]]]
"""Mechanism, notes, and what the app met of it so far."""


class Attempts:
    """Attempts that a helper makes all the time; `what` says what is tried."""

    def __init__(
        self, what: str, helper: Helper, stack: ExitStack, longest_s: float = ANSWERS_WITHIN_S
    ) -> None:
        self.what = what
        self._longest_s = longest_s
        self._helper = helper
        self._stack = stack

    def first(self) -> str:
        """How the next attempt ends."""
        return str(self.next()["as"])

    def await_failure(self, ended_as: str, *, payload: bool) -> None:
        """Wait until an attempt fails that way. Raises InjectionError with how they end instead."""
        if payload:
            self._helper.send({"payload": True})
        self.await_one(lambda attempt: attempt["as"] == ended_as, f"failed as {ended_as}")

    def await_one(
        self, wanted: Callable[[Mapping[str, Any]], bool], what: str, within_s: float = _VERIFY_S
    ) -> Mapping[str, Any]:
        """The first attempt like that. Raises InjectionError with how they end instead."""
        until = time.monotonic() + within_s
        seen: set[str] = set()
        while time.monotonic() < until:
            attempt = self.next()
            if wanted(attempt):
                return attempt
            seen.add(str(attempt["as"]))
        raise InjectionError(f"{self.what} never {what}, but: {', '.join(sorted(seen))}")

    def fetch(self) -> list[Mapping[str, Any]]:
        """The attempts that ended since the last call."""
        found = []
        while (message := self._helper.receive(0)) is not None:
            found.append(message)
        return found

    def end(self) -> None:
        """No more attempts."""
        self._stack.close()

    def next(self) -> Mapping[str, Any]:
        """The next attempt that ended."""
        message = self._helper.receive(self._longest_s)
        if message is None:
            raise FaultError(f"an attempt did not end within {self._longest_s:g} s")
        return message


@contextmanager
def connection_attempts(target: Target, addresses: Sequence[str], port: int) -> Iterator[Attempts]:
    """Attempts to connect to the first of the addresses that answers."""
    with ExitStack() as stack:
        helper = stack.enter_context(target.helper(tried.connections, addresses=list(addresses), port=port))
        yield Attempts(f"a connection to {' or '.join(addresses)}, port {port},", helper, stack)


@contextmanager
def own_attempts(target: Target, at_once: int) -> Iterator[tuple[Attempts, int]]:
    """Attempts to connect to a server of ours, so many at a time; and its port."""
    with ExitStack() as stack:
        helper = stack.enter_context(target.helper(tried.own_connections, at_once=at_once))
        attempts = Attempts("a connection to a server of ours", helper, stack)
        yield attempts, int(attempts.next()["port"])


@contextmanager
def lookup_attempts(target: Target, name: str, patience_s: float, *, waits: bool) -> Iterator[Attempts]:
    """Attempts to look up a name, each given up after `patience_s`; `waits` when they are to wait for an answer."""
    with ExitStack() as stack:
        helper = stack.enter_context(
            target.helper(tried.lookups, name=name, patience_s=patience_s, waits=waits)
        )
        yield Attempts(f"a lookup of {name!r}", helper, stack, ANSWERS_WITHIN_S + patience_s)


@contextmanager
def cut(target: Target, mode: str, endpoints: Sequence[NetworkEndpoint]) -> Iterator[Cut]:
    """Packet rules between the app and the dependency; the mechanism and notes."""
    with target.helper(severed.run, mode=mode, endpoints=to_json(endpoints)) as helper:
        ready = helper.receive(ANSWERS_WITHIN_S)
        if ready is None:
            raise InjectionError(f"packet rules were not in place within {ANSWERS_WITHIN_S:g} s")
        apart = Apart(target.looks)
        try:
            yield "nftables", _notes(mode, ready), lambda: _denied(helper, apart)
        finally:
            with suppress(FaultError):  # it may have died: then the kernel has removed the rules already
                helper.send({"stop": True})
                helper.receive(_STOP_S)


def _denied(helper: Helper, apart: Apart) -> dict[str, int]:
    """Packets of others than us: the app's, and those that a command of a probe may have sent."""
    sure, unsure = apart.split(lambda: _counted(helper))
    return {"app_packets": sure["packets"], "unsure_packets": unsure["packets"]}


def _counted(helper: Helper) -> dict[str, int]:
    helper.send({"count": True})
    message = helper.receive(ANSWERS_WITHIN_S)
    if message is None or "packets" not in message:
        raise FaultError(f"the packet rules were not counted within {ANSWERS_WITHIN_S:g} s")
    return {"packets": int(message["packets"])}


def _notes(mode: str, ready: Mapping[str, Any]) -> dict[str, Any]:
    """What a kernel that cannot end connections (CONFIG_INET_DIAG_DESTROY is off) makes different."""
    if mode == "blackhole":
        return {}
    if ready["sweeps"]:
        return {"reset_open_connections": ready["reset"]}
    return {
        "half_open": "open connections break with their next packet; the dependency's ends stay half-open"
    }
