"""The policy of a commit: what it forbids is not deployed, and a run is held to the newest one that was fetched."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from chaos.errors import ManifestError, PlanError
from chaos.gitops.pinned import load_pinned
from chaos.gitops.reading import read
from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.repository.source import Source
from chaos.planning.plan import plan
from tests.gitops.repository import Repository, manifest

MANIFEST = "experiments/a.yaml"


def policy(**limits: object) -> str:
    lines = "".join(f"  {name}: {value}\n" for name, value in limits.items())
    return f"apiVersion: chaoslab/v1\nkind: Policy\nspec:\n{lines}" if lines else ""


class Scene:
    """A repository with one experiment that holds its fault for a second, and its mirror."""

    def __init__(self, folder: Path) -> None:
        self.repository = Repository.make(folder / "repository")
        self.repository.write(MANIFEST, manifest("a"))
        self.mirror = Mirror(Source(str(self.repository.folder)), folder / "mirrors")
        self.trees = folder / "trees"

    def push(self, policy: str, path: str = "chaoslab.yaml") -> str:
        """Commit that policy and fetch it; the commit."""
        self.repository.write(path, policy)
        self.repository.commit()
        return self.mirror.fetch()

    def asked(self, commit: str) -> tuple[Sequence[str], Sequence[str]]:
        """The experiments that the commit asks for, and what is wrong with it."""
        desired = read(self.mirror, commit)
        return sorted(desired.wanted), [problem for each in desired.broken for problem in each.problems]

    def run(self, commit: str) -> None:
        """Plan as a run of that commit does."""
        (loaded,) = load_pinned(self.mirror, commit, MANIFEST, self.trees)
        plan(loaded)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_what_the_commits_policy_forbids_is_broken_at_its_place(scene: Scene) -> None:
    commit = scene.push(policy(faults="[disk_full]"))
    assert scene.asked(commit) == (
        [],
        [
            "experiments/a.yaml:12:28 spec.method[0].fault.type: a: 'process_kill' is not allowed; "
            "chaoslab.yaml:4:3 allows disk_full"
        ],
    )
    with pytest.raises(PlanError, match="is not allowed"):
        scene.run(commit)


def test_a_manifest_is_looked_at_again_when_the_policy_changes(scene: Scene) -> None:
    for limits, wanted in (("1m", ["a"]), ("500ms", []), ("1m", ["a"])):
        assert scene.asked(scene.push(policy(maxHold=limits)))[0] == wanted


def test_a_run_is_held_to_the_newest_policy_that_was_fetched(scene: Scene) -> None:
    allowed = scene.push(policy(maxHold="1s"))
    scene.run(allowed)
    scene.push(policy(maxHold="500ms"))
    with pytest.raises(PlanError, match="1s is longer than the policy's limit"):
        scene.run(allowed)
    scene.push(policy(maxHold="2s"))
    scene.run(allowed)


def test_a_run_of_a_commit_is_held_to_its_own_policy_as_well(scene: Scene) -> None:
    forbidden = scene.push(policy(maxHold="500ms"))
    scene.push(policy(maxHold="1s"))
    with pytest.raises(PlanError, match="1s is longer"):
        scene.run(forbidden)


@pytest.mark.parametrize("name", ["chaoslab.yaml", "chaoslab.yml"])
def test_a_commit_whose_policy_cannot_be_read_asks_for_nothing(scene: Scene, name: str) -> None:
    before = scene.push(policy(maxHold="1s"))
    after = scene.push("kind: Policy\n", name)
    with pytest.raises(ManifestError, match=f"{name}:1:1"):
        scene.asked(after)
    scene.run(before)  # what was brought in line before goes on under its own policy


def test_a_policy_that_is_a_link_is_not_followed(scene: Scene) -> None:
    (scene.repository.folder / "chaoslab.yaml").symlink_to("/etc/hostname")
    scene.repository.commit()
    with pytest.raises(ManifestError, match="no plain file"):
        scene.asked(scene.mirror.fetch())


def test_a_policy_anywhere_else_is_told_of(scene: Scene) -> None:
    commit = scene.push(policy(maxHold="500ms"), "experiments/chaoslab.yaml")
    assert scene.asked(commit) == (
        ["a"],
        ["experiments/chaoslab.yaml:1:1: a policy counts at the root of its repository only: chaoslab.yaml"],
    )


def test_runs_are_counted_by_repository_whatever_the_commit(scene: Scene) -> None:
    commit = scene.push(policy(maxConcurrentRuns=2))
    (loaded,) = load_pinned(scene.mirror, commit, MANIFEST, scene.trees)
    assert plan(loaded).at_once == {scene.mirror.source.name: 2}
