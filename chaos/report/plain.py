"""Plain text of others' words: inert (`chaos.text.inert`), without terminal colours, in bounded lines.

Escaping for HTML and SVG is a second, separate step (autoescape, `escaped`); this one is about what a reader sees.
"""

import re
from html import escape

from chaos.text.inert import inert

LONGEST_LINE = 400
"""Characters of one line before the rest is only counted."""

_SEQUENCES = re.compile(r"(?:\x1b\[|\x9b)[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)")
"""Control sequences and operating system commands (ECMA-48): colours and titles, of which a page has its own."""


def plain(text: str, longest: int = LONGEST_LINE) -> str:
    """`text` without terminal colours, unshowable characters spelled out, long lines cut (saying by how much)."""
    shown = inert(_SEQUENCES.sub("", text))
    return "\n".join(_cut(line, longest) for line in shown.split("\n"))


def escaped(text: str, longest: int = LONGEST_LINE) -> str:
    """`plain` text escaped for the inside of an element or of a quoted attribute, in HTML and XML alike."""
    return escape(plain(text, longest), quote=True)


def _cut(line: str, longest: int) -> str:
    if len(line) <= longest:
        return line
    return f"{line[:longest]}… ({len(line) - longest:,} more characters)"
