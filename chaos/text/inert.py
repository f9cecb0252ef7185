"""Text of others made inert: what would act on a screen, a page or a reader is shown as what it is.

`inert` is the one function that every rim uses (terminal, reports, JUnit, dashboards, git notes, statuses, notices,
logs and states of Prefect); the others add what one kind of output takes for markup. The journal is data and stays as
it is.
What is hidden or acts: control characters (ECMA-48, so that no escape sequence begins), bidirectional formatting and
what has no width (Unicode UAX #9, UTS #39; https://trojansource.codes), separators of lines, lone surrogates, tags,
noncharacters, which XML does not take either.
"""

import re
from typing import Any

from chaos.text.deferred import deferred

_HIDDEN = deferred(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# What Markdown, its extensions (tables, strike-through, links by themselves) and HTML begin something with. `_` inside
# of a word begins nothing.
_MARKDOWN = deferred(
    r"[\\`*\[\]!~{}@]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//)|(?<=[wW]{3})\.|(?i:(?<=mailto)):"
)
_BLOCK = deferred(r"(?m)^([ \t]*)(?:(\d{1,9})([.)])|([-+=:#>]))")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_IN_MARKDOWN = str.maketrans({"&": "&amp;", "<": "&lt;", "$": "&#36;"})
"""`${…}` in a text of Grafana is filled in before it is read as Markdown."""


def inert(text: str) -> str:
    """`text` with each such character spelled out (`\\x1b`, `\\u202e`); new lines and tabs stay."""
    return _HIDDEN.sub(_spelled, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """`inert` text on one line, with single spaces."""
    return " ".join(inert(text).split())


def everywhere(value: Any) -> Any:
    """Plain data of which every text, keys included, is inert."""
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, dict):
        return {everywhere(key): everywhere(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [everywhere(each) for each in value]
    return value


def in_json(document: str) -> str:
    """A JSON document of the same meaning without such characters: in its strings they are escaped, as `\\u202e`."""
    return _HIDDEN.sub(_as_json, document)


def markdown(text: str) -> str:
    """One line that Markdown shows as it is: no link, image, emphasis, heading, list, code or HTML. See `cell`."""
    return _BLOCK.sub(_begun, _inline(text))


def cell(text: str) -> str:
    """The same for a cell of a table, which `|` would end; anywhere else one line alone makes no table."""
    return _inline(text).replace("|", "\\|")


def _inline(text: str) -> str:
    return _MARKDOWN.sub(r"\\\g<0>", one_line(text)).translate(_IN_MARKDOWN)


def slack(text: str) -> str:
    """Text without anything that Slack takes for a link, or for somebody to be called.

    Source: Slack, "Formatting text for app surfaces". Servers that take the same messages (Mattermost, Rocket.Chat)
    read Markdown: what links or calls there is broken, too.
    """
    called = re.sub(r"(?i)@(?=(?:channel|here|all|everyone)\b)", "@ ", inert(text))
    unlinked = re.sub(r"\](?=[(\[])", "] ", called)
    return unlinked.translate(_ENTITIES)


def _begun(match: re.Match[str]) -> str:
    """The begin of a list, a heading's underline or a rule, escaped."""
    space, number, end, sign = match.groups()
    return f"{space}{number}\\{end}" if number else f"{space}\\{sign}"


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _as_json(match: re.Match[str]) -> str:
    sign = match[0]
    if sign in "\r\n" or "\ud800" <= sign <= "\udfff":
        return sign if sign in "\r\n" else f"\\u{ord(sign):04x}"
    units = sign.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
