"""From numbers to words. An analyzer reads a result and its events and never changes either; adding one is one file and
one name in the registry below. Whoever writes the words, the numbers are measured, and the rules' words come first:
an analyzer that cannot answer leaves them with a note.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal

from chaos.analysis.result import Analysis, Result
from chaos.events import Event
from chaos.explain import rules
from chaos.settings import Settings

Name = Literal["auto", "groq", "llm", "rules"]
AnyAnalyzer = Callable[[Result, Sequence[Event], Settings], Awaitable[Analysis]]


async def _rules(result: Result, events: Sequence[Event], settings: Settings) -> Analysis:
    return rules.analyze(result, events)


async def _groq(result: Result, events: Sequence[Event], settings: Settings) -> Analysis:
    from chaos.explain import model  # only who asks for it pays for reading it

    return await model.analyze(result, events, settings)


async def _llm(result: Result, events: Sequence[Event], settings: Settings) -> Analysis:
    from chaos.explain import model

    return await model.analyze(result, events, settings, "llm")


ANALYZERS: Mapping[str, AnyAnalyzer] = {"rules": _rules, "groq": _groq, "llm": _llm}
"""Name in a manifest -> its function. `auto`: groq with a key, else llm with an address, else rules."""


def chosen(name: str, settings: Settings) -> str:
    """Which analyzer a manifest's word means here."""
    if name != "auto":
        return name
    key = settings.groq_api_key
    if key is not None and key.get_secret_value().strip():
        return "groq"
    return "llm" if settings.llm_base_url else "rules"


__all__ = ["ANALYZERS", "AnyAnalyzer", "Name", "chosen"]
