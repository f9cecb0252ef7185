"""Console output of a run: a line for each event, and on a terminal a moving one of the numbers."""

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from chaos.events import Event
from chaos.report.terminal import raw
from chaos.statistics.latencies import DEFAULT_TIMEOUT_S, Request, percentile, population, request_of
from chaos.text.inert import inert
from chaos.units import amounts

if TYPE_CHECKING:
    from chaos.analysis.result import Analysis, Result
    from chaos.analysis.trials_result import TrialsResult

_REDRAW_EVERY_S = 0.1
_RECENT_S = 1.0
_OF_P95 = 20
"""Of fewer the 95th percentile is merely the slowest."""
_CLEAR = "\r\x1b[2K"

Log = Callable[[Mapping[str, Any]], str | None]


def _opened(data: Mapping[str, Any]) -> str:
    said = f"sandbox {data['ref']['id']} open after {data['took_s'] * 1000:.0f} ms"
    if why := data.get("unrecorded"):
        said += f"; it cannot be written down ({why}): if this process is killed, only its lease ends it"
    return said


def _fault_injected(data: Mapping[str, Any]) -> str:
    asked = amounts(data["asked"])
    return f"fault injected: {data['fault']}{f' ({asked})' if asked else ''} by {data['mechanism']}, {data['kind']}"


def _exited(data: Mapping[str, Any]) -> str:
    how = data["signal"] or f"exit code {data['exit_code']}"
    again = data["restart_in_s"]
    return f"process {data['process']} ended ({how}); " + (
        f"starts again in {again:g} s" if again else "not restarted"
    )


def _left(data: Mapping[str, Any]) -> str:
    what = f"process {data['process']} left {', '.join(data['names'])} behind ({data['processes']} in all)"
    if data["kept"]:
        return f"{what}, kept as asked"
    return f"{what}, ended with it" if not data["alive"] else f"{what}: {data['alive']} could not be ended"


def _baseline(data: Mapping[str, Any]) -> str:
    return "baseline steady" if data["steady"] else f"baseline NOT steady, nothing is injected: {data['why']}"


def _trial(data: Mapping[str, Any]) -> str | None:
    plan = data["plan"]
    series = plan.get("series") or {"trials": 1, "control": False}
    if series == {"trials": 1, "control": False}:
        return None
    what = "control, no fault is injected" if plan["control"] else "trial"
    most = "at most " if series.get("until") else ""
    return f"{plan['trial']} of {most}{series['trials']}: {what}"


_LINES: Mapping[str, Log] = {
    "run.started": _trial,
    "sandbox.opened": _opened,
    "target.ready": lambda data: f"app ready after {data['took_s']:.2f} s",
    "target.failed": lambda data: f"app failed: {data['why']}",
    "phase.started": lambda data: f"{data['phase']} begins",
    "baseline.judged": _baseline,
    "fault.injected": _fault_injected,
    "fault.withheld": lambda data: f"fault withheld: {data['lasts_s']:g} s pass without it",
    "fault.recovered": lambda data: f"fault ended: {data['fault']} ({data['because']})",
    "fault.failed": lambda data: f"fault failed to {data['stage']}: {data['why']}",
    "process.exited": _exited,
    "process.left": _left,
    "process.failed": lambda data: f"process {data['process']} cannot be started again: {data['why']}",
    "memory.killed": lambda data: (
        f"out of memory: {data['processes']} process(es) killed by the {data['by']}"
    ),
    "journal.limited": lambda data: (
        f"the journal has no room left for {data['what']}: {data['left_out']} left out"
    ),
    "stop.tripped": lambda data: f"stop condition: {data['why']}",
    "stop.requested": lambda data: f"stopping: {data['why']}",
    "controller.lost": lambda data: f"controller lost: {data['why']}",
}


def words(event: Event) -> str | None:
    """What a person should be told of this event; None for the many that only count."""
    log = _LINES.get(event.type)
    return log(event.data) if log else None


