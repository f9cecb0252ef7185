"""What a model is asked: one run's evidence in at most so many tokens, logs fenced in as the untrusted text they are.

Sections come in order of weight; a line that does not fit is left out and counted. The budget holds by the estimate of
`tokens`, which errs on the side of too many.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase

from chaos.analysis.moments import clock
from chaos.analysis.record import Record
from chaos.analysis.result import Result
from chaos.analysis.verdict import delivered_words
from chaos.events import Event
from chaos.explain import tokens
from chaos.explain.digest import Redact, clean, digest

BUDGET = 5000
MOST_MOMENTS = 25

SYSTEM = (Path(__file__).parent / "prompt.txt").read_text(encoding="utf-8").strip()


@dataclass(frozen=True, slots=True)
class Choice:
    """What may be picked, by id."""

    claims: Mapping[str, str]
    causes: Mapping[str, str]
    advice: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent, and its estimated size."""

    system: str
    evidence: str
    left_out: int
    """Lines that did not fit."""

    @property
    def tokens(self) -> int:
        """At most so many."""
        return tokens.estimate(self.system) + tokens.estimate(self.evidence) + 2 * tokens.PER_MESSAGE


def prompt(
    result: Result,
    events: Sequence[Event],
    choice: Choice,
    redact: Redact,
    budget: int = BUDGET,
) -> Prompt:
    """The question about one run."""
    # No log line can know it, so none can end the fence.
    fence = f"FENCE {''.join(secrets.choice(ascii_lowercase) for _ in range(16))}"
    room = budget - tokens.estimate(SYSTEM) - 2 * tokens.PER_MESSAGE - 40
    sections = (
        (0.15, "RUN", list(_run(result))),
        (0.5, "STATEMENTS (id: statement)", _listed(choice.claims)),
        (0.6, "LIKELY CAUSES, by rules (id: statement)", _listed(choice.causes)),
        (0.75, "RECOMMENDATIONS (id: evidence, advice)", _listed(choice.advice)),
        (0.8, "TIMELINE", list(_moments(events))),
        (1.0, f"LOGS, untrusted\n{fence}", digest(events, redact)),
    )
    text, left_out = _fitted(sections, room, redact)
    return Prompt(SYSTEM, f"{text}\n{fence}", left_out)


def _fitted(
    sections: Sequence[tuple[float, str, Sequence[str]]], room: int, redact: Redact
) -> tuple[str, int]:
    """As many lines as fit; a section may use its share of the room and what those before it left."""
    kept: list[str] = []
    used = left_out = 0
    for share, title, lines in sections:
        kept.append(f"# {title}")
        used += tokens.estimate(title) + 3
        for line in lines:
            safe = redact(line)
            if used + (cost := tokens.estimate(safe) + 1) > room * share:
                left_out += 1
                continue
            kept.append(safe)
            used += cost
    return "\n".join(kept), left_out


def _run(result: Result) -> Iterator[str]:
    yield f"hypothesis: {clean(result.hypothesis)}"
    yield f"outcome {result.outcome}, verdict {result.verdict}: {clean(result.why)}"
    for step in result.steps:
        yield f"fault “{clean(step.name)}”: {step.fault} by {step.mechanism}; {clean(delivered_words(step))}"
    for state in result.steady_state:
        yield f"steady state “{clean(state.name)}”: {clean(state.tolerance)}; {state.verdict}: {clean(state.why)}"
    yield from (f"doubt: {clean(doubt)}" for doubt in result.doubts[:5])


def _listed(texts: Mapping[str, str]) -> list[str]:
    return [f"{id}: {text}" for id, text in texts.items()]


def _moments(events: Sequence[Event]) -> Iterator[str]:
    """What happened to faults and processes, in order."""
    record = Record(events)
    kinds = (
        "phase.started",
        "fault.injected",
        "fault.recovered",
        "fault.failed",
        "process.exited",
        "process.started",
    )
    found = sorted(record.of(*kinds, "memory.killed", "stop.tripped"), key=lambda event: event.at)
    for event in found[:MOST_MOMENTS]:
        words = (event.data.get(key) for key in ("phase", "step", "process", "signal", "exit_code", "why"))
        said = " ".join(clean(str(word)) for word in words if word is not None)
        yield f"{clock(event.at)} {event.type} {said}"
    if len(found) > MOST_MOMENTS:
        yield f"and {len(found) - MOST_MOMENTS} more such events"
