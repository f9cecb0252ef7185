"""Whoever names a module or a file of ours names one that is there: pages, settings, scripts, comments, strings."""

import tomllib
from collections.abc import Iterable

import pytest
from prefect.flows import Flow, load_flow_from_entrypoint

from flows.worker.admission import FLOWS
from tests.house import names
from tests.house.names import ROOT, Written

ENTRY_POINTS = (
    "flows.experiment.experiment",
    "flows.game_day.game_day",
    "flows.ad_hoc.ad_hoc",
    "flows.reconciling.reconcile",
)
"""As they stand in the database of a Prefect server that an older version filled: they keep these names for good."""


def unknown(found: Iterable[Written]) -> list[str]:
    return [str(one) for one in found]


@pytest.mark.parametrize("code", [False, True], ids=["pages", "code"])
def test_every_dotted_name_is_one_of_ours(code: bool) -> None:
    assert not unknown(
        one for one in names.written(names.DOTTED, code=code) if not names.names_a_module(one.name)
    )


@pytest.mark.parametrize("code", [False, True], ids=["pages", "code"])
def test_every_path_is_there(code: bool) -> None:
    assert not unknown(one for one in names.written(names.PATH, code=code) if not names.is_there(one.name))


@pytest.mark.parametrize("entrypoint", ENTRY_POINTS)
def test_what_a_prefect_server_was_told_before_still_names_a_flow(entrypoint: str) -> None:
    assert isinstance(load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False), Flow)
    module, _, name = entrypoint.rpartition(".")
    for written in (entrypoint, f"{module}:{name}"):
        assert isinstance(load_flow_from_entrypoint(FLOWS[written], use_placeholder_flow=False), Flow)


def test_prefect_yaml_has_entry_points_that_last() -> None:
    lines = (ROOT / "prefect.yaml").read_text().splitlines()
    named = [line.split()[1] for line in lines if line.strip().startswith("entrypoint:")]
    assert set(named) <= set(ENTRY_POINTS)
    assert named


def test_the_command_and_the_contracts_name_modules() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for script in settings["project"]["scripts"].values():
        assert names.names_a_module(script), script
    for contract in settings["tool"]["importlinter"]["contracts"]:
        for key in ("layers", "source_modules", "forbidden_modules"):
            for line in contract.get(key, ()):
                ours = [
                    one
                    for one in line.replace("|", " ").replace(":", " ").split()
                    if one.startswith("chaos.")
                ]
                assert all(map(names.names_a_module, ours)), line


@pytest.mark.parametrize(
    "name", ["chaos.{}", "chaos.errors.{}", "flows.worker.admission:{}", "tests.house.{}"]
)
def test_a_name_that_nothing_has_is_seen(name: str) -> None:
    absent = name.format("Nobody")
    assert names.DOTTED.fullmatch(absent)
    assert not names.names_a_module(absent)


@pytest.mark.parametrize("path", ["chaos/%s.py", "chaos/%s/", "scripts/{setup,%s}", "tests/%s*"])
def test_a_path_that_leads_nowhere_is_seen(path: str) -> None:
    absent = path % "nobody"
    assert names.PATH.fullmatch(absent)
    assert not names.is_there(absent)
