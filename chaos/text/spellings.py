"""How one value may be written in other texts: as JSON, in a URL, in HTML, in hexadecimal, in Base64 at any offset."""

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

_LEAST_ENCODED = 6
"""Characters of an encoded form that cannot be met by chance."""
_LEAST_LINE = 8
"""Characters of one line of a value of several, such as a private key."""


def spellings(value: str) -> set[str]:
    """All of them, the value itself included. Empty for a value of nothing but white space."""
    text = value.strip()
    lines = [line.strip() for line in text.splitlines()]
    parts = [text, *(line for line in lines if len(line) >= _LEAST_LINE and len(lines) > 1)]
    return {form for part in parts if part for form in _of(part)}


def _of(text: str) -> Iterator[str]:
    yield text
    as_json, as_ascii = json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]
    yield from (as_json, as_ascii, as_ascii.replace("/", "\\/"), json.dumps(as_ascii)[1:-1], repr(text)[1:-1])
    raw = text.encode(errors="surrogatepass")
    for form in (quote(raw, safe=""), quote(raw), quote_plus(raw), quote(raw, safe="!$&'()*+,;=:@/?")):
        yield from (form, re.sub("%..", lambda found: found[0].lower(), form))
    yield repr(raw)[2:-1]
    yield from (
        html.escape(text),
        html.escape(text, quote=False),
        html.escape(text).replace("&#x27;", "&#39;"),
    )
    yield from (form for form in (raw.hex(), raw.hex().upper(), *_base64(raw)) if len(form) >= _LEAST_ENCODED)


def _base64(raw: bytes) -> Iterator[str]:
    """Of the value alone, and what every text that contains it has in common, by where in it the value begins.

    Source: RFC 4648, section 4: three bytes are four signs, and a sign at the edge has bits of a neighbour in it.
    """
    for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
        yield alphabet(raw).decode().rstrip("=")
        for before in range(3):
            coded = alphabet(bytes(before) + raw).decode().rstrip("=")
            begin = (0, 2, 3)[before]
            end = len(coded) - (1 if (before + len(raw)) % 3 else 0)
            yield coded[begin:end]
