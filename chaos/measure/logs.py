"""The few log lines worth reading: what looks like an error, and what was written near the edges of a fault."""

import re
from collections.abc import Sequence

from chaos.events import Event
from chaos.measure.moments import iso
from chaos.measure.record import Record
from chaos.measure.result import LogLine
from chaos.measure.timeline import Timeline

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


def looks_like_error(line: str) -> bool:
    """Whether a line reads like trouble."""
    return _ERROR.search(line, 0, _READ) is not None


def excerpt(record: Record, timeline: Timeline) -> list[LogLine]:
    """At most 60 lines in the order they were written."""
    lines = record.of("log.captured")
    edges = [
        at for window in timeline.windows.values() for at in (window.injected_at, window.recovered_at) if at
    ]
    ranked = sorted(range(len(lines)), key=lambda index: _rank(lines[index], edges))
    return [_line(lines[index]) for index in sorted(ranked[:MOST_LINES])]


def _rank(event: Event, edges: Sequence[float]) -> tuple[int, float]:
    """Lower is more worth reading: errors, then lines near the edge of a fault; the nearer to an edge the
    better."""
    distance = min((abs(event.at - edge) for edge in edges), default=float("inf"))
    if looks_like_error(str(event.data.get("line", ""))):
        return 0, distance
    return (1 if distance <= AROUND_S else 2), distance


def _line(event: Event) -> LogLine:
    data = event.data
    return LogLine(
        at=iso(event.at),
        process=str(data.get("process", "")),
        stream=str(data.get("stream", "")),
        line=str(data.get("line", ""))[:LONGEST],
    )
