"""Nothing is left out without a word: names, links, pointers, other repositories, branches, folders."""

import os
from pathlib import Path

import pytest

from chaos.errors import ManifestError
from chaos.gitops import reading
from chaos.gitops.decide import decide, shape_of
from chaos.gitops.naming import named_in
from chaos.gitops.observed import Deployed, Observed
from chaos.gitops.pinned import load_pinned
from chaos.gitops.repository.git import NotThere
from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.repository.source import Source
from chaos.gitops.wanted import Desired
from tests.gitops.repository import Repository, manifest

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path / "repository")


@pytest.fixture
def mirror(repository: Repository, tmp_path: Path) -> Mirror:
    return Mirror(Source(str(repository.folder)), tmp_path / "mirrors")


def read(mirror: Mirror) -> Desired:
    return reading.read(mirror, mirror.fetch())


def said(found: Desired) -> dict[str, str]:
    return {broken.path: " ".join(broken.problems) for broken in found.broken}


def deployed(found: Desired) -> Observed:
    """What there is once all of it was applied."""
    return Observed(
        {
            name: Deployed(
                id=name,
                name=name,
                repository=found.repository,
                shape=(shape := shape_of(one, found)),
                paused=False,
                commit=found.commit,
                applied=shape.mark,
            )
            for name, one in found.wanted.items()
        }
    )


def submodule(repository: Repository, path: str) -> None:
    """As `git submodule add` leaves it in the index, without another repository."""
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{path}")
    repository.git("commit", "-qm", "submodule")


def test_every_name_that_looks_like_a_manifest_is_told_of(repository: Repository, mirror: Mirror) -> None:
    there = repository.folder / "experiments"
    for number, name in enumerate(
        (b"UPPER.YAML", b"Mixed.Yml", b"caf\xe9.yaml", b".hidden.yaml", b"a\tb.yaml")
    ):
        (there / os.fsdecode(name)).write_text(manifest(f"n-{number}"))
    for folder in (b".team", b"caf\xe9"):
        (there / os.fsdecode(folder)).mkdir()
        (there / os.fsdecode(folder) / "in.yaml").write_text(manifest("inside"))
    (there / ".yamllint.yaml").write_text("rules: {}\n")
    (there / os.fsdecode(b"notes-\xe9.txt")).write_text("no manifest\n")
    repository.write("experiments/good.yaml", manifest("good"))
    repository.commit()
    found = read(mirror)
    assert list(found.wanted) == ["good"]
    about = said(found)
    assert "ends in .YAML; a manifest's ends in .yaml or .yml" in about.pop("experiments/UPPER.YAML")
    assert "ends in .Yml" in about.pop("experiments/Mixed.Yml")
    assert "not UTF-8" in about.pop("experiments/caf\\xe9.yaml")
    assert "not UTF-8" in about.pop("experiments/caf\\xe9/in.yaml")
    assert "hidden" in about.pop("experiments/.hidden.yaml")
    assert "hidden" in about.pop("experiments/.team/in.yaml")
    assert "control character" in about.pop("'experiments/a\\tb.yaml'")
    assert about == {}


def test_links_to_folders_are_told_of_and_links_to_plain_files_are_not(
    repository: Repository, mirror: Mirror
) -> None:
    there = repository.folder / "experiments"
    repository.write("elsewhere/x.yaml", manifest("x"))
    repository.write("README.md", "words\n")
    (there / "dirlink").symlink_to("../elsewhere")
    (there / "twice").symlink_to("dirlink")
    (there / "round").symlink_to("round")
    (there / "out").symlink_to("/srv/experiments")
    (there / "README.md").symlink_to("../README.md")
    (there / "schema.json").symlink_to("/usr/share/schema.json")
    repository.commit()
    about = said(read(mirror))
    assert sorted(about) == [f"experiments/{name}" for name in ("dirlink", "out", "round", "twice")]
    assert "a link to a folder" in about["experiments/dirlink"]
    assert "a link to a folder" in about["experiments/twice"]
    assert "leads out of the repository" in about["experiments/out"]


def test_pointers_and_other_repositories_are_called_what_they_are(
    repository: Repository, mirror: Mirror, tmp_path: Path
) -> None:
    repository.write("experiments/big.yaml", POINTER)
    repository.write("experiments/a.yaml", manifest("a"))
    repository.write("experiments/b.yaml", manifest("b", app="apps/other"))
    first = repository.commit()
    submodule(repository, "experiments/team")
    submodule(repository, "experiments/apps/other")
    about = said(read(mirror))
    assert "Git LFS pointer" in about["experiments/big.yaml"]
    assert "another repository (a submodule)" in about["experiments/team"]
    assert "it is another repository (a submodule)" in about["experiments/b.yaml"]
    assert sorted(read(mirror).wanted) == ["a"]
    submodule(repository, "experiments/apps/web/vendor")
    found = read(mirror)
    assert found.wanted == {}
    assert "holds experiments/apps/web/vendor, another repository" in said(found)["experiments/a.yaml"]
    with pytest.raises(ManifestError, match="another repository"):
        load_pinned(mirror, found.commit, "experiments/a.yaml", tmp_path / "trees")
    assert load_pinned(mirror, first, "experiments/a.yaml", tmp_path / "trees")


