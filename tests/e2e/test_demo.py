"""The demo shop under each fault: the resilient one holds, the fragile one deviates, and nothing is left of a fault."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import lab as labs
from tests.lab import ROOT, Lab

SHOPS = {"shop": "held", "shop-fragile": "deviated"}
FAULTS = ["dependency-failure", "disk-full", "memory-pressure", "network-delay", "process-kill"]
MANIFESTS = [ROOT / "experiments" / shop / f"{fault}.yaml" for shop in SHOPS for fault in FAULTS]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with labs.lab(tmp_path) as made:
        yield made


@pytest.mark.e2e
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_shop(lab: Lab, manifest: Path) -> None:
    done = lab.run("--json", manifest)
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
