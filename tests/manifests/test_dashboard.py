"""A team's dashboard template in a manifest: found beside it, and nowhere outside of the repository."""

from pathlib import Path

import pytest

from chaos.errors import ManifestError
from chaos.manifests.load import load
from chaos.planning.plan import plan

HELLO = Path(__file__).parents[2] / "experiments" / "hello.yaml"
HEAD = "spec:\n"


def written(tmp_path: Path, template: str) -> Path:
    """A repository with one manifest that names this template, a template beside it, and one outside."""
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    (repository / "app").mkdir()
    (repository / "app" / "web.py").write_text("")
    (repository / "team.json.j2").write_text("{}")
    (repository / "folder.j2").mkdir()
    (tmp_path / "outside.j2").write_text("{}")
    (repository / "linked.j2").symlink_to(tmp_path / "outside.j2")
    manifest = repository / "mine.yaml"
    text = HELLO.read_text().replace("app: apps/shop", "app: app")
    manifest.write_text(text.replace(HEAD, f"{HEAD}  dashboard: {template}\n", 1))
    return manifest


def test_it_is_found_and_planned(tmp_path: Path) -> None:
    manifest = written(tmp_path, "./team.json.j2")
    [loaded] = load(manifest)
    drawn = plan(loaded)
    assert drawn.dashboard == str((tmp_path / "repository" / "team.json.j2").resolve())


def test_what_it_looks_like_changes_nothing_of_what_happens(tmp_path: Path) -> None:
    manifest = written(tmp_path, "team.json.j2")
    [loaded] = load(manifest)
    manifest.write_text(manifest.read_text().replace("  dashboard: team.json.j2\n", ""))
    [bare] = load(manifest)
    assert bare.dashboard is None
    assert plan(loaded).digest == plan(bare).digest


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("nowhere.j2", "'nowhere.j2' is not there"),
        ("folder.j2", "'folder.j2' is not a file"),
        ("linked.j2", "leaves the repository"),
        ("../outside.j2", "leaves the repository"),
        ("/etc/outside.j2", "is absolute"),
        ("nofolder/team.j2", "is not there"),
        ("team.json", "j2"),
        ("[team.j2]", "text"),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(tmp_path: Path, template: str, why: str) -> None:
    manifest = written(tmp_path, template)
    with pytest.raises(ManifestError) as refused:
        load(manifest)
    [problem] = refused.value.problems
    assert str(problem).startswith(f"{manifest}:")
    assert " spec.dashboard: " in str(problem)
    assert why in str(problem)
    line = int(str(problem).removeprefix(f"{manifest}:").split(":")[0])
    assert "dashboard:" in manifest.read_text().splitlines()[line - 1]
