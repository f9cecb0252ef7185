"""What a setup command that failed says of why, short: its first error with what goes on with it, and its last lines.

A compiler's and npm's first error is the cause, and pages of usage may follow; the last of pip and of make is. Pure.
"""

import re

from chaos.text.loglines import ERROR, MORE, Reader

_MOST = 600
"""Characters that are said whole, and of the beginning when there is more."""
_LAST = 200
_TOLD = 3
"""Lines after which a blank one ends the error: npm's usage follows it."""
_BLANK = re.compile(r"^(?:npm (?:error|ERR!)|error:?)?\s*$")
"""A line that says nothing, also in npm's way."""
_UNREACHED = re.compile(
    r"EAI_AGAIN|ENOTFOUND|ENETUNREACH|getaddrinfo|Temporary failure (?:in name resolution|resolving)|"
    r"(?:Could not|couldn't|cannot|unable to) resolve (?:host|address)|Network is unreachable|NewConnectionError|"
    r"Failed to establish a new connection|Name or service not known|dial tcp|Could not transfer artifact|"
    r"ECONNREFUSED|UnknownHostException|No route to host",
    re.IGNORECASE,
)
NO_NETWORK = (
    "; it asked a network, and setup has none here: keep what it fetches beside the app (wheels, npm's cache, a vendor"
    " directory), have it in a container's image, or take `sandbox: {type: e2b}`, where setup runs in a build with one"
)


def said(stderr: str, stdout: str, *, has_network: bool) -> str:
    """One text for a person, of several lines at most; empty when it wrote nothing."""
    words = [line.rstrip() for line in (stderr.strip() or stdout.strip()).splitlines()]
    hint = NO_NETWORK if not has_network and _UNREACHED.search(f"{stderr}\n{stdout}") else ""
    whole = "\n".join(line for line in words if not _BLANK.match(line))
    if len(whole) <= _MOST:
        return whole + hint
    last = "\n".join(whole[-_LAST:].splitlines()[1:] or [whole[-_LAST:]])
    return f"{_first_error(words)[:_MOST]}\n…\n{last}{hint}"


def _first_error(words: list[str]) -> str:
    """From the first line that is an error on: the lines that say something, as many as go on with it."""
    reader, kept = Reader(), list[str]()
    for line in words:
        level = reader.level(line)
        if kept and (level not in (ERROR, MORE) or (_BLANK.match(line) and len(kept) >= _TOLD)):
            break
        if (kept or level == ERROR) and not _BLANK.match(line):
            kept.append(line)
    return "\n".join(kept or words)
