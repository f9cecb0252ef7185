"""What a model may choose beside claims: the rules' hypotheses about causes, and what to do, each with its evidence.

Both are ours, word by word. An entry is offered only when its symptom was seen in this run; its numbers are this run's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from chaos.analysis.health import LATE_S
from chaos.analysis.moments import percent, seconds
from chaos.analysis.record import Record
from chaos.analysis.result import Result
from chaos.analysis.trials import shown
from chaos.events import Event
from chaos.explain import rules
from chaos.explain.claims import Claim
from chaos.explain.evidence import symptoms
from chaos.explain.knowledge import advice
from chaos.explain.scene import Symptom

_FILE = Path(__file__).with_name("catalogue.yaml")
MOST_CAUSES = 8
MOST_ADVICE = 14
ROOM = 2.0
"""A deadline is advised where clients wait so many times as long as usual answers take."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One recommendation: what was seen, and what to do about it."""

    evidence: str
    what: str

    @property
    def text(self) -> str:
        """As it is shown."""
        return f"{self.evidence} {self.what}"


def causes(result: Result, events: Sequence[Event]) -> Mapping[str, Claim]:
    """The rules' hypotheses by id, with their evidence."""
    texts = {
        each.name: f"A likely cause, by the rules: {cause} Seen: {each.evidence.rstrip('.')}."
        for each in symptoms(result, shown(events, result))
        if (cause := _causes().get(each.name))
    }
    found = list(texts.values())[:MOST_CAUSES]
    return {f"H{n}": Claim(text, "fault", alone=True) for n, text in enumerate(found, start=1)}


def recommendations(result: Result, events: Sequence[Event]) -> Mapping[str, Advice]:
    """What may be recommended, by id: first what the rules recommend, then what else is done about what was seen."""
    own = [Advice(*pair) for pair in rules.cited(result, events)]
    seen = symptoms(result, shown(events, result))
    known = {each.what for each in own}
    others = [each for each in _others(result, events, seen) if each.what not in known]
    unique = {each.text: each for each in [*own, *others]}
    return {f"R{n}": each for n, each in enumerate(list(unique.values())[:MOST_ADVICE], start=1)}


def _others(result: Result, events: Sequence[Event], seen: Sequence[Symptom]) -> Iterator[Advice]:
    """The general advice where the fault's own came first, and advice whose numbers are this run's."""
    numbers = _numbers(result, events)
    for each in seen:
        evidence = f"{each.evidence[:1].upper()}{each.evidence[1:].rstrip('.')}."
        if general := advice("any", each.name):
            yield Advice(evidence, general)
        for template in _templates().get(each.name, ()):
            try:
                yield Advice(evidence, template.format_map(numbers))
            except KeyError:
                continue  # it speaks of something that was not measured here


def _numbers(result: Result, events: Sequence[Event]) -> dict[str, str]:
    """What the templates' parameters are in this run; those that were not measured are not in it."""
    load = Record(shown(events, result)).plan.load
    timeout_s, rate = (load.timeout_s, load.rate_per_s) if load else (0.0, 0.0)
    before, memory = result.load.get("baseline"), result.usage.memory_peak_percent
    late = any((each.lateness_p99_s or 0.0) > LATE_S for each in result.load.values())
    p95, p99 = (before.p95, before.p99) if before and not late else (None, None)
    found = {
        "client_timeout": seconds(timeout_s) if timeout_s else None,
        "rate": f"{rate:.3g}/s" if rate else None,
        "p95": seconds(p95) if p95 is not None else None,
        # a deadline between the two needs room between them
        "p99": seconds(p99) if p99 is not None and ROOM * p99 <= timeout_s else None,
        "memory_peak": percent(memory / 100) if memory is not None else None,
    }
    return {name: value for name, value in found.items() if value is not None}


@cache
def _causes() -> Mapping[str, str]:
    found = yaml.safe_load(_FILE.read_text(encoding="utf-8"))["causes"]
    return {name: " ".join(words.split()) for name, words in found.items()}


@cache
def _templates() -> Mapping[str, Sequence[str]]:
    found = yaml.safe_load(_FILE.read_text(encoding="utf-8"))["advice"]
    return {name: [" ".join(words.split()) for words in entries.values()] for name, entries in found.items()}
