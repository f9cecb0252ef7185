"""Reading a repository at a commit: what it asks for, what is parsed again, and what hostile ones get."""

import os
from pathlib import Path

import pytest

from chaos.gitops import reading
from chaos.gitops.pinned import load_pinned
from chaos.gitops.repository.git import GitError
from chaos.gitops.repository.mirror import MOST_BLOB_BYTES, Mirror
from chaos.gitops.repository.source import Source, SourceError
from chaos.gitops.wanted import Desired
from chaos.planning.plan import plan
from tests.gitops.repository import Repository, manifest


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path / "repository")


@pytest.fixture
def mirror(repository: Repository, tmp_path: Path) -> Mirror:
    return Mirror(Source(str(repository.folder)), tmp_path / "mirrors")


def read(mirror: Mirror) -> Desired:
    return reading.read(mirror, mirror.fetch())


def test_every_manifest_of_the_folder_and_nothing_else(repository: Repository, mirror: Mirror) -> None:
    more = "  schedule: {cron: '0 9 * * 1', timezone: Europe/Berlin}\n  dependsOn: [a]\n  suspend: true\n"
    repository.write("experiments/a.yaml", manifest("a"))
    repository.write("experiments/team/b.yml", manifest("b", app="../apps/web", more=more))
    repository.write("experiments/apps/web/values.yaml", "not: ours\n")
    repository.write("experiments/.hidden/c.yaml", "not: ours\n")
    repository.write("experiments/.hidden.yaml", "not: ours\n")
    repository.write("elsewhere/d.yaml", manifest("d"))
    commit = repository.commit()
    found = read(mirror)
    assert (found.commit, found.broken) == (commit, ())
    assert sorted(found.wanted) == ["a", "b"]
    b = found.wanted["b"]
    assert (b.path, b.cron, b.timezone, b.suspend) == (
        "experiments/team/b.yml",
        "0 9 * * 1",
        "Europe/Berlin",
        True,
    )
    assert (b.app, b.depends_on, b.hypothesis) == ("experiments/apps/web", ("a",), "b holds.")


def test_the_digest_follows_what_happens(repository: Repository, mirror: Mirror) -> None:
    repository.write("experiments/a.yaml", manifest("a"))
    repository.commit()
    digests = [read(mirror).wanted["a"].push_digest]
    repository.write("experiments/a.yaml", "# a comment\n" + manifest("a", more="  suspend: true\n"))
    repository.commit()
    digests.append(read(mirror).wanted["a"].push_digest)
    repository.write("experiments/apps/web/web.py", "print('another')\n")
    repository.commit()
    digests.append(read(mirror).wanted["a"].push_digest)
    repository.write("experiments/a.yaml", manifest("a", hold="2s"))
    repository.commit()
    digests.append(read(mirror).wanted["a"].push_digest)
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_the_digest_of_the_spec_is_that_of_a_run(
    repository: Repository, mirror: Mirror, tmp_path: Path
) -> None:
    repository.write("experiments/a.yaml", manifest("a"))
    commit = repository.commit()
    assert (found := read(mirror)).commit == commit
    [loaded] = load_pinned(mirror, commit, "experiments/a.yaml", tmp_path / "trees")
    assert found.wanted["a"].spec_digest == plan(loaded).spec_digest


