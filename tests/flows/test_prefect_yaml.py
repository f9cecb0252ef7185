"""`prefect.yaml`: what it deploys is there, takes the parameters it gives, and names files that exist."""

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda one: str(one["name"]))
def test_each_deployment_fits_its_flow(deployment: dict[str, Any]) -> None:
    module, _, name = deployment["entrypoint"].rpartition(".")
    flow = getattr(importlib.import_module(module), name)
    inspect.signature(flow.fn).bind(**deployment["parameters"])
    manifest = deployment["parameters"].get("manifest")
    assert manifest is None or (ROOT / manifest).is_file()
    assert deployment["work_pool"]["name"] == "chaoslab"


def test_every_way_to_run_is_there() -> None:
    assert {one["entrypoint"].rpartition(".")[2] for one in DEPLOYMENTS} == {
        "experiment",
        "game_day",
        "reconcile",
    }
