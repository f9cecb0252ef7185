"""Levels of log lines: which line reports an error, which only warns, and which goes on with the error before it.

A line that names its level is of that level, whatever else it says: JSON (`level`, `severity`, `levelname`; words, the
numbers of syslog, of pino and of Python), logfmt, `[error]` as nginx and Apache write it, `ERROR:` and `FATAL`
as PostgreSQL and most libraries do, klog's `E0102`, Ruby's `E, [`, systemd's `<3>`. Without one, a line is an
error when a runtime says so (`Traceback`, `panic:`, `Exception in thread`, `Error: …`), when it is an access log's
5xx, or by its words. The rest of a stack trace belongs to the error it began with.

Standard library only: the agent decides by it which lines have a quota of their own.
"""

import re
from collections.abc import Sequence

ERROR, MORE, WARNING, OTHER = "error", "more", "warning", ""
"""A line that reports an error; one that goes on with it; one that warns; any other."""

_READ = 512
"""Characters of a line that are looked at: an app may write megabytes."""
_HINTS = (
    "err", "eror", "exception", "fatal", "crit", "panic", "fail", "severe", "alert", "emerg", "warn", "refused",
    "denied", "unreachable", "timed out", "timeout", "time out", "no space", "out of memory", "segm", "segfault",
    "traceback", "uncaught", "unhandled", "killed", "aborted", "assert", "terminate", "econn", "epipe", "enospc",
    "eaddrinuse", "eacces", "etimedout", "erofs", "interrupt", "exit", "throwable", "fault", "***", '" 5',
)  # fmt: skip
"""Without one of these in it, a line that names no level by a number or a letter is no error: most lines, so first."""
_MOST_MORE = 200
"""Lines that one error may have."""

_NAMES = {
    **dict.fromkeys(
        ("emerg", "emergency", "alert", "crit", "critical", "error", "err", "eror", "fatal"), ERROR
    ),
    **dict.fromkeys(("severe", "panic", "dpanic", "fail", "failure", "f", "e"), ERROR),
    **dict.fromkeys(("warn", "warning", "w"), WARNING),
}
_KNOWN = (
    r"emerg(?:ency)?|alert|crit(?:ical)?|error|err|eror|fatal|severe|d?panic|warn(?:ing)?|notice|info(?:rmation)?|log|"
    r"debug[0-9]?|trace|verbose|fine(?:st|r)?"
)
_SYSLOG = re.compile(r"^<(\d{1,3})>")
_JSON = re.compile(
    r'"(?:@?(?:log\.)?(?:level(?:name)?|lvl|severity(?:_text)?|loglevel|log_level|levelno))"\s*:\s*'
    r'(?:"([\w.]+)"|(\d+(?:\.0)?))',
    re.IGNORECASE,
)
_JOURNALD = re.compile(r'"PRIORITY"\s*:\s*"?([0-7])\b')
_MONGO = re.compile(r'^\{"t":\s*\{.{0,80}?"s":\s*"([DIWEF])')
_REDIS_WARNS = re.compile(r"^\d+:[XCSM] \d\d \w{3} \d{4} [\d:.]+ # ")
_PYTHON_NUMBER = re.compile(r'"levelno"', re.IGNORECASE)
_LOGFMT = re.compile(r'(?:^|\s)(?:level|lvl|severity|loglevel)=["\']?(\w+)', re.IGNORECASE)
_KLOG = re.compile(r"^([EFWI])\d{4} \d\d:\d\d|^([DIWEF]), \[")
_TOKEN = re.compile(
    rf"\[(?:[\w.]+:)?\s*((?i:{_KNOWN}))\s*\]|"
    rf"(?<![\w\"'/.=?&-])({_KNOWN.upper()})(?=[\s:|/\]\[\-,;!]|$)|"
    r"^(error|err|fatal|crit|fail|panic|warn|warning|info|dbug|trce|debug|notice)\s?:(?=\s)"
)
_BEGINS = re.compile(
    r"^\s*(?:Traceback \(most recent call last\)|panic: |fatal error: |runtime: |Exception in thread |"
    r"(?:Uncaught|Unhandled)\b|Unhandled exception|thread '.*' panicked|PHP (?:Fatal|Parse) error|"
    r"Segmentation fault|Assertion failed|terminate called|\*\*\* |Fatal Python error|Aborted\b|Killed\b|"
    r"(?:[\w$]+\.)*[A-Z][\w$]*(?:Error|Exception|Exit|Interrupt|Throwable|Fault)(?: \[[\w-]+\])?(?::|\s*$)|Error: )"
)
_RUBY = re.compile(r"^\S+\.rb:\d+:in .*\((?:\w+::)*\w*(?:Error|Exception)\)$")
_TRACEBACK = re.compile(r"^\s*(?:Exception Group )?Traceback \(most recent call last\)")
_CHAINED = re.compile(r"^(?:During handling of the above|The above exception was)")
_RAISED = re.compile(
    r"^(?:[\w$]+\.)*[A-Z][\w$]*(?:Error|Exception|Exit|Interrupt|Throwable|Group|Timeout)?(?: \[[\w-]+\])?(?::|\s*$)"
)
_GOES_ON = re.compile(
    r"^(?:\s+\S|\s*$|Caused by: |Suppressed: |\.\.\. \d+ more|goroutine \d+ \[|exit status \d|[\w./*()]*\([^()]*\)$|"
    r"created by |During handling of the above|The above exception was|\[signal |\^+$|[{}]\s*$|Node\.js v\d)"
)
_POSTGRES_MORE = re.compile(r"\b(?:HINT|DETAIL|CONTEXT|QUERY|STATEMENT|LOCATION):  ")
_NODE_PLACE = re.compile(r"^(?:node:internal/|file://|/)\S+:\d+$")
_SHAPED = re.compile(rf"{_KLOG.pattern}|{_NODE_PLACE.pattern}|{_REDIS_WARNS.pattern}")
_ACCESS = re.compile(r'"[A-Z]{3,8} [^"]*" 5\d\d ')
_ACCESS_WELL = re.compile(r'"[A-Z]{3,8} [^"]*" [1-4]\d\d ')
_WORDS = re.compile(
    r"(?:error|exception)\b(?!/)|(?<![/\w])(?:fatal|critical|panic|failed|failure|refused|unreachable|timed? ?out|"
    r"no space left|out of memory|segfault|denied|e(?:conn\w+|pipe|nospc|addrinuse|acces|timedout|rofs))\b"
)
"""Of a line in lower case."""
_NONE = re.compile(
    r"\b(?:no|0|without|zero) (?:error|exception|failure|failed)s?\b|"
    r"\b(?:error|err|exception|failed|failures?)s?[\"']?\s*[:=]\s*(?:0|null|nil|none|false|\"\"|\[\]|\{\})(?![\w.])",
)


