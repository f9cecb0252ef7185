"""How a repository is named: as a person writes it, as labels show it, and never with a password."""

from pathlib import Path

import pytest

from chaos.gitops.repository.source import Source, SourceError

HTTPS = "https://git.example/team/shop.git"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (HTTPS, Source(HTTPS, "trunk", "chaos")),
        (f"{HTTPS}#live", Source(HTTPS, "live", "chaos")),
        (f"{HTTPS}#live:a/b", Source(HTTPS, "live", "a/b")),
        (f"{HTTPS}#:.", Source(HTTPS, "trunk", ".")),
        ("git@git.example:team/shop.git#live", Source("git@git.example:team/shop.git", "live", "chaos")),
    ],
)
def test_branch_and_folder_can_follow_the_address(text: str, source: Source) -> None:
    assert Source.parse(text, "trunk", "chaos") == source
    assert Source.parse(str(source)) == source


def test_a_directory_with_a_number_sign_is_that_directory(tmp_path: Path) -> None:
    (tmp_path / "a#b").mkdir()
    assert Source.parse(str(tmp_path / "a#b")) == Source(str(tmp_path / "a#b"))


@pytest.mark.parametrize(
    "text", ["#live", f"{HTTPS}#-x", f"{HTTPS}#main:../..", f"{HTTPS}#main:/etc", "ftp://x/y#main"]
)
def test_what_nobody_can_mean_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError):
        Source.parse(text)


def test_its_name_says_where_and_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Source("https://me:secret@git.example/a.git").name == "https://git.example/a.git"
    assert Source("ssh://git:secret@git.example/a.git").name == "ssh://git@git.example/a.git"
    assert Source("ssh://git@git.example/a.git").name == "ssh://git@git.example/a.git"
    assert Source("file:///srv/git/a.git").name == "/srv/git/a.git"
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    assert Source("here").name == str(tmp_path / "here")
