"""What is kept of an app's output, and what is counted."""

from typing import Any

from chaos.agent.capture import ERROR_LINES_PER_S, LINES_PER_S, Capture, Memory


class Heard:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.now = 0.0
        self.memory = Memory()
        self.capture = Capture("web", "stdout", self.emit, self.memory, lambda: self.now)

    def emit(self, type_: str, at: float | None = None, /, **data: Any) -> None:
        self.events.append((type_, data))

    def lines(self, level: str | None = None) -> int:
        return sum(type_ == "log.captured" and data.get("level") == level for type_, data in self.events)

    def counted(self) -> dict[str, Any]:
        return [data for type_, data in self.events if type_ == "log.counted"][-1]


def test_errors_in_a_chatty_log_are_all_kept() -> None:
    heard = Heard()
    for second in range(3):
        heard.now = float(second)
        for number in range(2000):
            heard.capture.line('{"level":"INFO","msg":"request served, no error"}')
            if number % 20 == 0:
                heard.capture.line('{"level":"ERROR","msg":"payment failed"}')
    heard.capture.end()
    assert heard.lines("error") == 300
    assert heard.counted() == {
        "process": "web", "stream": "stdout", "lines": 6300, "errors": 300,
        "left_out": 6300 - 300 - heard.lines(), "errors_left_out": 0,
    }  # fmt: skip


def test_a_storm_of_errors_is_counted_to_the_last() -> None:
    heard = Heard()
    for _ in range(1000):
        heard.capture.line("ERROR: boom")
    heard.capture.end()
    assert heard.lines("error") == LINES_PER_S + ERROR_LINES_PER_S
    assert heard.counted()["errors"] == 1000
    assert heard.counted()["errors_left_out"] == 1000 - LINES_PER_S - ERROR_LINES_PER_S


def test_nothing_is_said_of_a_stream_of_which_all_is_kept() -> None:
    heard = Heard()
    heard.capture.line("hello")
    heard.capture.end()
    assert heard.events == [("log.captured", {"process": "web", "stream": "stdout", "line": "hello"})]


def test_why_it_ended_is_told_by_its_errors_and_not_by_its_last_line() -> None:
    heard = Heard()
    for line in (
        "starting", "Traceback (most recent call last):", '  File "a.py", line 1, in <module>',
        "ConnectionError: no route to the database", "[2026] [7] [ERROR] Worker failed to boot.",
    ):  # fmt: skip
        heard.capture.line(line)
    for number in range(500):
        heard.capture.line(f"shutting down, {number}")
    assert heard.memory.telling() == [
        "ConnectionError: no route to the database",
        "[2026] [7] [ERROR] Worker failed to boot.",
    ]


def test_without_an_error_the_last_lines_tell() -> None:
    heard = Heard()
    for number in range(10):
        heard.capture.line(f"usage {number}")
    assert heard.memory.telling() == ["usage 7", "usage 8", "usage 9"]


def test_an_error_that_repeats_itself_does_not_push_its_cause_out() -> None:
    heard = Heard()
    heard.capture.line("2026-01-01 10:00:00 ERROR no configuration at /etc/shop.conf")
    for second in range(30):
        heard.capture.line(f"2026-01-01 10:00:{second:02} ERROR retry {second} failed")
    assert any("/etc/shop.conf" in line for line in heard.memory.telling())
