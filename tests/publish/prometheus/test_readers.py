"""What others read of `chaoslab metrics`: the official parser of OpenMetrics, and Prometheus' promtool.

`promtool check metrics` reads the older text format and judges names, units and help; the strict reader of OpenMetrics
in Prometheus is that of `promtool tsdb create-blocks-from`.
"""

import math
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from chaos.events import Event
from chaos.faults import FAULTS
from chaos.publish.prometheus.families import FINAL, LIVE
from chaos.publish.prometheus.openmetrics import of_journal, text
from chaos.publish.prometheus.samples import STALE, Sample, clean, series
from tests.contracts.test_every_fault import example
from tests.journals.telling import KILL, SLOW_NETWORK, Telling
from tests.lab import lab
from tests.publish.prometheus.test_openmetrics import blocks
from tests.publish.prometheus.test_projection import JOURNALS
from tests.publish.prometheus.test_store import HOSTILE

ODD = {
    "a_hole_in_the_samples",
    "clock_jumped_back",
    "deviated_killed_and_gone",
    "in_a_restart_loop",
    "no_samples",
    "preparation_refused",
    "the_end_is_missing",
    "torn",
    "trials_held",
}
"""Journals whose series begin, end and come back in every way there is."""


def parsed(document: Iterable[str]) -> dict[str, Metric]:
    """By the parser that prometheus_client calls the reference."""
    return {family.name: family for family in text_string_to_metric_families("".join(document))}


def checked(document: Iterable[str]) -> tuple[int, str]:
    """What `promtool check metrics` says of it."""
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input="".join(document).encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr.decode()


def written(events: Iterable[Event], folder: Path) -> Path:
    journal = folder / "journal.ndjson"
    journal.write_bytes(b"".join(event.to_line() for event in events))
    return journal


def told(fault: str) -> list[Event]:
    """A run under that fault, with a process that dies in it, and a step that nobody should trust."""
    killed = Telling(step={**KILL, "name": "kill"}).events()
    acting = {**vars(example(FAULTS[fault])), "type": fault}
    slow = Telling(step={**SLOW_NETWORK, "name": HOSTILE, "fault": acting}).events()
    deaths = [event for event in killed if event.type.startswith("process.")]
    both = sorted([*(e for e in slow if not e.type.startswith("process.")), *deaths], key=lambda e: e.at)
    return [Event(e.type, e.at, e.data, e.source, number) for number, e in enumerate(both)]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_of_every_fault_is_read_by_both(fault: str, tmp_path: Path) -> None:
    journal = written(told(fault), tmp_path)
    found = parsed(of_journal(journal))
    active = found["chaoslab_fault_active"].samples
    assert {(each.labels["fault"], each.labels["step"]) for each in active} == {(fault, clean(HOSTILE))}
    restarts = found["chaoslab_process_restarts"]
    assert restarts.type == "counter"
    assert {each.name for each in restarts.samples} == {"chaoslab_process_restarts_total"}
    assert max(each.value for each in restarts.samples) == 1
    assert checked(of_journal(journal, "prometheus")) == (0, "")


@pytest.mark.parametrize("path", [each for each in JOURNALS if each.stem in ODD], ids=lambda path: path.stem)
def test_odd_journals_are_read_as_what_was_meant(path: Path) -> None:
    units = {each.name.removesuffix("_total"): (each.type, each.unit) for each in (*LIVE, *FINAL)}
    document = of_journal(path)
    assert document[-1] == "# EOF\n"
    for name, family in parsed(document).items():
        assert (family.type, family.unit) == units[name]
        for sample in family.samples:
            assert sample.exemplar is None
            assert sample.timestamp is not None
            assert not math.isinf(sample.value)
            assert family.type in ("gauge", "summary") or not math.isnan(sample.value)


def test_promtool_has_nothing_to_say_of_any_of_them_and_makes_blocks_of_them(tmp_path: Path) -> None:
    """Two with all there is, and one with nothing: the rest differ in what happened, not in form."""
    for name in ("trials_deviated", "in_a_restart_loop", "preparation_refused"):
        (path,) = (each for each in JOURNALS if each.stem == name)
        assert checked(of_journal(path, "prometheus")) == (0, "")
        (tmp_path / name).mkdir()
        blocks("".join(of_journal(path)), tmp_path / name)


def test_the_verb_prints_both(tmp_path: Path) -> None:
    journal = written(told("process_kill"), tmp_path)
    (tmp_path / "lab").mkdir()
    with lab(tmp_path / "lab") as made:
        modern = made.chaoslab("metrics", journal)
        older = made.chaoslab("metrics", "export", "--format", "prometheus", journal)
        other = made.chaoslab("metrics", "export", "--format", "csv", journal)
    assert (modern.code, older.code) == (0, 0)
    assert parsed([modern.out])
    assert checked([older.out]) == (0, "")
    other.assert_explained("'csv' is not one of 'openmetrics', 'prometheus'")


@settings(max_examples=40, deadline=None)
@given(st.text(), st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 253_402_300_799_999))
def test_any_name_and_any_number_come_back_as_they_were(words: str, number: float, at_ms: int) -> None:
    sample = Sample(series("chaoslab_fault_active", {"step": words, "fault": "f\\n"}), at_ms, number)
    end = Sample(sample.series, at_ms, STALE)
    (family,) = parsed(text([sample, end])).values()
    (read, *_) = family.samples
    assert read.labels == {key: value for key, value in sample.series.labels if value}
    assert read.value == number
    assert round(float(read.timestamp) * 1000) == at_ms
