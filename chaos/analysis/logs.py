"""What the app wrote: how many lines and errors, and the few worth reading (errors, and what is near a fault's edges).

Levels are those that the agent wrote beside the lines; of older journals they are read from the lines themselves.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

from chaos.analysis.moments import iso
from chaos.analysis.record import Record
from chaos.analysis.result import LogCount, LogLine
from chaos.analysis.timeline import Timeline
from chaos.events import Event
from chaos.text.loglines import ERROR, MORE, WARNING, Reader

MOST_LINES = 60
AROUND_S = 1.0
LONGEST = 400
_READ = 1024
"""Characters of a line: an app may write megabytes."""

_ERROR = re.compile(
    r"\b(?:error|exception|traceback|fatal|critical|panic|fail(?:ed|ure)?|warn(?:ing)?|refused|reset|timed? ?out|"
    r"unreachable|no space|out of memory|oom|killed|denied|50[0-9]|\w+Error)\b",
    re.IGNORECASE,
)

Stream = tuple[str, str]
"""Process and stream."""


def looks_like_error(line: str) -> bool:
    """Whether a line reads like trouble."""
    return _ERROR.search(line, 0, _READ) is not None


def levels(lines: Sequence[Event]) -> list[str]:
    """The level of each `log.captured`."""
    readers: dict[Stream, Reader] = defaultdict(Reader)
    told = any("level" in event.data for event in lines)
    return [
        str(event.data.get("level") or "")
        if told
        else readers[_stream(event)].level(str(event.data.get("line", "")))
        for event in lines
    ]


def errors_of(lines: Sequence[Event]) -> list[list[Event]]:
    """Each error with the lines that go on with it."""
    found: list[list[Event]] = []
    last: dict[Stream, list[Event]] = {}
    for event, level in zip(lines, levels(lines), strict=True):
        if level == ERROR:
            last[_stream(event)] = [event]
            found.append(last[_stream(event)])
        elif level == MORE and _stream(event) in last:
            last[_stream(event)].append(event)
    return found


def counts(record: Record) -> list[LogCount]:
    """How much each process wrote, the most errors first: also what was not kept is counted."""
    lines = record.of("log.captured")
    kept: dict[str, list[str]] = defaultdict(list)
    for event, level in zip(lines, levels(lines), strict=True):
        kept[str(event.data.get("process", ""))].append(level)
    lost: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    last = {_stream(event): event for event in record.of("log.counted")}
    for event in last.values():
        sums = lost[str(event.data.get("process", ""))]
        sums[0] += int(event.data.get("left_out") or 0)
        sums[1] += int(event.data.get("errors_left_out") or 0)
    found = [
        LogCount(
            process=name,
            lines=len(kept[name]) + lost[name][0],
            errors=kept[name].count(ERROR) + lost[name][1],
            left_out=lost[name][0],
            errors_left_out=lost[name][1],
        )
        for name in sorted({*kept, *lost})
    ]
    return sorted(found, key=lambda each: -each.errors)


def excerpt(record: Record, timeline: Timeline) -> list[LogLine]:
    """At most 60 lines in the order they were written."""
    lines = record.of("log.captured")
    edges = [
        at for window in timeline.windows.values() for at in (window.injected_at, window.recovered_at) if at
    ]
    found = levels(lines)
    ranked = sorted(range(len(lines)), key=lambda index: _rank(lines[index], found[index], edges))
    return [_line(lines[index], found[index]) for index in sorted(ranked[:MOST_LINES])]


def _rank(event: Event, level: str, edges: Sequence[float]) -> tuple[int, float]:
    """Lower is more worth reading: errors, then trouble, then lines near the edge of a fault; the nearer the better."""
    distance = min((abs(event.at - edge) for edge in edges), default=float("inf"))
    if level in (ERROR, MORE):
        return 0, distance
    if level == WARNING or looks_like_error(str(event.data.get("line", ""))):
        return 1, distance
    return (2 if distance <= AROUND_S else 3), distance


def _stream(event: Event) -> Stream:
    return str(event.data.get("process", "")), str(event.data.get("stream", ""))


def _line(event: Event, level: str) -> LogLine:
    data = event.data
    return LogLine(
        at=iso(event.at),
        process=str(data.get("process", "")),
        stream=str(data.get("stream", "")),
        line=str(data.get("line", ""))[:LONGEST],
        level=level,
    )
