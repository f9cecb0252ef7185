"""From a journal to numbers and a verdict: pure functions of recorded events, repeatable offline at any time.

`judge(events)` is the one way in; `series(events)` gives the same run as plain data for charts. Which rule
decides what is written down in docs/verdicts.md.
"""

from chaos.analysis.judge import judge
from chaos.analysis.result import Result
from chaos.analysis.series import ChartSeries, series

__all__ = ["ChartSeries", "Result", "judge", "series"]
