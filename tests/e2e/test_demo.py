"""The demo shop under each fault: the resilient one holds, the fragile one deviates, and nothing is left of a fault."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import lab as labs
from tests.lab import ROOT, Ended

pytestmark = pytest.mark.paired

SHOPS = {"shop": "held", "shop-fragile": "deviated"}
FAULTS = ["dependency-failure", "disk-full", "memory-pressure", "network-delay", "process-kill"]
MANIFESTS = [ROOT / "experiments" / shop / f"{fault}.yaml" for shop in SHOPS for fault in FAULTS]
AT_ONCE = 3
"""Each in its sandbox: they wait more than they work, and none takes a third of two processors."""


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[Path, Future[Ended]]]:
    """What becomes of each, some of them at once."""
    with labs.lab(tmp_path_factory.mktemp("demo")) as lab, ThreadPoolExecutor(AT_ONCE) as pool:
        yield {manifest: pool.submit(lab.run, "--json", manifest) for manifest in MANIFESTS}


@pytest.mark.e2e
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_shop(ends: Mapping[Path, Future[Ended]], manifest: Path) -> None:
    done = ends[manifest].result()
    result = done.result
    expected = SHOPS[manifest.parent.name]
    assert (result.outcome, result.verdict) == ("completed", expected), result.why
    assert done.code == {"held": 0, "deviated": 1}[expected]
    assert result.steps
    for step in result.steps:
        assert step.landed, step.why
        assert step.kind == "real"
        assert step.residue == []
    assert result.sandbox.destroyed
