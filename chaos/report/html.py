"""HTML report of one run: one page without network, scripts or other files."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Template
from markupsafe import Markup

from chaos.analysis.chart import ChartSeries
from chaos.analysis.result import Result
from chaos.report import elsewhere, phrases, scale, sheet, svg, trials
from chaos.report.facts import facts
from chaos.report.fidelity import fidelity
from chaos.run_spec.model import RunSpec


def render(
    result: Result, series: ChartSeries, started: Mapping[str, Any] | None = None, *, embed: bool = False
) -> str:
    """The page. `started` is `run.started.data`, which knows what was run; without it that part says less. Pure.

    With `embed` it frames the dashboard in Grafana: the one thing in it that needs a network.
    """
    known = started or {}
    return _template().render(
        result=result,
        page=_stylesheet(),
        started_at=phrases.moment(result.started_at),
        outcome=phrases.outcome(result.outcome),
        mark=sheet.MARKS[result.verdict.value],
        symbols=sheet.SYMBOLS,
        tones=sheet.TONES,
        doubts=phrases.doubts(result),
        numbers=phrases.key_numbers(result),
        shown_one=trials.shown_one(result),
        charts=[Markup(chart) for chart in svg.timeline(series, RunSpec.of_journal(known.get("plan")))],
        windows=series.faults,
        log=phrases.log_lines(result),
        log_counts=phrases.log_counts(result),
        wrote=phrases.wrote(result.analysis) if result.analysis else "",
        told=phrases.told(result.analysis) if result.analysis else [],
        facts=facts(result, known),
        dashboard=elsewhere.link(result),
        frame=elsewhere.frame(result, embed=embed),
        undelivered=elsewhere.undelivered(result),
    )


def prepare() -> None:
    """Compile the page's template, so that the first page is not late."""
    _template()


@lru_cache(maxsize=1)
def _template() -> Template:
    return sheet.template(
        "report.html.j2",
        {
            "count": scale.count,
            "fidelity": fidelity,
            "lasted": phrases.lasted,
            "manner": phrases.manner,
            "normal": phrases.normal,
            "recovery": phrases.recovery,
            "number_rows": trials.number_rows,
            "sentence": phrases.sentence,
            "state_rows": trials.state_rows,
            "trial_name": trials.name,
            "trials_title": trials.title,
        },
    )


@lru_cache(maxsize=1)
def _stylesheet() -> Markup:
    return sheet.stylesheet()
