"""How long a start is waited for: a clock and a processor's time that are told, no waiting."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from flows.server.patience import AT_LEAST_S, AT_MOST_S, STANDS_STILL_S, Patience
from flows.server.process import Background


def given_up(worked_s: Callable[[float], float]) -> tuple[float, str, list[str]]:
    """When, why, and what was told until then, of a program that has worked so much at each second."""
    at = 0.0
    told: list[str] = []
    patience = Patience(lambda: worked_s(at), told.append, lambda: at)
    while (why := patience.why_over()) is None:
        at += 1.0
    return at, why, told


def test_one_that_never_works_is_given_up_when_a_fast_one_would_long_have_answered() -> None:
    at, why, _ = given_up(lambda at: 0.0)
    assert at == AT_LEAST_S
    assert why.startswith("did not answer within 120 s, and hardly worked")


def test_one_that_works_is_waited_for_and_it_is_told() -> None:
    at, why, told = given_up(lambda at: 0.5 * at)
    assert at == AT_MOST_S
    assert why == "did not answer within 1200 s"
    assert "still starting after 30 s, 15 s of them a processor's work" in told[0]
    assert len(told) == AT_MOST_S / 30 - 1


def test_one_that_stops_working_is_given_up_a_minute_later() -> None:
    at, _, _ = given_up(lambda at: 0.5 * min(at, 300.0))
    assert 300 < at <= 300 + STANDS_STILL_S + 12 + 1


def test_a_started_server_with_nothing_to_do_does_not_count_as_working() -> None:
    at, _, _ = given_up(lambda at: 0.03 * at)
    assert at == AT_LEAST_S


def test_the_work_of_a_program_is_that_of_its_session(tmp_path: Path) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', 'while True: pass'])"
    program = Background.start(
        [sys.executable, "-S", "-c", code], port=0, env=os.environ, cwd=tmp_path, log=tmp_path / "log"
    )
    try:
        deadline = time.monotonic() + 30
        while program.worked_s() < 0.5 and time.monotonic() < deadline:
            program.ended_within(0.1)
        assert program.worked_s() >= 0.5
    finally:
        os.killpg(program.pid, 9)
        program.ended_within(5)