class TerminalProgress:
    """Shows events as they arrive. Plain lines when `stream` is not a terminal."""

    def __init__(self, name: str, declared_s: float, stream: TextIO | None = None) -> None:
        self._name = name
        self._declared_s = declared_s
        self._stream = raw(stream or sys.stdout)
        self._moving = self._stream.isatty()
        self._drawn = 0.0
        self._began: float | None = None
        self._recent: deque[Request] = deque()
        self._usage: Mapping[str, Any] = {}
        self._phase = "opening"

    def __enter__(self) -> Self:
        self.line(f"{self._name}: {self._declared_s:g} s of phases")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._moving:
            self._show(_CLEAR)

    def line(self, text: str) -> None:
        """One thing that happened."""
        since = f"{time.time() - self._began:7.2f} s" if self._began else "         "
        self.write(f"{since}  {text}")

    def write(self, line: str) -> None:
        """One line as it is."""
        self._show(f"{_CLEAR if self._moving else ''}{inert(line)}\n")

    def _show(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:  # the reader or the terminal has gone; nobody to tell, and no reason to end the run
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __call__(self, event: Event) -> None:
        """Take one event of the run."""
        if event.type == "run.started":
            self._began = None
        if event.type == "phase.started":
            self._began = self._began or event.at
            self._phase = event.data["phase"]
        elif event.type == "load.sampled":
            self._recent.append(request_of(event.at, event.data, DEFAULT_TIMEOUT_S))
        elif event.type == "usage.sampled":
            self._usage = event.data
        if text := words(event):
            self.line(text)
        if self._moving and time.monotonic() - self._drawn > _REDRAW_EVERY_S:
            self._drawn = time.monotonic()
            self._show(_CLEAR + inert(self._numbers(event.at)).replace("\n", " "))

    def _numbers(self, now: float) -> str:
        while self._recent and self._recent[0].at < now - _RECENT_S:
            self._recent.popleft()
        parts = [self._phase]
        if self._began:
            parts.append(f"{max(0.0, now - self._began):.1f}/{self._declared_s:g} s")
        if self._recent:
            bad = sum(each.failure is not None for each in self._recent)
            parts += [f"{len(self._recent) / _RECENT_S:.0f}/s", _latency(list(self._recent))]
            parts.append(f"{bad:,} of {len(self._recent):,} failed")
        if self._usage:
            parts.append(
                f"cpu {self._usage['cpu_percent']:.0f} %  memory {self._usage['memory_percent']:.0f} %"
            )
        return "           " + " · ".join(parts)


def _latency(recent: Sequence[Request]) -> str:
    """p95 of enough requests to have one, of fewer their median; and of how many."""
    share, name = (0.95, "p95") if len(population(recent, 0.95)) >= _OF_P95 else (0.5, "median")
    found = population(recent, share)
    value_s = percentile(found, share)
    return "no answer" if value_s is None else f"{name} {1000 * value_s:.0f} ms of {len(found)}"


def closing_lines(result: "Result", folder: Path) -> Iterator[str]:
    """What a person reads last: the verdict and why, what was asked and delivered, each steady state, where to look."""
    from chaos.report import elsewhere

    yield f"{result.verdict.upper()}  {result.experiment}: {result.why}"
    if result.trials:
        yield from _trials(result.trials)
    for step in result.steps:
        landed = "landed" if step.landed else "NOT landed"
        parts = [
            part for part in (amounts(step.asked), f"{landed}: {step.why}" if step.why else landed) if part
        ]
        yield f"  fault   {step.name}: {'; '.join(parts)}"
        if step.met:
            yield f"          met: {step.met.why}"
    for state in result.steady_state:
        yield f"  steady  {state.name}: {state.verdict}: {state.why}"
    if result.analysis:
        yield from _said(result.analysis)
    if result.sandbox.id and not result.sandbox.destroyed:
        yield f"  sandbox {result.sandbox.id} is still there; remove it: chaoslab gc"
    if (report := folder / "report.html").exists():  # what could not be drawn is nothing to look at
        yield f"  report  {report}"
    yield from elsewhere.lines(result)


def _said(analysis: "Analysis") -> Iterator[str]:
    yield f"  said    {analysis.severity}: {analysis.summary}"
    for advice in analysis.recommendations:
        yield f"  advice  {advice}"
    if analysis.written:
        from chaos.report.phrases import wrote

        yield f"  words   {wrote(analysis)}"
    elif analysis.note:
        yield f"  note    {analysis.note}"


def _trials(found: "TrialsResult") -> Iterator[str]:
    from chaos.report import trials

    for each in found.segments:
        yield f"  {trials.name(each).lower():<9} {each.verdict}: {each.why}"
    for row in trials.number_rows(found):
        beside = f"; beside its control {row.difference} ({row.difference_interval})"
        yield f"  over    {row.name}: {row.trials} ({row.interval}){beside if row.difference_interval else ''}"
    yield f"  shown   {trials.name(found.segments[found.shown]).lower()}:"
