"""From a journal to a store that takes it, a part of it, or nothing: what is said and what is tried again."""

import asyncio
import json
import threading
import time
from pathlib import Path

import pytest

from chaos.analysis.judgement import judge
from chaos.analysis.result import Result
from chaos.errors import PublishError
from chaos.events import Event
from chaos.publish.prometheus.exporting import Export
from chaos.publish.prometheus.live import END_S, exported
from chaos.publish.prometheus.progress import PushProgress
from chaos.publish.prometheus.push import push
from chaos.publish.prometheus.remote_writer import RemoteWriter
from chaos.publish.prometheus.samples import Sample
from chaos.publish.prometheus.store import Store
from chaos.runs.directory import Run
from chaos.settings import Settings
from tests.journals.telling import Telling
from tests.prometheus_fixture import Prometheus, prometheus
from tests.publish.prometheus.stores import stubborn
from tests.publish.prometheus.test_live import measured, stored
from tests.publish.prometheus.test_projection import project

__all__ = ["prometheus"]


def finished(folder: Path, name: str, events: list[Event] | None = None) -> Run:
    """A run of a minute ago with that name and these events."""
    found = events or Telling().events()
    late_s = time.time() - 60 - found[-1].at
    run = Run(name, folder)
    for event in found:
        data = {**event.data, "run_id": name} if event.type == "run.started" else event.data
        run.journal.append(Event(event.type, event.at + late_s, data, event.source, event.seq))
    return run


@pytest.fixture
def run(tmp_path: Path, request: pytest.FixtureRequest) -> Run:
    return finished(tmp_path, request.node.name)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROMETHEUS_URL", "PROMETHEUS_REMOTE_WRITE_URL", "PROMETHEUS_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def events(run: Run) -> list[Event]:
    return list(run.journal.events())


def to(url: str) -> Settings:
    return Settings(prometheus_remote_write_url=url)


def brought(run: Run, url: str, *, everything: bool = False) -> PushProgress:
    with Store(url) as store:
        return push(run, store, everything=everything)


def test_a_push_brings_everything_once(run: Run, prometheus: Prometheus) -> None:
    progress = brought(run, prometheus.write_url)
    assert progress.complete
    assert progress.samples == len(project(events(run)))
    assert stored(prometheus, run.id) == measured(events(run))
    with stubborn() as other:  # which has had nothing
        elsewhere = brought(run, other.url)
        assert (elsewhere.samples, elsewhere.complete) == (progress.samples, True)
        assert len(other.bodies) == 2
        assert brought(run, other.url) == elsewhere
        assert len(other.bodies) == 2
        assert brought(run, other.url, everything=True) == elsewhere
        assert len(other.bodies) == 4


def test_what_was_never_answered_is_sent_again_as_it_was(run: Run, prometheus: Prometheus) -> None:
    """The store took a batch, and the line was cut before it could say so."""
    with Store(prometheus.write_url) as store:
        courier = RemoteWriter(run, store, PushProgress(store.shown))
        courier.look()
        courier.deliver()
    tried = courier.progress.samples
    assert tried > 0
    PushProgress(courier.progress.store, tried=tried).write(run)
    longer = [*events(run)[:-3], Event("usage.sampled", time.time(), {"cpu_percent": 5.0}), *events(run)[-3:]]
    run.journal.path.unlink()
    for event in longer:
        run.journal.append(event)
    progress = brought(run, prometheus.write_url)
    assert (progress.refused, progress.complete) == (0, True)
    assert stored(prometheus, run.id) == measured(longer)


def test_a_series_that_the_store_refuses_takes_no_other_with_it(run: Run, prometheus: Prometheus) -> None:
    samples = project(events(run))
    taken = next(each.series for each in samples if each.series.name == "chaoslab_memory_usage_bytes")
    with Store(prometheus.write_url) as store:
        store.send([Sample(taken, samples[-1].at_ms + 1000, 1.0)])
    progress = brought(run, prometheus.write_url)
    assert progress.refused == sum(each.series == taken for each in samples)
    assert "out of order" in progress.why
    assert not progress.complete
    found = stored(prometheus, run.id)
    assert {key: found[key] for key in found if len(found[key]) > 1} == {
        key: points for key, points in measured(events(run)).items() if len(found[key]) > 1
    }
    single = {key for key, points in measured(events(run)).items() if len(points) == 1}
    assert sum(len(points) == 1 for key, points in found.items() if key not in single) == 1
    delivery = progress.delivery(run)
    assert delivery.later == f"chaoslab metrics push --all {run.folder}"


