"""What a proxy saw beside the requests that it tampered with, in words. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

Sample = Mapping[str, Any]

_UNREAD = {
    "connections_tls": "TLS (they began with a ClientHello; `tls: {trust: env}` reads them)",
    "connections_http2": "HTTP/2 (they began with its preface; `protocol: http2` reads them, gRPC too)",
    "connections_server-first": "of a server that speaks first",
    "connections_other": "of another protocol",
    "open_unread": "open before, and TLS or HTTP/2",
}
"""By the name of its count: what a connection was, whose requests could not be read."""
_ENDED = {
    "connections_distrusted": "did not trust the sandbox's authority",
    "connections_unfinished": "were left by their client during the handshake",
    "connections_tls-refused": "had a server that would not speak TLS with us",
}


def unread(seen: Sequence[Sample]) -> str:
    """Connections whose requests could not be read, and why."""
    passed = [f"{count} {words}" for name, words in _UNREAD.items() if (count := _most(seen, name))]
    ended = [f"{count} {words}" for name, words in _ENDED.items() if (count := _most(seen, name))]
    said = f"; connections that were not HTTP/1.1 passed untouched: {', '.join(passed)}" if passed else ""
    said += f"; TLS connections that came to an end: {', '.join(ended)}" if ended else ""
    for name, words in {"connections_secured": "TLS", "connections_streamed": "HTTP/2"}.items():
        said += f"; {words} was read on {_connections(count)}" if (count := _most(seen, name)) else ""
    return said


def with_unread(why: str, seen: Sequence[Sample], matched: int) -> str:
    """`why`, and before it what explains that nothing matched; else after it."""
    said = unread(seen).removeprefix("; ")
    if not said:
        return why
    return f"{why}; {said}" if matched else f"no request could be read; {said}; {why}"


def carried(samples: Sequence[Sample]) -> str:
    """Connections that outlive the fault."""
    count = _most(samples, "carried_on")
    return (
        f"; {_connections(count)} open at its end went on to {'its' if count == 1 else 'their'} own"
        if count
        else ""
    )


def _connections(count: int) -> str:
    return f"{count} connection{'' if count == 1 else 's'}"


def _most(samples: Sequence[Sample], name: str) -> int:
    return max((int(sample.get(name, 0)) for sample in samples), default=0)
