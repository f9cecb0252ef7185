"""Report of one game day: one HTML page without network or scripts, beside the runs' own pages."""

from functools import lru_cache

from jinja2 import Template
from markupsafe import Markup

from chaos.analysis.moments import number
from chaos.game_days.learnt import DayReport
from chaos.report import day_words, elsewhere, phrases, sheet
from chaos.report.day_timeline import draw_day
from chaos.verdict import Verdict

EVIDENT = 6
"""Recommendations that are shown with the evidence of every run."""


def render(day: DayReport) -> str:
    """The page. Pure."""
    return _template().render(
        day=day,
        page=_stylesheet(),
        mark=sheet.MARKS[day.verdict.value],
        symbols=sheet.SYMBOLS,
        tones=sheet.TONES,
        ended=day_words.ended(day),
        times=day_words.times(day),
        numbers=day_words.key_numbers(day),
        drawing=Markup(draw_day(day)),
        evident=EVIDENT,
        worth=[run for run in day.runs if run.verdict is not Verdict.HELD],
        stages=day_words.stages(day),
        dashboard=elsewhere.link(day),
        undelivered=elsewhere.undelivered(day),
        prefect=elsewhere.openable(day.links.prefect),
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    return sheet.template(
        "day.html.j2",
        {
            "clock": day_words.clock,
            "decided": day_words.decided,
            "gate": day_words.gate,
            "lasted": day_words.lasted,
            "moved": day_words.moved,
            "number": number,
            "openable": elsewhere.openable,
            "outcome": day_words.outcome,
            "recovery": day_words.recovery,
            "sentence": phrases.sentence,
            "states": day_words.states,
            "verdict": day_words.verdict,
        },
    )


@lru_cache(maxsize=1)
def _stylesheet() -> Markup:
    return sheet.stylesheet("day")