def test_what_no_request_holds_goes_in_several(
    run: Run, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaos.publish.prometheus.remote_writer.BATCH", 100)
    assert brought(run, prometheus.write_url).samples > 500
    assert stored(prometheus, run.id) == measured(events(run))


@pytest.mark.parametrize(
    ("status", "words"), [(401, "who are you?"), (404, "page not found"), (400, "bad request")]
)
def test_a_store_that_takes_nothing_is_not_asked_for_ever(run: Run, status: int, words: str) -> None:
    over = threading.Event()
    with stubborn(status, words) as store:
        export = Export(run, to(store.url))
        export.work(over)  # ends by itself
        asked = len(store.bodies)
        result = export.conclude(judge(events(run)), too_slow=False)
    delivery = result.delivery["metrics"]
    assert not delivery.complete
    assert f"{status}" in delivery.why
    assert words in delivery.why
    assert delivery.numbers["delivered"] == 0
    assert asked <= 1 + len({sample.series for sample in project(events(run))})
    assert len(store.bodies) == asked
    assert Result.model_validate_json(run.result.read_bytes()).delivery == result.delivery


def test_what_a_broken_store_did_not_take_is_delivered_later(run: Run, prometheus: Prometheus) -> None:
    over = threading.Event()
    over.set()
    with stubborn(500, "disk full") as store:
        export = Export(run, to(store.url))
        export.work(over)
        result = export.conclude(judge(events(run)), too_slow=False)
    assert "500 Internal Server Error: disk full" in result.delivery["metrics"].why
    assert result.delivery["metrics"].later == f"chaoslab metrics push {run.folder}"
    assert brought(run, prometheus.write_url).complete
    assert stored(prometheus, run.id) == measured(events(run))
    assert Result.model_validate_json(run.result.read_bytes()).delivery["metrics"].complete


def test_nobody_waits_long_for_a_store_that_never_answers(
    run: Run, settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def went(asked: threading.Event) -> tuple[Result, float]:
        async with exported(run) as exporter:
            await asyncio.to_thread(asked.wait, 30)
            began = time.monotonic()
        result = await exporter.conclude(judge(events(run)))
        return result, time.monotonic() - began

    with stubborn(after_s=60) as store:
        monkeypatch.setenv("PROMETHEUS_REMOTE_WRITE_URL", store.url)
        result, waited_s = asyncio.run(went(store.asked))
    assert END_S - 0.1 <= waited_s <= 5.0
    assert not result.delivery["metrics"].complete


def test_a_push_says_why_it_could_not(run: Run) -> None:
    with stubborn(403, "not you") as store, pytest.raises(PublishError, match="403 Forbidden: not you"):
        brought(run, store.url)
    assert PushProgress.read(run, store.url).samples == 0


@pytest.mark.parametrize("text", ["", "[]", "{", '{"other": 1}'])
def test_what_cannot_be_read_says_how_to_go_on(run: Run, text: str) -> None:
    run.delivered.write_text(text)
    with pytest.raises(PublishError, match=r"metrics\.json: cannot be read; remove it"):
        brought(run, "http://127.0.0.1:9/")
    export = Export(run, to("http://127.0.0.1:9/"))
    export.work(threading.Event())
    assert "cannot be read" in export.conclude(judge(events(run)), too_slow=False).delivery["metrics"].why


def test_progress_is_small_and_plain(run: Run, prometheus: Prometheus) -> None:
    brought(run, prometheus.write_url)
    kept = json.loads(run.delivered.read_text())
    assert kept["samples"] == len(project(events(run)))
    assert kept["store"] == prometheus.write_url


def test_a_torn_journal_is_delivered_as_far_as_it_goes(run: Run, prometheus: Prometheus) -> None:
    """A controller that was killed: no end, half a line."""
    lines = run.journal.path.read_bytes().splitlines(keepends=True)
    run.journal.path.write_bytes(b"".join(lines[:200]) + lines[200][:20])
    assert brought(run, prometheus.write_url).complete
    assert stored(prometheus, run.id) == measured(events(run))
