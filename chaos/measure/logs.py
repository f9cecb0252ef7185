"""The few log lines worth reading: what looks like an error, and what was written near the edges of a fault."""

from collections import Counter
from collections.abc import Sequence

from chaos.deferred import deferred
from chaos.events import Event
from chaos.loglines import Severity, severity
from chaos.measure.moments import iso
from chaos.measure.record import Record
from chaos.measure.result import LogCount, LogLine
from chaos.measure.timeline import Timeline

MOST_LINES = 60
AROUND_S = 1.0
LONGEST = 400
_FIRST = 3
"""So many lines of a kind come before all further ones: many of one kind must not hide another."""
_CHANGING = deferred(r"0x[0-9a-f]+|[0-9a-f]{8,}|\d+", 2)
_LEVELS = {"error": Severity.ERROR, "warning": Severity.WARNING}


def looks_like_error(line: str) -> bool:
    """Whether a line reads like trouble."""
    return severity(line) > Severity.NONE


def grave(event: Event) -> Severity:
    """Of a line that was captured: what the agent took it for, who saw the lines around it, or what it says itself."""
    return max(
        _LEVELS.get(str(event.data.get("level", "")), Severity.NONE),
        min(severity(str(event.data.get("line", ""))), Severity.ERROR),
    )


def excerpt(record: Record, timeline: Timeline) -> list[LogLine]:
    """At most 60 lines in the order they were written."""
    lines = record.of("log.captured")
    edges = [
        at for window in timeline.windows.values() for at in (window.injected_at, window.recovered_at) if at
    ]
    ranks = [_rank(line, edges) for line in lines]
    near = sorted(range(len(lines)), key=lambda index: ranks[index])
    seen: Counter[str] = Counter()
    late = set()
    for index in near:
        if ranks[index][0] < _OTHER:
            kind = _CHANGING.sub("#", str(lines[index].data.get("line", ""))[:LONGEST])
            seen[kind] += 1
            late |= {index} if seen[kind] > _FIRST else set()
    ranked = sorted(near, key=lambda index: (ranks[index][0], index in late))  # stable: the nearer first
    return [_line(lines[index]) for index in sorted(ranked[:MOST_LINES])]


def counts(record: Record) -> list[LogCount]:
    """How many lines each process wrote, how many of them tell of errors, and how many are not in the journal."""
    lines: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for event in record.of("log.captured"):
        name = str(event.data.get("process", ""))
        lines[name] += 1
        errors[name] += grave(event) is Severity.ERROR
    for event in record.of("log.left_out"):
        name, more = str(event.data.get("process", "")), int(event.data.get("lines", 0))
        lines[name] += more
        left_out[name] += more
        errors[name] += int(event.data.get("errors", 0))
    return [
        LogCount(process=name, lines=lines[name], errors=errors[name], left_out=left_out[name])
        for name in sorted(lines)
    ]


_OTHER = 2


def _rank(event: Event, edges: Sequence[float]) -> tuple[int, float]:
    """Lower is more worth reading: errors, warnings, then lines near the edge of a fault; the nearer to an edge the
    better."""
    distance = min((abs(event.at - edge) for edge in edges), default=float("inf"))
    if gravity := grave(event):
        return int(Severity.ERROR - gravity), distance
    return (_OTHER if distance <= AROUND_S else _OTHER + 1), distance


def _line(event: Event) -> LogLine:
    data = event.data
    return LogLine(
        at=iso(event.at),
        process=str(data.get("process", "")),
        stream=str(data.get("stream", "")),
        line=str(data.get("line", ""))[:LONGEST],
    )
