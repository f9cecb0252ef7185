"""Make text that others wrote fit to show: no control characters, no hidden direction changes, no endless lines.

Escaping for HTML and SVG is a second, separate step (autoescape, `escaped`); this one is about what a reader sees.
"""

import re
from html import escape

LONGEST_LINE = 400
"""Characters of one line before the rest is only counted."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
# Controls, zero-width and bidirectional formatting, noncharacters and lone surrogates: invalid in XML or able to
# show a line as something it is not (https://trojansource.codes).
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)


def plain(text: str, longest: int = LONGEST_LINE) -> str:
    """`text` without terminal colours, unshowable characters spelled out, long lines cut (saying by how much)."""
    shown = _UNSHOWABLE.sub(_spelled, _ANSI.sub("", text.replace("\r\n", "\n")))
    return "\n".join(_cut(line, longest) for line in shown.split("\n"))


def escaped(text: str, longest: int = LONGEST_LINE) -> str:
    """`plain` text escaped for the inside of an element or of a quoted attribute, in HTML and XML alike."""
    return escape(plain(text, longest), quote=True)


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _cut(line: str, longest: int) -> str:
    if len(line) <= longest:
        return line
    return f"{line[:longest]}… ({len(line) - longest:,} more characters)"