def test_only_what_changed_is_parsed(
    repository: Repository, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        repository.write(f"experiments/{name}.yaml", manifest(name))
    repository.commit()
    before = read(mirror)
    repository.write("experiments/b.yaml", manifest("b", hold="2s"))
    repository.commit()
    parsed: list[str] = []
    really = reading.load_bytes

    def counted(data: bytes, path: Path, *more: object) -> object:
        parsed.append(str(path))
        return really(data, path, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "load_bytes", counted)
    after = read(Mirror(mirror.source, mirror.git.folder.parent))
    assert parsed == ["experiments/b.yaml"]
    assert after.wanted["a"] == before.wanted["a"]
    assert after.wanted["b"].push_digest != before.wanted["b"].push_digest


def test_a_broken_file_says_where_and_hurts_no_other(repository: Repository, mirror: Mirror) -> None:
    repository.write("experiments/a.yaml", manifest("a"))
    repository.write("experiments/b.yaml", manifest("b").replace("process_kill", "process_kil"))
    repository.write("experiments/c.yaml", manifest("c", app="apps/nowhere"))
    repository.commit()
    found = read(mirror)
    assert list(found.wanted) == ["a"]
    said = {broken.path: broken.problems for broken in found.broken}
    assert any(
        line.startswith("experiments/b.yaml:12:") and "process_kill" in line
        for line in said["experiments/b.yaml"]
    )
    assert "'apps/nowhere' is not a directory of this commit" in said["experiments/c.yaml"][0]
    assert said["experiments/c.yaml"][0].startswith("experiments/c.yaml:7:")


def test_an_app_that_went_away_is_noticed_though_the_manifest_is_as_it_was(
    repository: Repository, mirror: Mirror
) -> None:
    repository.write("experiments/a.yaml", manifest("a"))
    repository.commit()
    assert "a" in read(mirror).wanted
    repository.git("rm", "-rq", "experiments/apps")
    repository.git("commit", "-qm", "gone")
    found = read(mirror)
    assert found.wanted == {}
    assert "not a directory of this commit" in found.broken[0].problems[0]


def test_two_of_one_name_and_those_that_wait_in_vain(repository: Repository, mirror: Mirror) -> None:
    repository.write("experiments/a.yaml", manifest("same"))
    repository.write("experiments/b.yaml", manifest("same"))
    repository.write("experiments/c.yaml", manifest("c", more="  dependsOn: [nobody]\n"))
    repository.write("experiments/d.yaml", manifest("d", more="  dependsOn: [e]\n"))
    repository.write("experiments/e.yaml", manifest("e", more="  dependsOn: [d]\n"))
    repository.commit()
    found = read(mirror)
    assert {name: one.path for name, one in found.wanted.items()} == {"same": "experiments/a.yaml"}
    said = {broken.path: broken.problems[0] for broken in found.broken}
    assert "already the name of experiments/a.yaml" in said["experiments/b.yaml"]
    assert "called nobody" in said["experiments/c.yaml"]
    assert "waits for itself" in said["experiments/d.yaml"]
    assert "waits for itself" in said["experiments/e.yaml"]


def test_links_and_strange_names_and_giants_are_refused_one_by_one(
    repository: Repository, mirror: Mirror, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text(manifest("secret"))
    repository.write("experiments/good.yaml", manifest("good"))
    (repository.folder / "experiments/link.yaml").symlink_to(secret)
    (repository.folder / "experiments/apps/out").symlink_to("/etc")
    repository.write("experiments/out.yaml", manifest("out", app="apps/out"))
    repository.write("experiments/up.yaml", manifest("up", app="../../.."))
    repository.write("experiments/a\nb.yaml", manifest("newline"))
    repository.write("experiments/bomb.yaml", "a: " + "[" * 30_000)
    (repository.folder / "experiments/giant.yaml").write_bytes(os.urandom(4 * MOST_BLOB_BYTES))
    repository.commit()
    found = read(mirror)
    assert list(found.wanted) == ["good"]
    said = {broken.path: " ".join(broken.problems) for broken in found.broken}
    assert "is a link" in said["experiments/link.yaml"]
    assert "not a directory of this commit" in said["experiments/out.yaml"]
    assert "leaves the repository" in said["experiments/up.yaml"]
    assert "control character" in said["'experiments/a\\nb.yaml'"]
    assert "deep" in said["experiments/bomb.yaml"]
    assert "larger than 256KiB" in said["experiments/giant.yaml"]
    size = sum(file.stat().st_size for file in mirror.git.folder.rglob("*") if file.is_file())
    assert size < MOST_BLOB_BYTES


@pytest.mark.parametrize("name", [b"..", b".git", b"../../escape"])
def test_a_tree_that_leads_out_is_not_even_fetched(
    repository: Repository, mirror: Mirror, name: bytes
) -> None:
    blob = repository.git("hash-object", "-w", "--stdin", data=b"a: 1\n")
    tree = repository.git("mktree", data=f"100644 blob {blob}\tx.yaml\n".encode())
    repository.commit_tree(b"40000 " + name + b"\0" + bytes.fromhex(tree))
    with pytest.raises(GitError, match=r"hasDot|hasDotgit|fullPathname|has"):
        mirror.fetch()


def test_nothing_of_the_repository_is_run(repository: Repository, mirror: Mirror, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    script = f"#!/bin/sh\ntouch {mark}\n"
    for hook in ("pre-receive", "post-checkout", "upload-pack", "pre-auto-gc", "reference-transaction"):
        repository.write(f".git/hooks/{hook}", script)
        (repository.folder / f".git/hooks/{hook}").chmod(0o755)
    repository.write(".gitmodules", f'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "touch {mark}"\n')
    repository.write(".gitattributes", "*.yaml filter=evil\n")
    repository.git("config", "filter.evil.smudge", f"touch {mark}")
    repository.write("experiments/a.yaml", manifest("a"))
    repository.git("config", "core.hooksPath", "/nowhere")
    repository.commit()
    mark.unlink(missing_ok=True)
    repository.git("config", "--unset", "core.hooksPath")
    assert "a" in read(mirror).wanted
    assert not mark.exists()


def test_an_unsigned_head_is_refused_where_signatures_are_required(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit()
    strict = Mirror(Source(str(repository.folder), require_signed=True), tmp_path / "mirrors")
    with pytest.raises(GitError, match="no good signature"):
        strict.fetch()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"url": "ext::sh -c true"}, "control character, a space"),
        ({"url": "http://git.example/x"}, "https, ssh and file"),
        ({"url": "--upload-pack=evil"}, "leading '-'"),
        ({"url": "/nowhere/at/all"}, "no such directory"),
        ({"url": "https://git.example/x", "branch": "--evil"}, "branch"),
        ({"url": "https://git.example/x", "branch": "a..b"}, "branch"),
        ({"url": "https://git.example/x", "path": "../up"}, "inside the repository"),
        ({"url": "https://git.example/x", "path": "/abs"}, "inside the repository"),
    ],
)
def test_a_source_that_nobody_can_mean(fields: dict[str, str], why: str) -> None:
    with pytest.raises(SourceError, match=why):
        Source(**fields)


