"""A journal as OpenMetrics: promtool makes blocks of it, and a real Prometheus shows what was live."""

import shlex
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from chaos.events import Event
from chaos.publish.prometheus import openmetrics
from chaos.publish.prometheus.families import LIVE
from chaos.publish.prometheus.samples import STALE, Sample, series
from chaos.runs.journal import Journal
from tests.journals.telling import Telling
from tests.lab import ROOT, Lab, ended, lab
from tests.prometheus_fixture import started
from tests.publish.prometheus.test_projection import JOURNALS, project
from tests.publish.prometheus.test_store import HOSTILE


def blocks(text: str, folder: Path) -> None:
    """What `promtool` makes of it."""
    (folder / "run.om").write_text(text)
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "run.om", folder / "data"]
    made = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    assert made.returncode == 0, made.stderr


def test_a_backfilled_run_is_the_run(tmp_path: Path) -> None:
    """The verb's output in blocks of a Prometheus that starts on them: every sample, with its time and its labels."""
    journal = tmp_path / "journal.ndjson"
    events = [_renamed(event) for event in Telling().events()]
    journal.write_bytes(b"".join(event.to_line() for event in events))
    with lab(_made(tmp_path / "lab")) as made:
        printed = made.chaoslab("metrics", journal)
    assert printed.code == 0
    blocks(printed.out, tmp_path)
    end = events[-1].at + 60
    with started(tmp_path) as server:
        found = {
            tuple(sorted(each["metric"].items())): [(round(at * 1000), value) for at, value in each["values"]]
            for each in server.stored('{__name__=~"chaoslab_.+"}', at=end)
        }
        alone = server.query("max without (phase) (chaoslab_fault_active)", at=events[0].at + 9)
    for key, values in expected(project(events)).items():
        assert [(at, value) for at, value in found[key] if value != "NaN"] == values
    assert any(dict(key)["__name__"] == "chaoslab_run_verdict" for key in found)
    assert [each["value"][1] for each in alone] == ["0"]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _renamed(event: Event) -> Event:
    """With a step that nobody should trust."""
    data = event.data
    if event.type == "run.started":
        steps = [{**step, "name": HOSTILE} for step in data["plan"]["method"]]
        data = {**data, "plan": {**data["plan"], "method": steps}}
    return Event(
        event.type, event.at, {**data, "step": HOSTILE} if "step" in data else data, event.source, event.seq
    )


def expected(samples: list[Sample]) -> dict[tuple[tuple[str, str], ...], list[tuple[int, str]]]:
    found = defaultdict(list)
    for sample in samples:
        if sample.value is not STALE:
            key = tuple(sorted((("__name__", sample.series.name), *sample.series.labels)))
            found[key].append((sample.at_ms, _go(sample.value)))
    return found


def _go(value: float) -> str:
    """A number as Go prints it in JSON."""
    return str(int(value)) if value.is_integer() else repr(value)


@pytest.mark.parametrize(
    "path", [path for path in JOURNALS if path.stem != "no_plan"], ids=lambda path: path.stem
)
def test_families_come_one_after_the_other(path: Path) -> None:
    samples = project(list(Journal(path).events()))
    lines = list(openmetrics.text(samples))
    assert lines[-1] == "# EOF\n"
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    counters = {family.name for family in LIVE if family.type == "counter"}
    meant = [each for each in samples if each.value is not STALE or each.series.name not in counters]
    assert sum(not line.startswith("#") for line in lines) == len(meant)


def test_a_label_stays_in_its_quotes() -> None:
    (line,) = (
        line
        for line in openmetrics.text(
            [Sample(series("chaoslab_cpu_usage_ratio", {"run": 'a\\"\n'}), 1500, 0.25)]
        )
        if not line.startswith("#")
    )
    assert line == 'chaoslab_cpu_usage_ratio{run="a\\\\\\"\\n"} 0.25 1.500\n'


def test_what_is_no_journal_is_refused_in_a_sentence(tmp_path: Path) -> None:
    made = Lab(_made(tmp_path / "lab"))
    made.chaoslab("metrics", tmp_path / "none").assert_explained("none: cannot read the journal")
    made.chaoslab("metrics", ROOT / "README.md").assert_explained("README.md:1: not an event")
    (tmp_path / "empty").touch()
    refused = made.chaoslab("metrics", tmp_path / "empty")
    refused.assert_explained("no run.started")
    assert refused.code == 2


def test_a_reader_that_has_had_enough_and_a_full_disk_are_no_mistake_of_ours(tmp_path: Path) -> None:
    made = Lab(_made(tmp_path / "lab"))
    journal = JOURNALS[-1]
    command = shlex.join(made.command("metrics", journal))
    for shell, code, said in (
        (f"{command} | head -1", 0, ""),
        (f"{command} > /dev/full", 5, "No space left"),
    ):
        done = ended(made.start(["bash", "-o", "pipefail", "-c", shell]))
        done.assert_explained(said)
        assert done.code == code
