"""From numbers to words. An analyzer reads a result and its events and never changes either; adding one is one file and
one name in the registry below. Whoever writes the words, the numbers are measured.
"""

from collections.abc import Callable, Mapping, Sequence

from chaos.analyzers import rules
from chaos.events import Event
from chaos.measure.result import Analysis, Result

AnyAnalyzer = Callable[[Result, Sequence[Event]], Analysis]

ANALYZERS: Mapping[str, AnyAnalyzer] = {"rules": rules.analyze}
"""Name in a manifest -> its function."""

__all__ = ["ANALYZERS", "AnyAnalyzer"]
