"""Phrases of a report: the numbers of a result as words and rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from chaos.analysis.fidelity import HELD
from chaos.analysis.moments import seconds
from chaos.analysis.result import Analysis, LoadSummary, LogCount, Result, SteadyStateResult, StepResult
from chaos.report import scale
from chaos.report.plain import plain
from chaos.verdict import Outcome

NOTHING = "–"
NEVER = "not by the end"
"""Of a recovery: it may have been good for a moment, but not to the end of the run, which may have come too early."""
UNSEEN = "too short to tell"
"""Nothing was bad after the fault, for less time than it takes to call that stable."""
LOG_LINES = 200
"""Lines of the log that a page shows."""

_OUTCOMES = {
    Outcome.COMPLETED: "The run completed",
    Outcome.ABORTED: "The run was aborted",
    Outcome.NOT_INJECTED: "No fault was injected",
    Outcome.CRASHED: "The run crashed",
}


@dataclass(frozen=True)
class KeyNumber:
    """One key number: its name, its value with its unit, and what to compare it with."""

    name: str
    value: str
    beside: str


@dataclass(frozen=True)
class LogRow:
    """One line of the log, `when` in seconds since the timeline's start."""

    when: str
    process: str
    stream: str
    text: str


def moment(at: str) -> str:
    """`2026-11-22T18:03:11.042Z` as `22 November 2026, 18:03:11 UTC`; what is no moment stays as it is."""
    seconds = _unix(at)
    return at if seconds is None else f"{datetime.fromisoformat(at):%-d %B %Y, %H:%M:%S} UTC"


def met(step: StepResult) -> str:
    """How often the app met the fault, in a few words."""
    if step.met is None or step.met.count is None:
        return NOTHING if step.met is None else "not measurable"
    of = "" if step.met.of is None else f" of {step.met.of:,}"
    return f"{step.met.count:,}{of}" if step.met.count else f"never{of and f' (0{of})'}"


def outcome(value: Outcome) -> str:
    """How the run ended."""
    return _OUTCOMES[value]


def key_numbers(result: Result) -> list[KeyNumber]:
    """What a reader looks for first; nothing that was not measured."""
    return [*_recovery_number(result), *_load_numbers(result), *_usage_numbers(result)]


def _recovery_number(result: Result) -> Iterable[KeyNumber]:
    lost = next((state for state in result.steady_state if recovery(state) == NEVER), None)
    judged = [state for state in result.steady_state if state.recovery_time_seconds is not None]
    if lost:
        yield KeyNumber("Recovered", NEVER, plain(lost.name, 40))
    if lost or not judged:
        return
    slowest = max(judged, key=lambda state: state.recovery_time_seconds or 0.0)
    took, resolution = slowest.recovery_time_seconds or 0.0, slowest.resolution_seconds
    known = f"±{scale.NBSP}{_rounded(resolution)}, " if took and resolution else ""
    yield KeyNumber(
        "Recovered in", scale.seconds(took) if took else "at once", plain(known + slowest.name, 40)
    )


def _load_numbers(result: Result) -> Iterable[KeyNumber]:
    fault, baseline = result.load.get("fault"), result.load.get("baseline")
    if fault and fault.p95 is not None:
        yield KeyNumber("p95 under fault", scale.seconds(fault.p95), _around(fault, baseline))
    elif fault and fault.sent and fault.p50 is None:
        yield KeyNumber("p95 under fault", "none", "nothing but failures")
    sent = sum(summary.sent for summary in result.load.values())
    if sent:
        errors = sum(summary.errors for summary in result.load.values())
        yield KeyNumber(
            "Failed requests", scale.count(errors), f"of {scale.count(sent)}, {scale.share(errors / sent)}"
        )


def _around(fault: LoadSummary, baseline: LoadSummary | None) -> str:
    """Of how many answers and timeouts, and between which two of them the true one is with 95 %."""
    timeouts = fault.errors if fault.timeouts is None else fault.timeouts
    known = f"of {scale.count(fault.sent - fault.errors + timeouts)}"
    if fault.p95_low is not None and fault.p95_high is not None:
        known += f", {scale.seconds(fault.p95_low)} to {scale.seconds(fault.p95_high)} (95{scale.NBSP}%)"
    before = f"; baseline {scale.seconds(baseline.p95)}" if baseline and baseline.p95 is not None else ""
    return known + before


def _usage_numbers(result: Result) -> Iterable[KeyNumber]:
    usage = result.usage
    if usage.cpu_peak_percent is not None:
        yield KeyNumber("CPU peak", scale.share(usage.cpu_peak_percent / 100), "of one core")
    if usage.memory_peak_percent is not None:
        beside = scale.size(usage.memory_peak_bytes) if usage.memory_peak_bytes is not None else ""
        yield KeyNumber("Memory peak", scale.share(usage.memory_peak_percent / 100), beside)


