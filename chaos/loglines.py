"""How grave a line of a log is: by the level it states, in the forms that are usual, else by its words.

Levels: JSON (`level`, `severity`, pino's and bunyan's numbers, journald's PRIORITY, MongoDB's `s`), logfmt, systemd's
`<3>` (sd-daemon(3)), glog, and words as Python, Log4j, nginx, PostgreSQL, HAProxy, Redis and .NET write them.
"""

from enum import IntEnum

from chaos.deferred import deferred

READ = 1024
"""Characters of a line that are read: an app may write megabytes."""
_STATED_WITHIN = 160
"""Characters from the start within which a text line states its level."""
_LONGEST_TRACE = 200


class Severity(IntEnum):
    """From a line that tells of no trouble to one that tells why a process ended."""

    NONE = 0
    WARNING = 1
    ERROR = 2
    FATAL = 3


_BY_LETTER = {"t": 0, "d": 0, "i": 0, "n": 0, "l": 0, "w": 1, "e": 2, "s": 2, "f": 3, "c": 3, "p": 3, "a": 3}
_COLOUR = deferred(r"\x1b\[[0-9;]*m")
_JSON = deferred(
    r'(?<!\\)"(?:level|severity|levelname|level_name|loglevel|log_level|log\.level|lvl|@l|PRIORITY|SeverityText)"'
    r'\s*:\s*"?([A-Za-z]+|\d+)',
)
_MONGO = deferred(r'^\{"t":\{.{0,80}?"s":"([A-Z])')
_LOGFMT = deferred(r"(?:^|\s)(?:level|lvl|severity)=\"?([A-Za-z]+)")
_SYSTEMD = deferred(r"^<([0-7])>")
_GLOG = deferred(r"^([IWEF])\d{4,8} \d\d:\d\d:\d\d")
_RUBY = deferred(r"^([DIWEFA]), \[")
_REDIS = deferred(r"^\d+:[XCSM] \d\d \w{3} \d{4} [\d:.]+ ([.*#-]) ")
_WORDS = (
    r"TRACE|DEBUG|FINEST|FINER|FINE|INFO(?:RMATION)?|NOTICE|WARN(?:ING)?|ERROR|EROR|ERR|SEVERE|CRITICAL|CRIT|FATAL|"
    r"PANIC|EMERG(?:ENCY)?|ALERT"
)
_UPPER = deferred(rf"(?<![\w/.?=&-])(?:LOG(?=:  )|{_WORDS})(?![\w.=-]|/[^MFT])")
_BRACKETS = deferred(rf"\[(?:\w+:)?({_WORDS})\]|^<({_WORDS})>|^({_WORDS}|fail|dbug|trce): ", 2)
_TROUBLE = deferred(
    r"\b(?:error|err!|exception|traceback|fatal|critical|panic|fail(?:ed|ure|s)?|refused|reset|timed? ?out|"
    r"unreachable|no space|out of memory|oom|killed|denied|segmentation fault|core dumped|50[0-9]|"
    r"\w{1,80}(?:Error|Exception))\b",
    2,
)
_STEMS = (
    *(
        "err",
        "exce",
        "trac",
        "fata",
        "crit",
        "pani",
        "fail",
        "refu",
        "rese",
        "time",
        "unre",
        "no sp",
        "out of",
    ),
    *("oom", "kill", "deni", "segm", "dump", "50"),
)
"""One of them is in each line that `_TROUBLE` finds: most lines need no more than a look for them."""
_ERRNO = deferred(r"\bE[A-Z]{4,}\b(?=[: ,])")
_WARNS = deferred(r"\bwarn(?:ing)?\b|Warning\b", 2)
_NO_TROUBLE = deferred(
    r"\b(?:0|no|without|zero) (?:\w+ )?(?:errors?|failures?|warnings?|failed|exceptions?)\b|"
    r"\b(?:errors?|err|failed|failures?|exceptions?|warnings?)[\"']?\s*[=:]\s*"
    r"(?:0\b(?!\.)|null\b|nil\b|none\b|false\b|<nil>|\"\"|\[\]|-(?=\s|$))|"
    r"\b(?:on|log|max|exit)[-_](?:errors?|failure|exception)\b|\b\d+ ?ms\b",
    2,
)
_ANSWERED = deferred(r"(?:HTTP/[\d.]+\"?|\"?(?:status|code)\"?\s*[=:]\s*\"?)\s*5\d\d\b", 2)
_TRACEBACK = "Traceback (most recent call last)"
_FATAL = deferred(
    r"^(?:panic: |fatal error: |Exception in thread |Unhandled |Uncaught |Caused by: |"
    r"(?:[\w$]+\.)*\w*(?:Error|Exception)(?: \[\w+\])?(?::|$)|thread '.*' panicked|terminate called|Segmentation fault)"
)
_TRACE = deferred(
    r"panic: |fatal error: |goroutine \d+ \[|Exception in thread|Caused by:|Unhandled|Uncaught|thread '.*' panicked|"
    r"(?:[\w$]+\.)*\w*(?:Error|Exception)(?: \[\w+\])?(?::|$)"
)
_GOES_ON = deferred(
    r"^\s|^$|^Caused by: |^goroutine \d+|^created by |^[\w./*()$-]+\(.*\)$|^exit status \d|^During handling|"
    r"^The above exception|^(?:stack backtrace|note: )|^\[signal "
)
_BELONGS = deferred(r"\b(?:DETAIL|HINT|STATEMENT|CONTEXT|QUERY):  ")