def test_credentials_of_a_url_are_in_no_name_and_no_error(tmp_path: Path) -> None:
    source = Source("file://user:hunter2@/nowhere/repository")
    assert "hunter2" not in source.name
    with pytest.raises(GitError) as caught:
        Mirror(source, tmp_path).fetch()
    assert "hunter2" not in str(caught.value)


def test_a_branch_that_is_not_there_says_so(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    with pytest.raises(GitError, match="main2"):
        Mirror(Source(str(repository.folder), branch="main2"), tmp_path).fetch()


def test_a_run_gets_exactly_the_tree_of_its_commit(
    repository: Repository, mirror: Mirror, tmp_path: Path
) -> None:
    repository.write("experiments/a.yaml", manifest("a"))
    (repository.folder / "experiments/apps/web/model.bin").write_bytes(os.urandom(2 * MOST_BLOB_BYTES))
    repository.write("experiments/apps/other/secret.txt", "not for it\n")
    (repository.folder / "experiments/apps/web/web.py").chmod(0o755)
    first = repository.commit()
    repository.write("experiments/apps/web/web.py", "print('later')\n")
    repository.commit()
    read(mirror)
    (loaded,) = load_pinned(mirror, first, "experiments/a.yaml", tmp_path / "trees")
    assert loaded.app is not None
    assert loaded.app.is_relative_to(tmp_path / "trees" / first)
    assert (loaded.app / "web.py").read_text() == "print('web')\n"
    assert (loaded.app / "web.py").stat().st_mode & 0o111
    assert (loaded.app / "model.bin").stat().st_size == 2 * MOST_BLOB_BYTES
    assert not (tmp_path / "trees" / first / "experiments/apps/other").exists()
    again = load_pinned(mirror, first, "experiments/a.yaml", tmp_path / "trees")
    assert again[0].app == loaded.app


def test_what_the_commit_does_not_have_cannot_be_run(
    repository: Repository, mirror: Mirror, tmp_path: Path
) -> None:
    commit = repository.commit()
    mirror.fetch()
    with pytest.raises(GitError, match=r"has no manifest experiments/nope\.yaml"):
        load_pinned(mirror, commit, "experiments/nope.yaml", tmp_path)
    with pytest.raises(GitError, match="is no commit"):
        load_pinned(mirror, "--evil", "experiments/nope.yaml", tmp_path)
