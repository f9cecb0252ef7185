"""The demo shop in containers: by `sandbox.type` alone, the same verdicts as in local sandboxes."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from shutil import copytree

import pytest

from tests import lab as labs
from tests.e2e.test_demo import MANIFESTS, SHOPS
from tests.lab import Ended
from tests.sandboxes import containers

pytestmark = pytest.mark.paired

AT_ONCE = 3


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[Path, Future[Ended]]]:
    """What becomes of each, some of them at once."""
    folder = tmp_path_factory.mktemp("containers")
    (folder / ".git").mkdir()
    with labs.lab(folder) as lab, ThreadPoolExecutor(AT_ONCE) as pool:
        lab.variables |= containers.settings()
        yield {
            manifest: pool.submit(lab.run, "--json", in_a_container(manifest, folder))
            for manifest in MANIFESTS
        }


def in_a_container(manifest: Path, folder: Path) -> Path:
    """The same manifest, but for the type of its sandbox, in a repository of its own."""
    copy = folder / manifest.parent.name / manifest.name
    copy.parent.mkdir(exist_ok=True)
    apps = folder / "apps"
    if not apps.exists():
        copytree(manifest.parents[1] / "apps" / "shop", apps / "shop")
    text = manifest.read_text()
    assert text.count("type: local") == 1
    copy.write_text(text.replace("type: local", "type: container"))
    return copy


@containers.needs_engine
@pytest.mark.e2e
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_shop_in_a_container(ends: Mapping[Path, Future[Ended]], manifest: Path) -> None:
    done = ends[manifest].result()
    result = done.result
    expected = SHOPS[manifest.parent.name]
    assert (result.outcome, result.verdict) == ("completed", expected), result.why
    assert result.sandbox.type == "container"
    for step in result.steps:
        assert step.landed, step.why
        assert step.kind == "real"
        assert step.residue == []
    assert result.sandbox.destroyed
