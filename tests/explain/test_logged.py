"""Errors that the app logged reach the result, the report and the words, also out of a flood."""

from typing import Any

from chaos.analysis import judge
from chaos.events import Event
from chaos.explain import rules
from chaos.report import phrases
from tests.journals.telling import START, Telling


def told(lines: list[tuple[float, str]], counted: dict[str, Any] | None = None) -> list[Event]:
    run = Telling(log=lines)
    if counted:
        events = run.events()
        about = {"process": "web", "stream": "stderr"}
        extra = Event("log.counted", START + 9.0, {**about, **counted}, "agent", 0)
        index = next(i for i, event in enumerate(events) if event.at > START + 9.0)
        return [*events[:index], extra, *events[index:]]
    return run.events()


ERRORS = [(3.0 + n / 10, f'{{"level":"ERROR","msg":"payment {n} failed"}}') for n in range(20)]
CHAT = [(n / 20, '{"level":"INFO","msg":"served, 0 errors"}') for n in range(180)]


def test_errors_among_chat_are_in_the_excerpt_and_the_counts() -> None:
    result = judge(told([*CHAT, *ERRORS]))
    (count,) = result.logs
    assert (count.lines, count.errors, count.left_out) == (200, 20, 0)
    assert sum(line.level == "error" for line in result.log) == 20


def test_what_was_not_kept_is_counted_and_said() -> None:
    lost = {"lines": 9000, "errors": 320, "left_out": 8800, "errors_left_out": 300}
    result = judge(told([*CHAT, *ERRORS], lost))
    (count,) = result.logs
    assert (count.lines, count.errors, count.errors_left_out) == (9000, 320, 300)
    (said,) = phrases.log_counts(result)
    assert (
        said
        == "“web” wrote 9,000 lines, 320 errors; 8,800 lines were counted and not kept, 300 errors among them."
    )


def test_the_words_say_how_many_and_which() -> None:
    events = told([*CHAT, (1.0, "ERROR: early"), *ERRORS])
    summary = rules.analyze(judge(events), events).summary
    assert (
        "“web” logged 21 errors (1 of them before the fault), under the fault first at 18:03:13Z" in summary
    )
    assert "payment … failed" in summary


def test_a_stack_trace_is_one_error_and_told_by_what_was_raised() -> None:
    trace = [
        "Traceback (most recent call last):",
        '  File "a.py", line 1, in f',
        "TimeoutError: no answer from db",
    ]
    events = told([(3.0 + at, line) for at in (0.0, 1.0) for line in trace])
    result = judge(events)
    assert result.logs[0].errors == 2
    assert "most often “TimeoutError: no answer from db”" in rules.analyze(result, events).summary
