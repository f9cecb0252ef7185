"""Recommendations of a game day: those of all its runs, each once, the most severe first.

First by the severity of the worst run that gives it, then by how many experiments give it, then in the order of the
day. What the rules say is one when its advice is one, whatever the evidence; what a model says, when most words are.
"""

import re
from collections.abc import Iterable, Sequence
from typing import get_args

from chaos.analysis.result import Result, Severity
from chaos.explain.knowledge import everything
from chaos.game_days.learnt import DayAdvice, Evidence

ALIKE = 0.6
"""Share of two sentences' longer words that both have, from which on they say the same."""
_SEVERITIES: Sequence[Severity] = get_args(Severity)
"""From low to critical."""
_WORD = re.compile(r"\w{4,}")


def merged(results: Iterable[Result]) -> tuple[DayAdvice, ...]:
    """The recommendations of these runs, merged and ranked."""
    found: list[DayAdvice] = []
    for result in results:
        if result.analysis:
            for text in result.analysis.recommendations:
                _take(found, _advice(result.experiment, result.analysis.severity, text))
    return tuple(sorted(found, key=lambda each: (-_SEVERITIES.index(each.severity), -len(each.experiments))))


def _take(found: list[DayAdvice], said: DayAdvice) -> None:
    for index, each in enumerate(found):
        if _alike(each.what, said.what):
            worse = max(each.severity, said.severity, key=_SEVERITIES.index)
            found[index] = each.model_copy(update={"severity": worse, "seen": (*each.seen, *said.seen)})
            return
    found.append(said)


def _advice(experiment: str, severity: Severity, text: str) -> DayAdvice:
    """Of the rules with its evidence apart: they write one behind the other, and their advice is known by heart."""
    known = max((each for each in everything() if text.endswith(each)), key=len, default="")
    words = text.removesuffix(known).strip() if known else ""
    return DayAdvice(
        what=known or text, severity=severity, seen=(Evidence(experiment=experiment, words=words),)
    )


def _alike(one: str, other: str) -> bool:
    if one == other or (one in everything() and other in everything()):
        return one == other
    here, there = (set(_WORD.findall(text.casefold())) for text in (one, other))
    return bool(here) and len(here & there) >= ALIKE * len(here | there)
