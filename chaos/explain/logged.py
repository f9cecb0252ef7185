"""Errors that the app logged, in one sentence for each process: how many, when, and which came most often."""

from collections import Counter
from collections.abc import Iterator, Sequence

from chaos.analysis.logs import errors_of
from chaos.analysis.moments import clock
from chaos.analysis.record import Record
from chaos.analysis.result import LogCount, Result
from chaos.analysis.timeline import Timeline
from chaos.events import Event
from chaos.explain.templates import ANY, mine
from chaos.text.loglines import essence

MOST_SHOWN = 160


def sentences(result: Result, events: Sequence[Event]) -> Iterator[str]:
    """Of each process that logged errors under the fault or after it; none of those that did as much before it."""
    record = Record(events)
    timeline = Timeline(record)
    began = min((w.injected_at for w in timeline.windows.values() if w.injected_at is not None), default=None)
    found = errors_of(record.of("log.captured"))
    counted = {each.process: each for each in result.logs}
    for process in dict.fromkeys(str(error[0].data.get("process", "")) for error in found):
        own = [error for error in found if error[0].data.get("process") == process]
        since = [error for error in own if began is not None and error[0].at >= began]
        if since:
            yield _sentence(process, own, since, counted.get(process))


def _sentence(
    process: str, own: Sequence[list[Event]], since: Sequence[list[Event]], count: LogCount | None
) -> str:
    total = max(len(own), count.errors if count else 0)
    before = len(own) - len(since)
    said = f"“{process}” logged {total:,} error{'s' * (total > 1)}"
    said += f" ({before:,} of them before the fault)" if before else ""
    return f"{said}, under the fault first at {clock(since[0][0].at)}, most often “{commonest(since)}”."


def commonest(errors: Sequence[list[Event]]) -> str:
    """What says most of the kind of error that came most often, its values as …"""
    told = [
        (str(each[0].data.get("process", "")), each[0].at, essence([_text(event) for event in each]))
        for each in errors
    ]
    best = max(mine(told), key=lambda each: len(each.moments), default=None)
    if best is None:
        return Counter(text for _, _, text in told).most_common(1)[0][0][:MOST_SHOWN]
    text = best.text if len(best.moments) > 1 else best.example
    return text.replace(ANY, "…")[:MOST_SHOWN]


def _text(event: Event) -> str:
    return str(event.data.get("line", ""))[:1000]
