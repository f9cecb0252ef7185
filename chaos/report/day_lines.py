"""Final lines of a game day: verdict, score, experiments, decisions, advice, links."""

from collections.abc import Iterator
from pathlib import Path

from chaos.game_days.learnt import DayReport, DayRun
from chaos.report import day_words, elsewhere, sheet

MOST_ADVICE = 5
"""The report has them all."""


def closing_lines(day: DayReport, folder: Path) -> Iterator[str]:
    """As `chaos.report.console.closing_lines` of a run."""
    yield f"{day.verdict.upper()}  {day.game_day}: {day.why}"
    yield f"  ended   {day_words.ended(day)}{f': {day.ended_because}' if day.ended_because else ''}"
    yield f"  score   {_score(day)}"
    if day.previous:
        yield f"  before  {day.previous.told}"
    for stage in day_words.stages(day):
        for run in stage.runs:
            yield f"  {sheet.SYMBOLS.get(day_words.verdict(run), '?')} {_run(run)}"
        for decision in stage.decisions:
            yield f"  after   {stage.name}: {day_words.decided(decision)}"
    if day.not_run:
        yield f"  not run {', '.join(day.not_run)}"
    for advice in day.recommendations[:MOST_ADVICE]:
        yield f"  advice  {advice.severity}: {advice.what} ({', '.join(advice.experiments)})"
    if (report := folder / "report.html").exists():
        yield f"  report  {report}"
    yield from elsewhere.lines(day)


def _score(day: DayReport) -> str:
    best = f", at most {day.score.at_most} had the rest held" if day.score.at_most > day.score.value else ""
    return f"{day.score.value} of 100, {day_words.share(day.score.coverage)} proven{best}"


def _run(run: DayRun) -> str:
    called = f"↳ {run.experiment}" if run.follow_up_of else run.experiment
    return f"{called}: {day_words.outcome(run) or day_words.verdict(run)}: {run.why}"
