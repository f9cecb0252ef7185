"""From a journal to numbers and a verdict: pure functions of recorded events, repeatable offline at any time.

`judge(events)` is the one way in; `series(events)` gives the same run as plain data for charts. Which rule
decides is written down in docs/verdicts.md. Each is read when it is asked for: a plan needs only what it foresees.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaos.analysis.chart import ChartSeries as ChartSeries
    from chaos.analysis.chart import series as series
    from chaos.analysis.judgement import judge as judge
    from chaos.analysis.result import Result as Result

_WHERE = {"ChartSeries": "chart", "Result": "result", "judge": "judgement", "series": "chart"}


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module 'chaos.analysis' has no attribute '{name}'")
    found = getattr(import_module(f"chaos.analysis.{_WHERE[name]}"), name)
    globals()[name] = found
    return found
