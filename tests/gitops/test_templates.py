"""A dashboard's template of a commit comes with its manifest, and with what lies beside it."""

from pathlib import Path

from chaos.gitops.pinned import load_pinned
from chaos.gitops.reading import read
from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.repository.source import Source
from chaos.publish import dashboards
from chaos.run_spec.model import RunSpec
from tests.gitops.repository import Repository, manifest
from tests.report.a_run import PLAN


def test_it_is_written_with_its_neighbours(tmp_path: Path) -> None:
    repository = Repository.make(tmp_path / "repository")
    repository.write("experiments/a.yaml", manifest("a", more="  dashboard: boards/team.json.j2\n"))
    repository.write("experiments/b.yaml", manifest("b", more="  dashboard: beside.j2\n"))
    repository.write("experiments/beside.j2", "{}")
    repository.write(
        "experiments/boards/team.json.j2", '{% import "ours.j2" as o %}{"title": {{ o.title()|tojson }}}'
    )
    repository.write("experiments/boards/ours.j2", "{% macro title() %}a team's{% endmacro %}")
    repository.write("experiments/boards/notes.txt", "not a template")
    commit = repository.commit()
    mirror = Mirror(Source(str(repository.folder)), tmp_path / "mirrors")
    mirror.fetch()
    assert set(read(mirror, commit).wanted) == {"a", "b"}
    (loaded,) = load_pinned(mirror, commit, "experiments/a.yaml", tmp_path / "trees")
    assert loaded.dashboard is not None
    assert loaded.dashboard.is_relative_to(tmp_path / "trees" / commit)
    assert not (loaded.dashboard.parent / "notes.txt").exists()
    assert dashboards.render(loaded.dashboard, None, RunSpec.of_journal(PLAN)) == {"title": "a team's"}
    (beside,) = load_pinned(mirror, commit, "experiments/b.yaml", tmp_path / "trees")
    assert beside.dashboard is not None
    assert beside.dashboard.read_text() == "{}"
