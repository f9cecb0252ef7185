"""Invariants of data by literal looks and writes: what was acknowledged must be there, whoever answers."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chaos.analysis import judge
from chaos.analysis.invariants import Writes, judged, seen_of
from chaos.analysis.record import Record
from chaos.cli.main import cli
from chaos.events import Event
from chaos.explain import rules
from chaos.invariants import AT_LEAST, EQUALS, NEVER_DECREASES, number_of
from chaos.tolerances import Tolerance
from chaos.verdict import Verdict
from tests.journals.telling import END, Telling


def write(at: float, took_s: float = 0.01, status: int | None = 201, error: str | None = None) -> Event:
    said = {"late_ms": 0.0, "took_ms": took_s * 1000, "status": status, "error": error, "bytes": 0}
    return Event("load.sampled", at, said)


def look(at: float, number: float | None, took_s: float = 0.01, **value: Any) -> Event:
    seen = None if number is None else {"status": 200, "number": number, **value}
    error = "refused" if number is None else None
    said = {"probe": "data", "late_ms": 0.0, "took_ms": took_s * 1000, "value": seen, "error": error}
    return Event("probe.sampled", at, said)


def goods(invariant: str, looks: list[Event], writes: list[Event] | None = None) -> list[bool]:
    tolerance = Tolerance(invariant=invariant)
    found, _ = judged(seen_of(looks, tolerance), tolerance, Writes.of(Record(writes or [])))
    return [each.good for each in found]


def test_a_number_that_falls_is_bad_until_it_is_back() -> None:
    numbers = [0, 5, 5, 9, 3, 8, 9, 10]
    looks = [look(float(at), number) for at, number in enumerate(numbers)]
    assert goods(NEVER_DECREASES, looks) == [True, True, True, True, False, False, True, True]


def test_looks_that_overlap_may_be_answered_in_any_order() -> None:
    assert goods(NEVER_DECREASES, [look(0.0, 5, took_s=2.0), look(1.0, 4), look(3.0, 5)]) == [True] * 3


def test_a_look_that_saw_no_number_is_none() -> None:
    looks = [look(0.0, 5), look(1.0, None), look(2.0, 5, status=500), look(3.0, 5)]
    assert goods(NEVER_DECREASES, looks) == [True, True]


@pytest.mark.parametrize(("lost", "good"), [(0, True), (1, False), (7, False)])
def test_one_acknowledged_write_that_is_missing_is_bad(lost: int, good: bool) -> None:
    writes = [write(n / 10) for n in range(100)]
    looks = [look(0.5 + n, 5 + 10 * n - (lost if n >= 5 else 0)) for n in range(10)]
    looks = [look(each.at + 0.05, each.data["value"]["number"] + 1) for each in looks]
    assert goods(EQUALS, looks, writes) == [True] * 5 + [good] * 5
    assert goods(AT_LEAST, looks, writes) == [True] * 5 + [good] * 5


def test_looks_that_overlap_are_not_held_against_each_other() -> None:
    writes = [write(n / 10) for n in range(40)]
    slow, quick = look(1.05, 17, took_s=0.7), look(1.1, 12, took_s=0.15)
    assert goods(EQUALS, [look(0.55, 6), slow, quick, look(2.05, 21)], writes) == [True] * 4
    assert goods(EQUALS, [look(0.55, 6), slow, quick, look(2.05, 20)], writes) == [True] * 3 + [False]


def test_what_was_under_way_or_failed_may_have_been_done_or_not() -> None:
    writes = [write(n / 10) for n in range(10)] + [write(1.0, 2.0, None, "timeout"), write(1.2, 3.0)]
    before, after = look(0.95, 10), 3.5
    for number in (10, 11, 12):
        assert goods(EQUALS, [before, look(after, number)], writes) == [True, True]
    assert goods(EQUALS, [before, look(5.0, 10)], writes) == [True, False]  # the last was acknowledged at 4.2


def test_more_than_were_ever_sent_is_not_equal_but_at_least() -> None:
    writes = [write(n / 10) for n in range(20)]
    looks = [look(0.95, 10), look(3.0, 23)]
    assert goods(EQUALS, looks, writes) == [True, False]
    assert goods(AT_LEAST, looks, writes) == [True, True]


@pytest.mark.parametrize(
    ("value", "at", "number"),
    [
        ({"output": " 120\n"}, None, 120), ({"output": "120 orders.log\n"}, None, 120), ({"body": "-1.5"}, None, -1.5),
        ({"body": "none: 3"}, None, None), ({"body": ""}, None, None), ({"body": "12x"}, None, None),
        ({"body": '{"orders": {"count": 7}}'}, "orders.count", 7), ({"body": "[[1, 2]]"}, "0.1", 2),
        ({"body": '{"count": "7"}'}, "count", None), ({"body": '{"count": true}'}, "count", None),
        ({"body": "{"}, "count", None), ({"number": 4}, "count", 4), ({"number": None}, None, None),
    ],
)  # fmt: skip
def test_the_number_is_what_the_text_begins_with_or_what_is_at_its_place(
    value: dict[str, Any], at: str | None, number: float | None
) -> None:
    assert number_of(value, at) == number


class Orders(Telling):
    """A run whose load writes; `kept` says how many of the writes by then are there at a moment, None: no answer."""

    def __init__(self, invariant: str, kept: Any, **more: Any) -> None:
        state = {
            "name": "orders", "probe": {"type": "http", "url": "http://127.0.0.1:8000/n", "every": 0.2, "timeout": 1},
            "tolerance": {"invariant": invariant}, "holds": "throughout", "budget": 0.0, "recover_within_s": None,
        }  # fmt: skip
        super().__init__(states=[state], slow={}, **more)
        self.kept = kept

    def _health(self, name: str, at: float) -> None:
        number = self.kept(at, sum(n / 10 + 0.012 <= at + 0.004 for n in range(round(END * 10))))
        value = None if number is None else {"status": 200, "bytes": 3, "number": number}
        error = "refused" if number is None else None
        self.tell(at, "probe.sampled", 0.004, probe=name, late_ms=0.1, took_ms=4.0, value=value, error=error)


@pytest.mark.parametrize("invariant", [NEVER_DECREASES, EQUALS, AT_LEAST])
def test_an_app_that_keeps_its_data_is_held_also_when_it_was_away(invariant: str) -> None:
    result = judge(Orders(invariant, lambda at, n: None if 2.5 < at < 4.5 else n).events())
    assert result.verdict is Verdict.HELD, result.why
    (state,) = result.steady_state
    assert state.data is not None
    assert state.data.lost == 0


@pytest.mark.parametrize("invariant", [NEVER_DECREASES, EQUALS, AT_LEAST])
def test_an_app_that_answers_all_the_time_and_lost_some_deviates(invariant: str) -> None:
    result = judge(Orders(invariant, lambda at, n: n if at < 3 else n - 12).events())
    assert result.verdict is Verdict.DEVIATED
    assert "missing" in result.why
    (state,) = result.steady_state
    assert state.data is not None
    assert state.data.lost >= 10


def test_writes_that_are_answered_and_dropped_are_no_decrease_but_are_missing() -> None:
    def dropped(at: float, n: int) -> int:
        return n if at < 3 else min(n, 30)

    assert judge(Orders(NEVER_DECREASES, dropped).events()).verdict is Verdict.HELD
    result = judge(Orders(EQUALS, dropped).events())
    assert result.verdict is Verdict.DEVIATED
    assert "writes had been acknowledged since the first look" in result.why


def test_an_app_that_never_answers_again_is_not_known_to_have_kept_anything() -> None:
    result = judge(Orders(EQUALS, lambda at, n: None if at > 4 else n).events())
    assert result.verdict is Verdict.INCONCLUSIVE


def test_lost_data_is_critical_and_the_advice_is_about_it() -> None:
    events = Orders(EQUALS, lambda at, n: n if at < 3 else n - 12).events()
    found = rules.analyze(judge(events), events)
    assert found.severity == "critical"
    assert any("Acknowledge a write only when it is kept" in each for each in found.recommendations)


def manifest(tolerance: str, load: str = 'method: POST, url: "http://127.0.0.1:8000/", rate: 20/s') -> str:
    return f"""apiVersion: chaoslab/v1
