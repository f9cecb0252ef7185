"""The dashboard of a game day: all its runs over its time. The next day of that name has the same address."""

import re
from typing import Any

from chaos.game_days.learnt import DayReport
from chaos.publish.dashboards.context import address, around, uid
from chaos.publish.dashboards.render import TEMPLATES, rendered


def game_day(day: DayReport, words: str, *, has_load: bool) -> dict[str, Any]:
    """Its JSON. `words` (Markdown) say what it came to; `has_load`: whether any of its runs sends requests. Pure."""
    return rendered(TEMPLATES / "game_day.json.j2", _context(day, words, has_load))


def _context(day: DayReport, words: str, has_load: bool) -> dict[str, Any]:
    start, end = around(day.started_at.timestamp(), day.until.timestamp())
    return {
        "uid": uid(f"day_{day.game_day}"),  # no experiment is called that: names have no underscore
        "game_day": day.game_day,
        "purpose": day.purpose,
        "words": words,
        "runs": _any_of([run.run_id for run in day.runs if run.run_id]),
        "time_from": start,
        "time_to": end,
        "report_url": address(day.links.report),
        "prefect_url": address(day.links.prefect),
        "has_load": has_load,
        "has_probes": any(run.steady_states for run in day.runs),
        "has_recovery": any(run.recovery_s is not None for run in day.runs),
    }


def _any_of(run_ids: list[str]) -> str:
    """A regular expression of these and nothing else; `-` needs no escape outside of brackets."""
    return "|".join(re.escape(each).replace(r"\-", "-") for each in run_ids) or "none"
