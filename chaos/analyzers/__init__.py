"""From numbers to words. An analyzer reads a result and its events and never changes either; adding one is one file and
one name in the registry below. Whoever writes the words, the numbers are measured, and the rules' words come first:
an analyzer that cannot answer leaves them with a note.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal

from chaos.analyzers import rules
from chaos.events import Event
from chaos.measure.result import Analysis, Result
from chaos.settings import Settings

Name = Literal["auto", "groq", "rules"]
AnyAnalyzer = Callable[[Result, Sequence[Event], Settings], Awaitable[Analysis]]


async def _rules(result: Result, events: Sequence[Event], settings: Settings) -> Analysis:
    return rules.analyze(result, events)


async def _groq(result: Result, events: Sequence[Event], settings: Settings) -> Analysis:
    from chaos.analyzers import groq  # only who asks for it pays for reading it

    return await groq.analyze(result, events, settings)


ANALYZERS: Mapping[str, AnyAnalyzer] = {"rules": _rules, "groq": _groq}
"""Name in a manifest -> its function. `auto` is the first that is set up: groq with a key, else rules."""


def chosen(name: str, settings: Settings) -> str:
    """Which analyzer a manifest's word means here."""
    key = settings.groq_api_key
    if name == "auto":
        return "groq" if key is not None and key.get_secret_value().strip() else "rules"
    return name


__all__ = ["ANALYZERS", "AnyAnalyzer", "Name", "chosen"]
