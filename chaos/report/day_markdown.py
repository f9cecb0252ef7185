"""Markdown of a game day, for its artifact in Prefect and the text of its dashboard."""

from chaos.game_days.learnt import DayAdvice, DayReport, DayRun
from chaos.report import day_words
from chaos.report.day_timeline import draw_day
from chaos.report.markdown import Row, bullets, line, reasons, section, table
from chaos.report.sheet import SYMBOLS
from chaos.report.svg import chart_data_uri
from chaos.verdict import Verdict


def markdown(day: DayReport) -> str:
    """Verdict and why, score, the day as a picture, what deviated, what to do, every run. Pure."""
    drawing = draw_day(day)
    bad = [run for run in day.runs if run.verdict is not Verdict.HELD]
    parts = [
        f"# {line(day.game_day)}: {day.verdict}",
        f"> {line(day.purpose)}" if day.purpose else "",
        summary(day),
        f"![The day: a row an experiment, when its fault acted]({chart_data_uri(drawing)})"
        if drawing
        else "",
        section("What did not hold, and why", reasons((run.experiment, run.why) for run in bad)),
        section("What to do", "\n".join(_advice(each) for each in day.recommendations)),
        section("Verdicts", table([_row(run) for run in day.runs]), _decisions(day), _not_run(day)),
        section("Beside the last day", _previous(day)),
        section("People and notes", line(", ".join(day.participants)), line(day.notes)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def summary(day: DayReport) -> str:
    """Verdict, score and numbers."""
    numbers = "\n".join(
        f"- {each.name}: **{line(each.value)}** {line(each.beside)}" for each in day_words.key_numbers(day)
    )
    ended = f"{day_words.ended(day)} · run {line(day.run_id)}"
    parts = (f"**{line(day.why)}**", line(day.ended_because), ended, numbers)
    return "\n\n".join(part for part in parts if part)


def _advice(advice: DayAdvice) -> str:
    return f"1. {line(advice.what)} ({advice.severity}; {line(', '.join(advice.experiments))})"


def _row(run: DayRun) -> Row:
    verdict = day_words.verdict(run)
    return {
        "stage": run.stage,
        "experiment": f"↳ {run.experiment}" if run.follow_up_of else run.experiment,
        "verdict": f"{SYMBOLS.get(verdict, '?')} {verdict}",
        "steady states held": day_words.states(run),
        "recovered in": day_words.recovery(run),
        "began (UTC)": day_words.clock(run.started_at),
        "lasted": day_words.lasted(run),
    }


def _decisions(day: DayReport) -> str:
    return bullets(
        f"After “{stage.name}”: {day_words.decided(decision)}"
        for stage in day.stages
        for decision in stage.decisions
    )


def _not_run(day: DayReport) -> str:
    return f"Planned, and not run: {line(', '.join(day.not_run))}" if day.not_run else ""


def _previous(day: DayReport) -> str:
    if day.previous is None:
        return ""
    rows = [
        (row.experiment, "; ".join((day_words.moved(row), *row.changes))) for row in day.previous.experiments
    ]
    return "\n\n".join(part for part in (line(day.previous.told), reasons(rows)) if part)
