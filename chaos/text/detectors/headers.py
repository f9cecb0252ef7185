"""Headers of HTTP that carry a login: everything behind their name goes, as far as the text says where it ends."""

import re

from chaos.text.deferred import deferred
from chaos.text.detectors.masks import QUOTE, SECRET

_HEADER = deferred(
    rf"(?i)(?P<before>{QUOTE})?(?<![\w.-])(?P<name>(?:proxy-)?authorization|(?:set-)?cookie)"
    rf"(?P<link>{QUOTE}?\s{{0,3}}(?:[:=]|,\s{{0,3}}b?(?=[\"'])|=>)\s{{0,3}}\[?(?:b(?=[\"']))?)(?P<open>{QUOTE})?(?P<value>[^\n]+)"
)


def headers(text: str) -> str:
    """The text without their values."""
    low = text.lower()
    return _HEADER.sub(_masked, text) if "authorization" in low or "cookie" in low else text


def _masked(found: re.Match[str]) -> str:
    head, value = found[0][: found.start("value") - found.start()], found["value"]
    if value.startswith(SECRET):
        return found[0]
    quoted_whole = found["before"] and not re.match(QUOTE, found["link"])
    closing = found["open"] or (found["before"] if quoted_whole else None)
    end = value.find(closing) if closing else len(value)
    if not closing and found["link"].rstrip("b").endswith("["):
        end = value.find("]")
    rest = value[end:] if end >= 0 else ""
    return f"{head}{SECRET}{rest if SECRET not in rest else headers(rest)}"