def severity(line: str) -> Severity:
    """Of one line by itself: the level that it states; else what its words say."""
    line = line[:READ]
    if "\x1b" in line:
        line = _COLOUR.sub("", line)
    stated = _stated(line)
    if stated is None:
        return _worded(line)
    if stated is Severity.NONE and (_TRACEBACK in line or _answered_badly(line)):
        return Severity.ERROR  # an access log states INFO of every answer
    return stated


def _answered_badly(line: str) -> bool:
    return any(each in line for each in ("HTTP/", "tatus", "ode")) and _ANSWERED.search(line) is not None


class Trace:
    """The lines of one stream, one after the other: those of a stack trace are as grave as what they explain."""

    def __init__(self) -> None:
        self._left = 0
        self._grave = Severity.NONE
        self._python = False
        self._framed = False

    def severity(self, line: str) -> tuple[Severity, bool]:
        """How grave it is, and whether it is a mere frame or detail: not what tells the cause."""
        own = severity(line)
        head = line[:READ]
        python = _TRACEBACK in head and head[:1] != "{"  # in JSON a whole trace is one line
        if (python or _TRACE.match(head)) and not head[:1].isspace():
            own = max(own, Severity.FATAL if _FATAL.match(head) else Severity.ERROR)
            self._left, self._grave, self._framed = _LONGEST_TRACE, own, False
            self._python = python
            return own, self._python or head.startswith("goroutine")
        if self._left > 0:
            self._left -= 1
            if _GOES_ON.match(head):
                self._framed = self._framed or head[:1].isspace()
                return self._grave, True
            self._left = 0
            if self._python and self._framed:  # the exception itself, of whatever name
                return Severity.FATAL, False
        if _BELONGS.search(head) and self._grave:
            return self._grave, "HINT" not in head and "DETAIL" not in head
        self._grave = own
        return own, False


def _stated(line: str) -> Severity | None:
    """The level that a line states of itself; None when it states none."""
    if line.lstrip().startswith("{"):
        found = _JSON.search(line) or _MONGO.search(line)
        return _level(found.group(1), "PRIORITY" in found.group(0)) if found else None
    if line[:1] == "<" and (found := _SYSTEMD.match(line)):
        return _level(found.group(1), syslog=True)
    start = line[:_STATED_WITHIN]
    for pattern in (_LOGFMT, _GLOG, _RUBY, _UPPER, _BRACKETS):
        if found := pattern.search(start):
            return _level(next((each for each in found.groups() if each), found.group(0)))
    if found := _REDIS.search(start):
        return Severity.WARNING if found.group(1) == "#" else Severity.NONE
    return None


def _level(word: str, syslog: bool = False) -> Severity | None:
    """Of a word or a number: syslog's fall (RFC 5424), pino's and bunyan's rise by tens."""
    if word.isdigit():
        number = int(word)
        if syslog or number < 8:
            return Severity((3, 3, 3, 2, 1, 0, 0, 0)[number]) if number < 8 else None
        return Severity.FATAL if number >= 60 else Severity(max(0, min(number // 10 - 3, 2)))
    lower = word.lower()
    if lower in ("fail", "severe"):
        return Severity.ERROR
    if lower.startswith(("fine", "verb")):
        return Severity.NONE
    if lower.startswith("em"):
        return Severity.FATAL
    known = _BY_LETTER.get(lower[0])
    return None if known is None else Severity(known)


def _worded(line: str) -> Severity:
    lower = line.lower()
    troubled = any(stem in lower for stem in _STEMS) and _TROUBLE.search(line)
    if (troubled and _TROUBLE.search(_NO_TROUBLE.sub("", line))) or _ERRNO.search(line):
        return Severity.FATAL if _FATAL.match(line) else Severity.ERROR
    return Severity.WARNING if "warn" in lower and _WARNS.search(line) else Severity.NONE
