"""Make a name fail or lie: by a name server of ours that everybody here asks, and an /etc/hosts without the name."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from chaos.errors import InjectionError
from chaos.faults.network import dns, names
from chaos.faults.network.cover import cover
from chaos.faults.network.outside import Cut
from chaos.faults.support.base import Helper, Met, Sample, Target, last
from chaos.faults.support.channel import ANSWERS_WITHIN_S

_HOSTS, _RESOLV = Path("/etc/hosts"), Path("/etc/resolv.conf")
_SPARE_S = 0.5
"""For the answer itself, after a delay: from elsewhere, and on a busy machine."""


@contextmanager
def misnamed(
    target: Target, mode: str, name: str, *, delay_s: float = 0.0, address: str | None = None
) -> Iterator[Cut]:
    """The name and all below it fail in a mode of `dns.Server`; every other is answered as before. Mechanism, notes.

    When the agent is killed the name server puts the files back before it ends.
    """
    resolv, hosts = _read(_RESOLV), _read(_HOSTS)
    wanted = name.rstrip(".").lower()
    ours = [wanted, *(f"{wanted}.{domain}" for domain in names.search(resolv))]
    known = {"": [address]} if address is not None else names.addresses(hosts, wanted)
    more: dict[str, Any] = {
        "pids": list(target.pids()),
        "names": ours,
        "mode": mode,
        "upstream": names.servers(resolv),
        "delay_s": delay_s,
        "known": known,
    }
    with target.helper(dns.run, **more) as helper, ExitStack() as stack:
        server = _expect(helper, "address")
        wait_s = _longer_wait(resolv, delay_s)
        texts = _texts(resolv, hosts, wanted, server, wait_s)
        covers = [stack.enter_context(cover(target, path, text)) for path, text in texts.items()]
        helper.send({"guard": [made.as_json() for made in covers]})
        _expect(helper, "guarding")
        patience = {} if wait_s is None else {"resolver_waits_s": wait_s}
        notes = {"server": server, "covered": {made.place: made.how for made in covers}, **patience}
        yield "name-server", notes, lambda: _asked(target, helper)


def looked_up(samples: Sequence[Sample], name: str) -> Met:
    """How often the app asked the name server about the name."""
    return Met.counted(
        last(samples, "app_asked"),
        None,
        f"questions of the app about `{name}`",
        f"the app never looked up `{name}`",
    )


def _asked(target: Target, helper: Helper) -> dict[str, int]:
    """What the app's processes asked so far. Whose a question is, is seen by the socket that it comes from."""
    helper.send({"count": True, "pids": list(target.pids())})
    return {"app_asked": int(_expect(helper, "asked"))}


def _expect(helper: Helper, key: str) -> Any:
    message: Mapping[str, Any] | None = helper.receive(ANSWERS_WITHIN_S)
    if message is None:
        raise InjectionError(f"the name server was not there within {ANSWERS_WITHIN_S:g} s")
    return message[key]


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _longer_wait(resolv: str, delay_s: float) -> int | None:
    """How long resolvers must wait for a slow answer to be slow and not lost; None when they do anyway."""
    enough = not delay_s or delay_s + _SPARE_S <= names.patience_s(resolv)
    return None if enough else math.ceil(delay_s + _SPARE_S)


def _texts(resolv: str, hosts: str, name: str, address: str, wait_s: int | None) -> dict[Path, str]:
    """Which files must read otherwise, and how."""
    texts = {_HOSTS: names.without(hosts, name)} if names.without(hosts, name) != hosts else {}
    if names.servers(resolv) != [address] or wait_s is not None:
        if not _RESOLV.exists():
            raise InjectionError(
                f"{_RESOLV} is missing, and {dns.ADDRESSES[0]}, asked then, serves names already"
            )
        texts[_RESOLV] = names.with_server(resolv, address, wait_s)
    return texts
