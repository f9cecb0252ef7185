"""Real runs with a real Prometheus beside them, and with stores that are down, slow, hostile or die."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.analysis.result import Delivery, Result
from chaos.events import Event
from chaos.publish.prometheus.conclusion import conclusion
from chaos.publish.prometheus.families import FINAL, LIVE
from tests import lab as labs
from tests.lab import FILL, Ended, Lab, ended
from tests.prometheus_fixture import Prometheus, free_port, prometheus, started
from tests.publish.prometheus.stores import stubborn
from tests.publish.prometheus.test_openmetrics import expected
from tests.publish.prometheus.test_projection import project

__all__ = ["prometheus"]

SOON_S = 30.0
"""For anything that takes a moment on a quiet machine."""
MOST_ADDED_S = 5.0

LOAD = {"url": "http://127.0.0.1:8000/", "rate": "50/s", "timeout": "1s"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with labs.lab(tmp_path_factory.mktemp("live")) as made:
        yield made


def manifest(lab: Lab, name: str, *, seconds: int = 1) -> Path:
    return lab.manifest(
        name,
        load=LOAD,
        method=[FILL | {"hold": f"{seconds}s"}],
        phases={"baseline": f"{seconds}s", "recovery": f"{seconds}s"},
    )


def begin(lab: Lab, name: str, url: str | None, *, seconds: int = 1) -> "subprocess.Popen[str]":
    """Start a run whose metrics go to that address."""
    lab.variables = {"PROMETHEUS_REMOTE_WRITE_URL": url} if url else {}
    return lab.start(lab.run_command("--json", manifest(lab, name, seconds=seconds)))


def measured(events: list[Event]) -> dict[tuple[tuple[str, str], ...], list[tuple[int, str]]]:
    """What the journal says, as a store should have it."""
    return expected(project(events))


def stored(server: Prometheus, run: str) -> dict[tuple[tuple[str, str], ...], list[tuple[int, str]]]:
    found = server.stored(f'{{__name__=~"chaoslab_.+",__name__!~"chaoslab_run_.+",run="{run}"}}')
    return {
        tuple(sorted(each["metric"].items())): [(round(at * 1000), value) for at, value in each["values"]]
        for each in found
    }


@dataclass
class Watched:
    """What could be seen from outside while a run was under way."""

    ended: Ended
    delays_s: list[float]
    """Of each sample of cpu usage: from its time to when it was there to be queried."""
    during_the_hold: set[str]
    """The metrics that had a value at that moment."""


@pytest.fixture(scope="module")
def watched(lab: Lab, prometheus: Prometheus) -> Watched:
    running = begin(lab, "watched", prometheus.write_url, seconds=2)
    seen: dict[float, float] = {}
    hold: set[str] = set()
    while running.poll() is None:
        for each in prometheus.query('chaoslab_cpu_usage_ratio{experiment="watched"}[10s]'):
            for at, _ in each["values"]:
                seen.setdefault(at, time.time() - at)
        if prometheus.query('chaoslab_fault_active{experiment="watched"} == 1'):
            now = prometheus.query('{__name__=~"chaoslab_.+",experiment="watched",phase="fault"}')
            hold |= {each["metric"]["__name__"] for each in now}
        time.sleep(0.05)
    done = ended(running)
    assert done.out, done.err
    return Watched(done, sorted(seen.values()), hold)


@pytest.mark.paired
def test_samples_are_there_within_two_seconds(watched: Watched) -> None:
    p95 = watched.delays_s[int(len(watched.delays_s) * 0.95)]
    print(f"{len(watched.delays_s)} samples, p95 from sample to query {p95:.2f} s")
    assert len(watched.delays_s) >= 30
    assert p95 <= 2.0


def test_every_metric_has_a_value_while_the_fault_acts(watched: Watched) -> None:
    assert watched.during_the_hold == {family.name for family in LIVE}


def test_the_store_has_what_the_journal_says(lab: Lab, watched: Watched, prometheus: Prometheus) -> None:
    run = watched.ended.result.run_id
    said = measured(lab.events("watched"))
    assert stored(prometheus, run) == said
    assert watched.ended.result.delivery["metrics"] == Delivery(
        complete=True, numbers={"delivered": _count(lab.events("watched")), "refused": 0}
    )
    assert len(said) <= 3 * (8 + 2 + 4 * 1 + 2 * 1 + 1)


def test_at_the_end_every_series_has_ended_and_the_result_is_there(
    watched: Watched, prometheus: Prometheus
) -> None:
    run = watched.ended.result.run_id
    assert prometheus.query(f'{{run="{run}",phase="recovery",__name__!~"chaoslab_run_.+"}}') == []
    final = prometheus.query(f'last_over_time({{run="{run}",__name__=~"chaoslab_run_.+"}}[1h])')
    said = {each.series.name: each.value for each in conclusion(watched.ended.result, {})}
    assert {each["metric"]["__name__"] for each in final} == set(said) <= {family.name for family in FINAL}
    assert said["chaoslab_run_duration_seconds"] == watched.ended.result.timings.total_s
    (verdict,) = (each for each in final if each["metric"]["__name__"] == "chaoslab_run_verdict")
    assert verdict["metric"]["verdict"] == watched.ended.result.verdict


def test_another_trial_of_phases_leaves_no_ghosts(watched: Watched, prometheus: Prometheus) -> None:
    """When a phase ends, its series do: joined without it there is never more than one value."""
    events = watched.ended.result
    at = [each.started_at for each in events.phases]
    assert len(at) == 3
    found = prometheus.query(
        f'max_over_time(count without (phase) (chaoslab_memory_usage_ratio{{run="{events.run_id}"}})[1m:100ms])'
    )
    assert [each["value"][1] for each in found] == ["1"]


def _count(events: list[Event]) -> float:
    return float(len(project(events)))


@dataclass
class Bothered:
    """A run whose store was no help."""

    ended: Ended
    took_s: float
    """From the end of the run proper to the end of the command."""


@pytest.fixture(scope="module")
def bothered(lab: Lab) -> dict[str, Bothered]:
    """Runs with all kinds of bad stores, side by side."""
    with (
        stubborn(after_s=10.0) as slow,
        stubborn(400, "bad request") as rejects,
    ):
        down = f"http://127.0.0.1:{free_port()}/api/v1/write"
        urls = {"none": None, "slow": slow.url, "rejects": rejects.url, "down": down}
        running = {name: begin(lab, name, url) for name, url in urls.items()}
        return _all_ended(lab, running)


def _all_ended(lab: Lab, running: "dict[str, subprocess.Popen[str]]") -> dict[str, Bothered]:
    over_at: dict[str, float] = {}
    give_up_at = time.monotonic() + 4 * SOON_S
    while len(over_at) < len(running):
        assert time.monotonic() < give_up_at
        for name, process in running.items():
            if name not in over_at and process.poll() is not None:
                over_at[name] = time.time()
        time.sleep(0.02)
    return {
        name: Bothered(ended(process), over_at[name] - lab.events(name)[-1].at)
        for name, process in running.items()
    }


BAD = {
    "slow": "did not answer in time",
    "rejects": "400 Bad Request: bad request",
    "down": "cannot be reached",
}
"""What is said, unless the machine was so busy that nothing had been heard from the store."""


@pytest.mark.parametrize("name", BAD)
def test_a_bad_store_changes_no_verdict_and_is_said(
    lab: Lab, bothered: dict[str, Bothered], name: str
) -> None:
    run = bothered[name].ended
    assert run.out, run.err
    again = lab.chaoslab("analyze", "--json", lab.journal(name))
    assert (run.code, run.result.verdict, run.result.why) == (
        again.code,
        again.result.verdict,
        again.result.why,
    )
    assert (lab.journal(name).parent / "report.html").exists()
    delivery = run.result.delivery["metrics"]
    assert not delivery.complete
    assert re.search(f"{BAD[name]}|nobody waited any more", delivery.why), delivery.why
    assert delivery.later == f"chaoslab metrics push {lab.journal(name).parent}"


@pytest.mark.parametrize("name", BAD)
def test_a_bad_store_adds_five_seconds_at_most(bothered: dict[str, Bothered], name: str) -> None:
    added_s = bothered[name].took_s - bothered["none"].took_s
    print(f"{name}: {added_s:+.2f} s")
    assert added_s <= MOST_ADDED_S


def test_without_a_store_nothing_is_said(bothered: dict[str, Bothered]) -> None:
    assert bothered["none"].ended.result.delivery == {}


def test_a_store_that_dies_in_the_middle_gets_the_rest_later(lab: Lab, tmp_path: Path) -> None:
    """Killed while the fault acts, and back after the run: then it has everything, as if nothing had been."""
    port = free_port()
    with started(tmp_path, port=port) as server:
        running = begin(lab, "dies", server.write_url, seconds=2)
        lab.until("fault.injected", running)
        until(lambda: server.query('chaoslab_fault_active{experiment="dies"} == 1'))
    run = ended(running)
    assert run.result.outcome == "completed", run.err
    delivery = run.result.delivery["metrics"]
    assert "cannot be reached" in delivery.why
    assert 0 < delivery.numbers["delivered"] < _count(lab.events("dies"))
    with started(tmp_path, port=port) as server:
        pushed = lab.chaoslab("metrics", "push", lab.journal("dies").parent)
        assert pushed.code == 0, pushed.err
        assert stored(server, run.result.run_id) == measured(lab.events("dies"))
        assert len(server.query('last_over_time(chaoslab_run_verdict{experiment="dies"}[1h])')) == 1
        again = lab.chaoslab("metrics", "push", lab.journal("dies").parent)
    assert (again.code, again.out) == (0, pushed.out)
    result = Result.model_validate_json((lab.journal("dies").parent / "result.json").read_bytes())
    assert result.delivery["metrics"].complete


def until(true: Callable[[], object]) -> None:
    """Wait for what another process brings about."""
    give_up_at = time.monotonic() + SOON_S
    while not true():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