def wrote(analysis: Analysis) -> str:
    """Who wrote which words, at what cost, and what a reader should know of that."""
    about = [analysis.model] if analysis.model else []
    if analysis.tokens:
        about.append(f"{analysis.tokens.prompt + analysis.tokens.completion:,} tokens")
    if analysis.cost_usd is not None:
        about.append(f"about ${analysis.cost_usd:.4f}")
    if analysis.model and analysis.seconds is not None:
        about.append(seconds(analysis.seconds))
    with_what = f" ({', '.join(about)})" if about else ""
    if (written := analysis.written) is None:
        said = [f"the words are by “{analysis.analyzer}”{with_what}"]
    else:
        own = "; ".join(f"“{each}”" for each in written.by_model)
        what = f"its own words are {own}" if own else "none of them are its own words"
        chose = f"a model by “{analysis.analyzer}”{with_what} chose and ordered {written.chosen} sentences of ours"
        said = [
            f"{chose}, and {what}; recommendations are ours, {written.advice_chosen} of them chosen by it"
        ]
    if dropped := analysis.sentences_dropped:
        kinds = f" ({', '.join(f'{k} {n}' for k, n in written.dropped.items())})" if written else ""
        said.append(f"{dropped} of its sentences and choices were dropped as not verified{kinds}")
    return "; ".join([*said, *([analysis.note] if analysis.note else [])])


def told(analysis: Analysis) -> list[tuple[str, bool]]:
    """The summary in parts, and of each whether a model wrote it."""
    parts: list[tuple[str, bool]] = []
    rest = analysis.summary
    for own in analysis.written.by_model if analysis.written else ():
        before, found, after = rest.partition(own)
        if found:
            parts += [(before, False), (own, True)]
            rest = after
    return [(text, own) for text, own in [*parts, (rest, False)] if text]


def doubts(result: Result) -> list[str]:
    """What else keeps the run from proving something, beyond the reason already given."""
    return [doubt for doubt in result.doubts if doubt.rstrip(".") not in result.why]


def sentence(text: str) -> str:
    """A clause as a sentence of its own."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) or not text else ".")


def recovery(state: SteadyStateResult) -> str:
    """How long it took to be good again, with the resolution of that number."""
    took = state.recovery_time_seconds
    if took is None:
        return NEVER if state.recovery_bad else UNSEEN if state.fault_bad else NOTHING
    if not took:
        return "at once"
    resolution = state.resolution_seconds
    return scale.seconds(took) + (f" ±{scale.NBSP}{_rounded(resolution)}" if resolution else "")


def _rounded(resolution_s: float) -> str:
    """Two digits at most: a resolution has no more."""
    return scale.seconds(float(f"{resolution_s:.2g}"))


def normal(state: SteadyStateResult) -> str:
    """What this steady state asks for."""
    parts = [f"{state.probe}: {state.tolerance}", state.holds]
    if state.recover_within_s is not None:
        parts.append(f"recovers within {scale.seconds(state.recover_within_s)}")
    if state.budget:
        parts.append(f"{scale.share(state.budget)} may be out{_used(state)}")
    if state.noticed_share is not None:
        parts.append(f"{scale.share(state.noticed_share)} bad or more would be noticed")
    return " · ".join(parts)


def _used(state: SteadyStateResult) -> str:
    """How much of it was; of a metric of requests the budget is time, which is not counted."""
    of_requests = any(each.what == "requests" for each in state.tested)
    return "" if of_requests or state.bad_share is None else f", {scale.share(state.bad_share)} used"


def manner(step: StepResult) -> str:
    """Which fault, by which mechanism, real or emulated."""
    return " · ".join(part for part in (step.fault, step.mechanism, step.kind) if part)


def lasted(step: StepResult) -> str:
    """When the fault was in place and why it ended."""
    if step.injected_at is None:
        return f"It was to be held for {scale.seconds(step.hold_s)}."
    held = (
        ""
        if step.held_s is None
        else f", held for {scale.seconds(step.held_s)} of {scale.seconds(step.hold_s)}"
    )
    because = "" if step.recovered_because in ("", HELD) else f" ({step.recovered_because})"
    end = f", undone {_clock(step.recovered_at)}{because}" if step.recovered_at else ", never seen undone"
    return f"Injected {_clock(step.injected_at)}{end}{held}."


def log_lines(result: Result) -> list[LogRow]:
    """The excerpt, each line with its distance from the start of the timeline."""
    origin = _unix(result.phases[0].started_at if result.phases else result.started_at) or 0.0
    rows = []
    for line in result.log[:LOG_LINES]:
        at = _unix(line.at)
        rows.append(LogRow("" if at is None else f"{at - origin:.2f}", line.process, line.stream, line.line))
    return rows


def log_counts(result: Result) -> list[str]:
    """How much each process wrote, and how many errors; what was not kept is said."""
    return [_log_count(each) for each in result.logs]


def _log_count(each: LogCount) -> str:
    wrote = f"“{plain(each.process, 40)}” wrote {scale.count(each.lines)} lines, {scale.count(each.errors)} errors"
    if not each.left_out:
        return f"{wrote}."
    lost = f"{scale.count(each.errors_left_out)} errors" if each.errors_left_out else "no error"
    return f"{wrote}; {scale.count(each.left_out)} lines were counted and not kept, {lost} among them."


def _clock(at: str | None) -> str:
    return NOTHING if at is None or _unix(at) is None else f"{datetime.fromisoformat(at):%H:%M:%S.%f}"[:-3]


def _unix(at: str) -> float | None:
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:
        return None
