"""Lives of the app's processes: who was in a restart loop when the run ended, and what was left of a tree.

A process that ends by itself again and again says nothing of how it stands a fault, however good the looks are: what
answers may be a life that nobody meant. What a fault killed does not count.
"""

from collections.abc import Sequence
from typing import NamedTuple

from chaos.analysis.moments import clock, seconds
from chaos.analysis.record import Record
from chaos.analysis.timeline import Timeline
from chaos.events import Event

_ENDS = 2
"""So many ends by itself in a row are a loop,"""
_YOUNG_S = 1.0
"""unless its present life is older than this, and twice as old as any of those became."""


class _Life(NamedTuple):
    ended_at: float
    lasted_s: float
    how: str


def restart_loops(record: Record, timeline: Timeline) -> list[str]:
    """Of each process that was in a loop when the run ended, that it was."""
    if not timeline.spans:
        return []
    names = dict.fromkeys(
        str(event.data.get("process")) for event in record.of("process.exited", "process.failed")
    )
    killed = {event.data.get("killed_pid") for event in record.of("fault.measured")}
    undone = max((window.recovered_at or 0.0 for window in timeline.windows.values()), default=0.0)
    loops = [_loop(name, record, killed, undone, timeline.spans[0].start) for name in names]
    return [loop for loop in loops if loop]


def _loop(name: str, record: Record, killed: set[object], undone: float, since: float) -> str:
    starts = [event for event in record.of("process.started") if event.data.get("process") == name]
    lives = _own_ends(name, record, starts, killed, since)
    if len(lives) < _ENDS:
        return ""
    last = lives[-1].ended_at
    up_since = next((event.at for event in reversed(starts) if event.at > last), None)
    if up_since is not None:
        age_s = record.end - up_since
        grown_up = age_s > max(_YOUNG_S, 2 * max(life.lasted_s for life in lives))
        if grown_up or last <= undone:
            return ""
    now = "it was down" if up_since is None else f"it had been up for {seconds(record.end - up_since)}"
    return (
        f"process “{name}” was in a restart loop when the run ended: it ended {len(lives)} times by itself from "
        f"{clock(lives[0].ended_at)} on, last with {lives[-1].how}, and {now}"
    )


def _own_ends(
    name: str, record: Record, starts: Sequence[Event], killed: set[object], since: float
) -> list[_Life]:
    """The last ends in a row that no fault made and that were followed, or to be followed, by another start."""
    found: list[_Life] = []
    events = [
        event for event in record.of("process.exited", "process.failed") if event.data.get("process") == name
    ]
    for event in sorted(events, key=lambda event: event.at):
        data = event.data
        if event.at < since or data.get("restart_in_s") is None or data.get("pid") in killed - {None}:
            found.clear()
            continue
        born = next(
            (s.at for s in reversed(starts) if s.at <= event.at and s.data.get("pid") == data.get("pid")),
            None,
        )
        how = data.get("why") or data.get("signal") or f"exit code {data.get('exit_code')}"
        found.append(_Life(event.at, 0.0 if born is None else event.at - born, str(how)))
    return found


def kept(record: Record) -> dict[str, str]:
    """Process -> what went on when its main process was over, because the manifest says that it may."""
    found: dict[str, str] = {}
    for event in record.of("process.left"):
        data = event.data
        names = ", ".join(str(name) for name in data.get("names") or ())
        if data.get("kept") is True:
            found[str(data.get("process"))] = (
                f"its leftovers were kept, as asked: {data.get('alive')} processes ({names}) went on when its main "
                "process was over"
            )
    return found


def unkillable(record: Record) -> list[str]:
    """What could not be ended with its main process."""
    return [
        f"{event.data.get('alive')} processes that “{event.data.get('process')}” left behind could not be ended"
        for event in record.of("process.left")
        if event.data.get("kept") is not True and event.data.get("alive")
    ]
