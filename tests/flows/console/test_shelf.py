"""A console that takes whole runs out of a bucket, and judges them itself."""

from pathlib import Path

import pytest

from chaos.analysis.judgement import judge
from chaos.events import Event
from chaos.history.received import Received
from chaos.history.store import History
from chaos.history.uploads.bucket import Bucket
from chaos.runs.directory import Run
from flows.console.arriving import Shelf
from tests.flows.console.replaying import lines_of
from tests.history.test_bucket import s3 as s3
from tests.lab import ROOT

RUN_ID = "20261130-120000-shop-abcdef"


def theirs(under: Path, journal: str = "held") -> Run:
    """A run as its worker left it."""
    run = Run(RUN_ID, under / RUN_ID)
    run.folder.mkdir(parents=True)
    lines = lines_of(ROOT / f"tests/journals/{journal}.ndjson", RUN_ID)
    run.journal.path.write_bytes(b"".join(lines))
    result = judge([Event.from_line(each) for each in lines])
    run.keep_result(result.model_dump_json())
    run.report.write_text("<p>report")
    return run


@pytest.mark.parametrize("kind", ["s3", "file"])
def test_what_came_while_no_console_ran(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    bucket = Bucket(request.getfixturevalue("s3") + "/shelf" if kind == "s3" else f"file://{tmp_path}/share")
    run = theirs(tmp_path / "theirs")
    with History.open(f"sqlite:///{tmp_path}/history.db") as history:
        shelf = Shelf(bucket, history, Received(tmp_path / "received"))
        shelf.fetch(RUN_ID)
        assert shelf.missing() == []
        bucket.put(run, run.result.read_bytes())
        assert shelf.missing() == [RUN_ID]
        shelf.fetch(RUN_ID)
        assert shelf.missing() == []
        found = history.get(RUN_ID)
        assert found is not None
        assert (found.run.state, found.run.verdict) == ("ended", "held")
        kept = tmp_path / "received" / RUN_ID
        for name in ("journal.ndjson", "report.html"):
            assert (kept / name).read_bytes() == (run.folder / name).read_bytes()
        shelf.fetch(RUN_ID)  # once more makes no difference


def test_a_verdict_in_a_bucket_is_not_believed(tmp_path: Path) -> None:
    bucket, run = Bucket(f"file://{tmp_path}/share"), theirs(tmp_path / "theirs", "deviated_during_the_fault")
    bucket.put(run, run.result.read_bytes().replace(b'"deviated"', b'"held"'))
    with History.open(f"sqlite:///{tmp_path}/history.db") as history:
        shelf = Shelf(bucket, history, Received(tmp_path / "received"))
        shelf.fetch(RUN_ID)
        found = history.get(RUN_ID)
        assert found is not None
        assert found.run.verdict == "deviated"
