"""Nothing outside of its repository is reached from a manifest, whatever links and dots say."""

from pathlib import Path

import pytest

from chaos.errors import ManifestError
from chaos.manifests.load import load
from chaos.manifests.places import repository
from tests.manifests.a_repository import SMALL, a_manifest


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ("/etc", "is absolute"),
        ("../../../outside", "leaves the repository"),
        ("../../../../../../../../etc", "leaves the repository"),
        ("../apps/escape", "leaves the repository"),
        ("../apps/nowhere", "is not there"),
        ("../apps/shop/web.py", "is not a directory"),
        ("../apps/loop", "cannot be read"),
    ],
)
def test_an_app_outside_of_the_repository_or_absent_is_refused(tmp_path: Path, app: str, said: str) -> None:
    path = a_manifest(tmp_path / "repo", SMALL.replace("../apps/shop", app))
    (tmp_path / "outside").mkdir()
    apps = path.parent.parent / "apps"
    (apps / "escape").symlink_to(tmp_path / "outside")
    (apps / "loop").symlink_to(apps / "loop")
    with pytest.raises(ManifestError, match=said) as caught:
        load(path)
    assert [problem.path for problem in caught.value.problems] == ["spec.target.app"]


def test_a_link_that_stays_inside_is_followed(tmp_path: Path) -> None:
    path = a_manifest(tmp_path, SMALL.replace("../apps/shop", "../apps/alias"))
    (path.parent.parent / "apps" / "alias").symlink_to("shop")
    assert load(path)[0].app == (tmp_path / "experiments" / "apps" / "shop").resolve()


def test_the_manifest_is_where_its_file_is_not_where_a_link_to_it_is(tmp_path: Path) -> None:
    real = a_manifest(tmp_path / "repo", SMALL)
    link = tmp_path / "link.yaml"
    link.symlink_to(real)
    assert load(link)[0].root == (tmp_path / "repo").resolve()


def test_outside_of_git_the_experiments_directory_is_the_repository(tmp_path: Path) -> None:
    folder = tmp_path / "experiments" / "shop"
    folder.mkdir(parents=True)
    assert repository(folder / "a.yaml") == (tmp_path / "experiments").resolve()
    assert repository(tmp_path / "a.yaml") == tmp_path.resolve()


def test_a_root_that_the_caller_gives_is_the_repository(tmp_path: Path) -> None:
    path = a_manifest(tmp_path, SMALL)
    with pytest.raises(ManifestError, match="leaves the repository"):
        load(path, root=path.parent)
