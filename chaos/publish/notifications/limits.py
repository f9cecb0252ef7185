"""Length limits of receivers: text cut after it was escaped, never inside of an escape.

Lengths are counted in UTF-16 units, as the strings of JavaScript, Java and .NET are: who counts otherwise counts fewer.
"""

import re

_OPEN_ENTITY = re.compile(r"&[#\w]{0,7}\Z")
_CUT = "…"


def units(text: str) -> int:
    """How long it is."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, most: int) -> str:
    """`text` of at most that many units; where something is missing it ends with `…`."""
    if units(text) <= most:
        return text
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * (most - 1)].decode("utf-16-le", "ignore")
    kept = _OPEN_ENTITY.sub("", kept)
    escapes = len(kept) - len(kept.rstrip("\\"))
    return (kept[:-1] if escapes % 2 else kept) + _CUT
