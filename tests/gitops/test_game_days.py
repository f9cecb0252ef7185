"""Game days of a repository: what a commit asks for, what becomes of deployments, and the tree that a run gets."""

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.errors import ManifestError
from chaos.gitops.decide import decide
from chaos.gitops.observed import Observed
from chaos.gitops.pinned_day import load_pinned_day
from chaos.gitops.reading import read
from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.repository.source import Source
from chaos.gitops.wanted import DesiredDeployment
from tests.gitops.repository import Repository, manifest
from tests.gitops.test_decide import deployed, desired, kinds, wanted

DAY = """\
apiVersion: chaoslab/v1
kind: GameDay
metadata: {name: day, labels: {team: payments}}
spec:
  purpose: See whether all of it holds.
  schedule: {cron: "0 9 * * 2", timezone: Europe/Berlin}
  stages:
    - {name: all, experiments: [{name: a, hold: 2s}, {name: b, followUp: c}]}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository.make(tmp_path / "repository")
    for name in "abc":
        made.write(f"experiments/team/{name}.yaml", manifest(name, app="../apps/web"))
    made.write("experiments/days/day.yaml", DAY)
    return made


@pytest.fixture
def mirror(repository: Repository, tmp_path: Path) -> Mirror:
    return Mirror(Source(str(repository.folder)), tmp_path / "mirrors")


def the_day(mirror: Mirror) -> DesiredDeployment:
    return read(mirror, mirror.fetch()).wanted["day"]


def test_a_day_is_wanted_by_its_schedule_and_never_because_of_a_push(
    repository: Repository, mirror: Mirror
) -> None:
    repository.commit()
    day = the_day(mirror)
    assert (day.is_game_day, day.experiments) == (True, ("a", "b", "c"))
    assert (day.cron, day.timezone, day.hypothesis) == (
        "0 9 * * 2",
        "Europe/Berlin",
        "See whether all of it holds.",
    )
    actions = decide(read(mirror, mirror.fetch()), Observed())
    assert [each.kind for each in actions if each.name == "day"] == ["create"]
    assert DesiredDeployment.from_json(day.to_json()) == day


def test_a_day_changes_with_what_it_names(repository: Repository, mirror: Mirror) -> None:
    repository.commit()
    before = the_day(mirror)
    repository.write("experiments/team/d.yaml", manifest("d", app="../apps/web"))
    repository.commit()
    assert the_day(mirror) == before
    repository.write("experiments/team/c.yaml", manifest("c", hold="3s", app="../apps/web"))
    repository.commit()
    assert the_day(mirror).push_digest != before.push_digest


@pytest.mark.parametrize("gone", ["c", "a"])
def test_a_day_that_names_what_is_not_there_is_broken_and_hurts_nothing_else(
    repository: Repository, mirror: Mirror, gone: str
) -> None:
    (repository.folder / f"experiments/team/{gone}.yaml").unlink()
    repository.commit()
    found = read(mirror, mirror.fetch())
    (broken,) = found.broken
    assert broken.path == "experiments/days/day.yaml"
    assert broken.problems == (
        f"experiments/days/day.yaml:1:1 spec.stages: no experiment of this repository is called {gone}",
    )
    assert sorted(found.wanted) == sorted({"a", "b", "c"} - {gone})


def test_a_day_in_the_place_of_an_experiment_is_a_deployment_of_its_own() -> None:
    day = wanted("a", experiments=("b",), on_push=False)
    other = wanted("b", on_push=False)
    seen = Observed({"a": deployed(wanted("a")), "b": deployed(other)})
    assert kinds(decide(desired(day, other), seen)) == [("prune", "a"), ("create", "a")]
    as_day = replace(deployed(day), game_day=True)
    assert decide(desired(day, other), Observed({"a": as_day, "b": deployed(other)})) == []


def test_a_run_gets_the_day_and_its_experiments_of_the_commit(
    repository: Repository, mirror: Mirror, tmp_path: Path
) -> None:
    repository.write("experiments/team/broken.yaml", "name: a\nkind: Experiment\n")
    first = repository.commit()
    repository.write("experiments/team/a.yaml", manifest("a", hold="9s", app="../apps/web"))
    repository.commit()
    mirror.fetch()
    trees = tmp_path / "trees"
    day, found = load_pinned_day(mirror, first, "experiments/days/day.yaml", None, trees)
    assert day.manifest.metadata.name == "day"
    assert sorted(found) == ["a", "b", "c"]
    assert found["a"].file == str(trees / first / "experiments/team/a.yaml")
    assert found["a"].manifest.spec.method[0].hold == 1.0
    with pytest.raises(ManifestError, match="say which game day by its name; it holds: none"):
        load_pinned_day(mirror, first, "experiments/team/a.yaml", None, trees)
