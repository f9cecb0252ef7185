"""The texts that name resolution reads: /etc/hosts without a name, /etc/resolv.conf with one server. Pure."""

from collections.abc import Sequence


def matches(name: str, names: Sequence[str]) -> bool:
    """Whether `name` is one of `names` or below one; case and a final dot do not count (RFC 4343, RFC 1034)."""
    wanted = name.rstrip(".").lower()
    return any(wanted == one or wanted.endswith("." + one) for one in names)


def without(hosts: str, name: str) -> str:
    """The text of hosts(5) with that name, and every name below it, taken out."""
    return "".join(_line_without(line, name.lower()) for line in hosts.splitlines(keepends=True))


def _line_without(line: str, name: str) -> str:
    entry, mark, comment = line.partition("#")
    words = entry.split()
    kept = [word for word in words[1:] if not matches(word, [name])]
    if len(kept) == len(words[1:]):
        return line
    if not kept:
        return ""
    return " ".join([words[0], *kept]) + (f" {mark}{comment}" if mark else "\n")


def servers(resolv: str) -> list[str]:
    """The name servers of a resolv.conf(5); of an empty one, the local machine."""
    found = [words[1] for words in _words(resolv, "nameserver") if len(words) > 1]
    return found or ["127.0.0.1"]


def search(resolv: str) -> list[str]:
    """The domains that are tried below: the last `search` or `domain` line counts."""
    lines = _words(resolv, "search", "domain")
    return [domain.rstrip(".").lower() for domain in lines[-1][1:]] if lines else []


def with_server(resolv: str, address: str) -> str:
    """The same text with `address` as the only server; its options stay, so the app's patience stays."""
    kept = [line for line in resolv.splitlines() if line.split()[:1] != ["nameserver"]]
    return "\n".join([f"nameserver {address}", *kept]) + "\n"


def _words(resolv: str, *keys: str) -> list[list[str]]:
    lines = (line.split() for line in resolv.splitlines())
    return [words for words in lines if words and words[0] in keys]
