"""Whether the app was where its limits hold and its usage is counted: in its control group, and nowhere else.

Two signs. The agent looks once a second where the kernel has the app's processes (`limits.escaped`). And a group that
counts nothing while processes live and work in it counts somebody else.
"""

from collections.abc import Iterator, Sequence

from chaos.analysis.record import Record
from chaos.analysis.timeline import Timeline
from chaos.events import Event

_FEWEST_SAMPLES = 3
_NEVER_ZERO_BYTES = 4 * 2**20
"""So much resident memory has some of its own; the kernel's counters may lag by less."""
_NEVER_ZERO_PERCENT = 1.0
"""Of a core, by the processes' own times; their clock ticks a hundred times a second."""


def unaccounted(record: Record, timeline: Timeline) -> list[str]:
    """Doubts that forbid `held`, in the order of a run."""
    escapes = record.of("limits.escaped")
    pids = sorted({int(pid) for event in escapes for pid in event.data.get("pids") or ()})
    doubts = []
    if escapes:
        doubts.append(
            f"{len(pids)} of the app's processes were outside of its control group (pid "
            f"{', '.join(str(pid) for pid in pids[:5])}): its limits did not hold for them"
        )
    samples = record.of("usage.sampled")
    for span in timeline.spans:
        here = [event for event in samples if span.start <= event.at < span.end]
        doubts += _uncounted(here, span.name)
    return doubts


def _uncounted(samples: Sequence[Event], phase: str) -> Iterator[str]:
    alive = [event for event in samples if _of_processes(event, "rss_bytes") >= _NEVER_ZERO_BYTES]
    if len(alive) < _FEWEST_SAMPLES:
        return
    if 2 * sum(not event.data.get("memory_bytes") for event in alive) > len(alive):
        yield f"in the {phase} phase the app's processes lived, and no memory of theirs was counted"
    worked = sum(_of_processes(event, "cpu_percent") for event in alive) / len(alive)
    if worked > _NEVER_ZERO_PERCENT and not any(event.data.get("cpu_percent") for event in alive):
        yield f"in the {phase} phase the app's processes worked, and no CPU time of theirs was counted"


def _of_processes(event: Event, key: str) -> float:
    processes = event.data.get("processes") or {}
    return sum(float(each.get(key) or 0.0) for each in processes.values())