def level(line: str) -> str:
    """The level of a line by itself: ERROR, WARNING or OTHER."""
    text = line[:_READ]
    if _plain(text):
        return OTHER
    if (named := _named(text)) is not None:
        # An access log says INFO of every answer.
        return ERROR if named == OTHER and _ACCESS.search(text) else named
    if _BEGINS.search(text) or _RUBY.search(text) or _ACCESS.search(text):
        return ERROR
    if _ACCESS_WELL.search(text):
        return OTHER
    return ERROR if _WORDS.search(_NONE.sub(" ", text.lower())) else OTHER


class Reader:
    """Reads the lines of one stream one after the other, and knows which go on with an error."""

    def __init__(self) -> None:
        self._more = 0
        """How many lines the present error may still have; 0 when there is none."""
        self._traced = False
        """Whether it has a stack trace of Python's already."""
        self._raises = False
        """Whether what was raised is still to come."""

    def level(self, line: str) -> str:
        """ERROR, MORE, WARNING or OTHER."""
        text = line[:_READ]
        if self._more and self._goes_on(text):
            self._more -= 1
            return MORE
        if _plain(text):
            self._more = 0
            return OTHER
        place, traced = _NODE_PLACE.match(text) is not None, _TRACEBACK.match(text) is not None
        found = ERROR if place else level(text)
        self._more = _MOST_MORE if found == ERROR and text.lstrip()[:1] != "{" else 0
        self._traced = traced
        self._raises = traced or place or (found == ERROR and _named(text) is not None)
        return found

    def _goes_on(self, text: str) -> bool:
        if _TRACEBACK.match(text):
            return self._begins_trace()
        if _CHAINED.match(text):
            self._traced = False
        if self._raises and _RAISED.match(text) and _named(text) is None:
            self._raises = False
            return True
        return _GOES_ON.match(text) is not None or _POSTGRES_MORE.search(text) is not None

    def _begins_trace(self) -> bool:
        """Of the present error: the first after it was logged, or of another that led to it."""
        if self._traced:
            return False
        self._traced = self._raises = True
        return True


def essence(lines: Sequence[str]) -> str:
    """What says most of one error and what goes on with it: what was raised, and why in the end."""
    first = lines[0].strip()
    if causes := [line.strip() for line in lines[1:] if line.startswith("Caused by: ")]:
        return f"{first} … {causes[-1]}"
    if _NODE_PLACE.match(first) or any(map(_TRACEBACK.match, lines)):
        raised = [line.strip() for line in lines[1:] if _RAISED.match(line)]
        return raised[-1] if raised else first
    return first


def _plain(text: str) -> bool:
    """Whether nothing hints at a level."""
    low = text.lower()
    return text[:1] not in ("<", "{") and not any(hint in low for hint in _HINTS) and not _SHAPED.match(text)


def _named(text: str) -> str | None:
    """The level that a line says it is of; None when it says none."""
    if found := _SYSLOG.match(text):
        return _of_syslog(int(found[1]) % 8)
    if text.lstrip()[:1] == "{" and (found := _JSON.search(text)):
        return _of_word(found[1]) if found[1] else _of_number(int(float(found[2])), text)
    if text[:1] == "{" and (found := _JOURNALD.search(text)):
        return _of_syslog(int(found[1]))
    if text[:1] == "{" and (found := _MONGO.match(text)):
        return _of_word(found[1])
    if _REDIS_WARNS.match(text):
        return WARNING
    if found := _KLOG.match(text):
        return _of_word(found[1] or found[2])
    at = [found for pattern in (_LOGFMT, _TOKEN) if (found := pattern.search(text))]
    if not at:
        return None
    first = min(at, key=lambda found: found.start())
    return _of_word(next(word for word in first.groups() if word))


def _of_word(word: str) -> str:
    return _NAMES.get(word.lower(), OTHER)


def _of_syslog(number: int) -> str:
    return ERROR if number <= 3 else WARNING if number == 4 else OTHER


def _of_number(number: int, text: str) -> str:
    """Syslog's from 0 to 7 (RFC 5424, GELF), Python's under its own name, else pino's and bunyan's."""
    if number < 8:
        return _of_syslog(number)
    error, warning = (40, 30) if _PYTHON_NUMBER.search(text) else (50, 40)
    return ERROR if number >= error else WARNING if number >= warning else OTHER