kind: Experiment
metadata: {{name: orders}}
spec:
  hypothesis: nothing is lost
  target: {{image: docker.io/library/orders:1, processes: [{{name: web, command: [web], port: 8000}}]}}
  load: {{{load}}}
  steadyState:
    - name: data
      probe: {{type: http, url: "http://127.0.0.1:8000/count"}}
      tolerance: {{{tolerance}}}
  method: [{{name: kill, fault: {{type: process_kill, process: web}}, hold: 3s}}]
"""


@pytest.mark.parametrize(
    ("tolerance", "load", "wrong"),
    [
        ("invariant: never decreases", None, ""),
        ("invariant: equals the number of acknowledged writes, number: a.b", None, ""),
        (
            "invariant: at least the number of acknowledged writes",
            'url: "http://127.0.0.1:8000/", rate: 20/s',
            "counts the writes of 'spec.load', which sends GET; its method must be one of: POST, PUT",
        ),
        ("invariant: grows", None, "never decreases"),
        ("number: a.b", None, "goes with 'invariant', which is missing"),
    ],
)
def test_what_a_manifest_may_say(tmp_path: Path, tolerance: str, load: str | None, wrong: str) -> None:
    file = tmp_path / "one.yaml"
    file.write_text(manifest(tolerance, load) if load else manifest(tolerance))
    done = CliRunner().invoke(cli, ["validate", str(file)])
    assert (done.exit_code, wrong in done.output) == (2 if wrong else 0, True), done.output
