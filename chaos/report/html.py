"""The report of one run: one HTML page that needs no network, no script and nothing beside it."""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from chaos.measure.result import Result
from chaos.measure.series import Series
from chaos.report import elsewhere, phrases, scale, svg, trials
from chaos.report.facts import facts
from chaos.report.fidelity import fidelity
from chaos.report.plain import plain

MARKS = {
    "held": "M12 20.5l5.5 5.5L28.5 14.5",
    "deviated": "M13.5 13.5l13 13M26.5 13.5l-13 13",
    "inconclusive": "M12 20h16",
}
"""The shape in the verdict's circle: a check, a cross, a dash; read without colour."""
SYMBOLS = {"held": "✓", "deviated": "✗", "inconclusive": "–"}
TONES = {"low": "held", "medium": "inconclusive", "high": "deviated", "critical": "deviated"}


def render(
    result: Result, series: Series, started: Mapping[str, Any] | None = None, *, embed: bool = False
) -> str:
    """The page. `started` is `run.started.data`, which knows what was run; without it that part says less. Pure.

    With `embed` it frames the dashboard in Grafana: the one thing in it that needs a network.
    """
    known = started or {}
    return _template().render(
        result=result,
        page=Markup(_stylesheet()),
        started_at=phrases.moment(result.started_at),
        outcome=phrases.outcome(result.outcome),
        mark=MARKS[result.verdict.value],
        symbols=SYMBOLS,
        tones=TONES,
        doubts=phrases.doubts(result),
        numbers=phrases.key_numbers(result),
        shown_one=trials.shown_one(result),
        charts=[Markup(chart) for chart in svg.timeline(series, known.get("plan") or {})],
        windows=series.faults,
        log=phrases.log_lines(result),
        wrote=phrases.wrote(result.analysis) if result.analysis else "",
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
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_shown, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
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
    }
    return environment.from_string(files("chaos.report").joinpath("report.html.j2").read_text("utf-8"))


@lru_cache(maxsize=1)
def _stylesheet() -> str:
    light, dark, chart, page = (_css(name) for name in ("light", "dark", "chart", "report"))
    # Paper is light: dark colours are for screens only, so printing needs no second palette.
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n{chart}\n{page}"


def _css(name: str) -> str:
    return files("chaos.report").joinpath(f"page/{name}.css").read_text("utf-8")


def _shown(value: Any) -> Any:
    """Every expression of the template passes here before it is escaped."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value
