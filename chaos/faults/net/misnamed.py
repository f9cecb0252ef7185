"""Make a name fail: a name server of ours that everybody in the sandbox asks, and /etc/hosts without the name."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from chaos.errors import InjectionError
from chaos.faults.base import Target
from chaos.faults.net import dns, names
from chaos.faults.net.cover import covered

_HOSTS, _RESOLV = Path("/etc/hosts"), Path("/etc/resolv.conf")
_START_S = 5.0


@contextmanager
def misnamed(target: Target, mode: str, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and all below it fail that way; every other name is answered as before. The mechanism and notes."""
    resolv = _RESOLV.read_text() if _RESOLV.exists() else ""
    wanted = name.rstrip(".").lower()
    ours = [wanted, *(f"{wanted}.{domain}" for domain in names.search(resolv))]
    server = target.helper(dns.run, names=ours, mode=mode, upstream=names.servers(resolv))
    with server as helper, ExitStack() as stack:
        ready = helper.receive(_START_S)
        if ready is None:
            raise InjectionError(f"the name server was not there within {_START_S:g} s")
        ways = {}
        for path, text in _texts(resolv, wanted, ready["address"]).items():
            ways[str(path)] = stack.enter_context(covered(target, path, text))
        yield "name-server", {"server": ready["address"], "covered": ways}


def _texts(resolv: str, name: str, address: str) -> dict[Path, str]:
    """Which files must read otherwise, and how."""
    hosts = _HOSTS.read_text() if _HOSTS.exists() else ""
    texts = {_HOSTS: names.without(hosts, name)} if names.without(hosts, name) != hosts else {}
    if names.servers(resolv) != [address]:
        if not _RESOLV.exists():
            raise InjectionError(
                f"{_RESOLV} is missing, and {dns.ADDRESSES[0]}, asked then, serves names already"
            )
        texts[_RESOLV] = names.with_server(resolv, address)
    return texts
