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


def addresses(hosts: str, name: str) -> dict[str, list[str]]:
    """What hosts(5) says of that name and of every name below it: name -> its addresses, in order."""
    found: dict[str, list[str]] = {}
    for line in hosts.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        for one in names:
            if matches(one, [name]):
                found.setdefault(one.rstrip(".").lower(), []).append(address)
    return found


def servers(resolv: str) -> list[str]:
    """The name servers of a resolv.conf(5); of an empty one, the local machine."""
    found = [words[1] for words in _words(resolv, "nameserver") if len(words) > 1]
    return found or ["127.0.0.1"]


def search(resolv: str) -> list[str]:
    """The domains that are tried below: the last `search` or `domain` line counts."""
    lines = _words(resolv, "search", "domain")
    return [domain.rstrip(".").lower() for domain in lines[-1][1:]] if lines else []


def patience_s(resolv: str) -> float:
    """How long one question of a resolver waits for its answer: `options timeout:`, else 5 s (resolv.conf(5))."""
    asked = [word[8:] for words in _words(resolv, "options") for word in words if word.startswith("timeout:")]
    return float(asked[-1]) if asked and asked[-1].isdigit() else 5.0


def with_server(resolv: str, address: str, wait_s: int | None = None) -> str:
    """The same text with `address` as the only server; its options stay, but for one: `wait_s` for an answer."""
    kept = [line for line in resolv.splitlines() if line.split()[:1] != ["nameserver"]]
    patient = [] if wait_s is None else [f"options timeout:{wait_s}"]  # the last one counts
    return "\n".join([f"nameserver {address}", *kept, *patient]) + "\n"


def _words(resolv: str, *keys: str) -> list[list[str]]:
    lines = (line.split() for line in resolv.splitlines())
    return [words for words in lines if words and words[0] in keys]
