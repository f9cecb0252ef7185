"""A run's logs in a few lines: templates with counts and times, and what was written around the fault.

Lines come from an app under attack and may say anything. Here they are redacted, stripped of what is not text, and cut;
the prompt fences them in and the answer is checked, so that what they say stays evidence.
"""

import unicodedata
from collections.abc import Callable, Iterator, Sequence

from chaos.analysis.logs import counts, levels, looks_like_error
from chaos.analysis.moments import clock
from chaos.analysis.record import Record
from chaos.analysis.timeline import Timeline
from chaos.events import Event
from chaos.explain.templates import Template, mine
from chaos.text.loglines import ERROR, MORE

LONGEST = 200
READ_OF_LINE = 1000
MOST_LINES = 3000
"""So much is read: what reads like an error first, then what came under or after the fault."""
MOST_AROUND = 8
"""So many raw lines right after the fault began; the templates say the rest."""

Redact = Callable[[str], str]


def digest(events: Sequence[Event], redact: Redact) -> list[str]:
    """Lines for the prompt, the most telling first."""
    record = Record(events)
    timeline = Timeline(record)
    began = _began(timeline)
    written = record.of("log.captured")
    lines = [
        (str(event.data.get("process", "")), event.at, clean(redact(_beginning(event))))
        for event in _worth_reading(written, began)
    ]
    lines = [line for line in lines if any(sign.isalnum() for sign in line[2])]
    templates = sorted(mine(lines), key=lambda each: _rank(each, began))
    around = [line for line in lines if began is not None and line[1] >= began - 0.2][:MOST_AROUND]
    counted = [
        f"{each.process} wrote {each.lines} lines, {each.errors} errors; {each.left_out} lines were not kept"
        for each in counts(record)
        if each.left_out
    ]
    unread = [f"{len(written) - MOST_LINES} more lines were not read"] if len(written) > MOST_LINES else []
    return [*counted, *unread, *map(_told, templates), *_told_around(around)]


def _worth_reading(written: Sequence[Event], began: float | None) -> list[Event]:
    """At most so many, in the order they were written."""
    if len(written) <= MOST_LINES:
        return list(written)
    found = levels(written)
    ranked = sorted(
        range(len(written)),
        key=lambda n: (
            found[n] not in (ERROR, MORE),
            not looks_like_error(_beginning(written[n])),
            began is None or written[n].at < began,
            n,
        ),
    )
    return [written[n] for n in sorted(ranked[:MOST_LINES])]


def _beginning(event: Event) -> str:
    """The line, a long one without its end and the word that the cut goes through: half a secret has no known form."""
    line = str(event.data.get("line", ""))
    return line if len(line) <= READ_OF_LINE else line[:READ_OF_LINE].rpartition(" ")[0]


def clean(line: str) -> str:
    """One line of plain text, cut: no control signs, none that are invisible or turn the direction of reading."""
    plain = line
    if not line.isprintable():
        plain = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in line)
    words = " ".join(plain.split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def _began(timeline: Timeline) -> float | None:
    return min((w.injected_at for w in timeline.windows.values() if w.injected_at is not None), default=None)


def _rank(template: Template, began: float | None) -> tuple[bool, bool, int]:
    """Lower is more telling: errors, then what was never written before the fault, then what is rare."""
    new = began is not None and template.moments[0] >= began
    return not looks_like_error(template.example), not new, len(template.moments)


def _told(template: Template) -> str:
    first, last = clock(template.moments[0]), clock(template.moments[-1])
    when = first if first == last else f"{first} to {last}"
    return f"{len(template.moments)}x {when} [{template.process}] {clean(template.text)}"


def _told_around(lines: Sequence[tuple[str, float, str]]) -> Iterator[str]:
    if lines:
        yield "first lines after the fault began:"
        yield from (f"{clock(at)} [{process}] {line}" for process, at, line in lines)
