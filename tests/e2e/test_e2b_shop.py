"""The demo shop in E2B sandboxes of the double: the same manifests, faults and verdicts as in local ones."""

from pathlib import Path

import pytest

from tests.e2e.test_demo import SHOPS
from tests.sandboxes.shops import FAULTS, results

pytestmark = pytest.mark.paired


@pytest.mark.e2e
def test_the_resilient_shop_holds(tmp_path: Path) -> None:
    found = results(tmp_path, "shop")
    assert {fault: (each.outcome, each.verdict) for fault, each in found.items()} == {
        fault: ("completed", SHOPS["shop"]) for fault in FAULTS
    }, {fault: each.why for fault, each in found.items()}
    for result in found.values():
        assert result.sandbox.type == "e2b"
        assert result.sandbox.destroyed
        for step in result.steps:
            assert (step.landed, step.kind, step.residue) == (True, "real", []), step.why


@pytest.mark.e2e
def test_the_fragile_shop_deviates(tmp_path: Path) -> None:
    found = results(tmp_path, "shop-fragile")
    assert {fault: (each.outcome, each.verdict) for fault, each in found.items()} == {
        fault: ("completed", SHOPS["shop-fragile"]) for fault in FAULTS
    }, {fault: each.why for fault, each in found.items()}
    for result in found.values():
        assert (result.sandbox.type, result.sandbox.destroyed) == ("e2b", True)
        for step in result.steps:
            assert (step.landed, step.kind, step.residue) == (True, "real", []), step.why