def test_a_branch_that_is_not_there_names_those_that_are(repository: Repository, tmp_path: Path) -> None:
    url = str(repository.folder)
    with pytest.raises(NotThere, match="no branch main; it has none yet"):
        Mirror(Source(url), tmp_path / "mirrors").head()
    repository.commit()
    repository.git("branch", "-m", "master")
    for look in (Mirror.head, Mirror.fetch):
        with pytest.raises(NotThere) as caught:
            look(Mirror(Source(url), tmp_path / "mirrors"))
        assert str(caught.value) == f"{url}: no branch main; it has master: say {url}#master"
    repository.git("branch", "refs/heads/main")  # another whose name ends like the ref that is asked for
    repository.git("branch", "dev")
    with pytest.raises(NotThere, match=r"it has dev, master, refs/heads/main: say .*#BRANCH:chaos$"):
        Mirror(Source(url, path="chaos"), tmp_path / "mirrors").head()


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("chaos", "has no folder chaos; it has docs/, experiments/, README.md, linked: say which by --path"),
        ("experiments/team", "has no folder experiments/team; it has experiments/apps/: say"),
        ("linked", "has no folder linked: it is a link"),
        ("README.md", "has no folder README.md: it is a file"),
    ],
)
def test_a_folder_that_is_not_there_says_what_is(
    repository: Repository, tmp_path: Path, path: str, why: str
) -> None:
    repository.write("docs/x.md", "")
    repository.write("README.md", "")
    (repository.folder / "linked").symlink_to("experiments")
    repository.commit()
    with pytest.raises(NotThere) as caught:
        read(Mirror(Source(str(repository.folder), path=path), tmp_path / "mirrors"))
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("to", ["experiments/moved.yaml", "experiments/team/deep/other.yml"])
@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("hold: 1s", "hold: 3x"),
        ("kind: Experiment", "kind: Experimnt"),
        ("spec:\n", "spec: [\n"),
        ("spec:\n", "<<<<<<< HEAD\nspec:\n"),
        ("spec:\n", "# \0\nspec:\n"),
        ("{name: mc}", '{"name": "mc", labels: 3}'),
        ("{name: mc}", "\n  name:\n    mc\n  labls: {}"),
    ],
)
def test_a_broken_file_that_was_moved_keeps_what_it_names(
    repository: Repository, mirror: Mirror, to: str, good: str, bad: str
) -> None:
    for name in ("ma", "mb", "mc", "md"):
        repository.write(f"experiments/{name}.yaml", manifest(name))
    repository.commit()
    seen = deployed(read(mirror))
    text = (repository.folder / "experiments/mc.yaml").read_text()
    (repository.folder / "experiments/mc.yaml").unlink()
    repository.write(to, text.replace(good, bad))
    assert (repository.folder / to).read_text() != text
    repository.commit()
    actions = decide(read(mirror), seen)
    assert [each.kind for each in actions if each.kind != "run"] == ["stall"]
    assert actions[0].why.endswith("mc stays as it was.")


@pytest.mark.parametrize("content", [POINTER, "not: ours\n", "a: [", "\xff\xfe", "", "metadata: {}\n"])
def test_a_file_of_unknown_names_lets_nothing_go(
    repository: Repository, mirror: Mirror, content: str
) -> None:
    for name in "abc":
        repository.write(f"experiments/{name}.yaml", manifest(name))
    repository.commit()
    seen = deployed(read(mirror))
    (repository.folder / "experiments/c.yaml").unlink()
    (repository.folder / "experiments/new.yaml").write_bytes(content.encode("latin-1"))
    repository.commit()
    actions = decide(read(mirror), seen)
    assert "prune" not in {each.kind for each in actions}
    assert any("c would be pruned, and may be in experiments/new.yaml" in each.why for each in actions)
    repository.write("experiments/new.yaml", manifest("new"))
    repository.commit()
    assert ("prune", "c") in {(each.kind, each.name) for each in decide(read(mirror), seen)}


def test_what_a_text_names() -> None:
    assert named_in(b"metadata: {name: a}\n---\nmetadata: {name: b}\n").names == {"a", "b"}
    assert named_in(b"metadata: {name: a}\n---\nmetadata: {name: b}\n").certain
    assert not named_in(b"metadata: {name: a}\n---\nkind: x\n").certain
    assert not named_in(b"metadata: {name: a, name: b}\n").certain
    assert {"a", "b"} <= named_in(b"metadata: {name: a, name: b}\n").names
    assert not named_in(b"metadata: {name: !!str a}\n").certain
    assert "mc" in named_in(b"metadata: {name: &x mc}\nx: [").names


def test_a_newcomer_does_not_take_the_name_of_what_is_deployed(
    repository: Repository, mirror: Mirror
) -> None:
    repository.write("experiments/r-000.yaml", manifest("r-000"))
    repository.commit()
    seen = deployed(read(mirror))
    repository.write("experiments/dup.yaml", manifest("r-000", hold="2s"))
    commit = repository.commit()
    found = read(mirror)
    assert found.contested == {"r-000"}
    settled = reading.read(mirror, commit, {"r-000": "experiments/r-000.yaml"})
    assert settled.wanted["r-000"].path == "experiments/r-000.yaml"
    actions = [each for each in decide(settled, seen) if each.kind != "run"]
    assert [each.kind for each in actions] == ["stall"]
    assert actions[0].why.startswith("experiments/dup.yaml:1:1 metadata.name: 'r-000' is already the name of")
