"""What every fault promises, whoever wrote it."""

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

import chaos.faults
from chaos.faults import FAULTS, fault_class
from chaos.faults.support.base import Fault

ROOT = Path(__file__).resolve().parents[2]
KINDS: tuple[type[Fault], ...] = tuple(FAULTS.values())
REQUIRED: dict[str, dict[str, Any]] = {
    "dependency_failure": {"process": "inventory", "mode": "refuse"},
    "dns_failure": {"host": "inventory"},
    "http_fault": {"process": "inventory"},
}
"""Fields that have no default, with a value; of all other faults the type alone is a manifest."""

every_fault = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def example(kind: type[Fault], **fields: Any) -> Fault:
    """One as an author would write it."""
    written = {"type": type_of(kind), **REQUIRED.get(type_of(kind), {}), **fields}
    made: Fault = TypeAdapter(kind).validate_python(written)
    return made


def type_of(kind: type[Fault]) -> str:
    return str(kind.__dataclass_fields__["type"].default)


def subclasses(kind: type) -> Iterator[type]:
    below: list[type] = kind.__subclasses__()
    for each in below:
        yield each
        yield from subclasses(each)


def test_every_subclass_is_in_the_union() -> None:
    for module in pkgutil.walk_packages(chaos.faults.__path__, "chaos.faults."):
        importlib.import_module(module.name)
    ours = {each for each in subclasses(Fault) if each.__module__.startswith("chaos.")}
    assert {each for each in ours if not inspect.isabstract(each)} == set(KINDS)
    assert list(FAULTS.values()) == list(KINDS)


@every_fault
def test_type_is_the_name_of_its_file(kind: type[Fault]) -> None:
    assert kind.__module__ == f"chaos.faults.{type_of(kind)}"
    assert FAULTS[type_of(kind)] is kind


@every_fault
def test_says_what_it_does(kind: type[Fault]) -> None:
    assert kind.__doc__
    assert not kind.__doc__.startswith(f"{kind.__name__}("), "dataclass would write its own"
    module = importlib.import_module(kind.__module__)
    assert module.__doc__, "the first line says which idea the file is"


@every_fault
def test_survives_the_way_to_the_agent(kind: type[Fault]) -> None:
    fault = example(kind)
    order = json.loads(json.dumps(vars(fault)))
    assert kind(**order) == fault


@every_fault
def test_is_written_as_it_is_read(kind: type[Fault]) -> None:
    fault = example(kind)
    written = TypeAdapter(kind).dump_python(fault, mode="json", exclude_none=True)
    assert TypeAdapter(kind).validate_python(written) == fault


@every_fault
@pytest.mark.parametrize("intensity", ["low", "medium", "high"])
def test_every_intensity_is_a_valid_fault(kind: type[Fault], intensity: str) -> None:
    assert set(kind.presets) == {"low", "medium", "high"}
    preset = kind.presets[intensity]
    fields = set(kind.__dataclass_fields__)
    assert set(preset) <= fields - {"type", "intensity"}
    fault = example(kind, **{**preset, "intensity": intensity})
    assert fault.intensity == intensity
    assert fault.minimum_hold_s() >= 0


@every_fault
def test_intensities_differ(kind: type[Fault]) -> None:
    assert len({repr(sorted(preset.items())) for preset in kind.presets.values()}) == 3


@every_fault
def test_nothing_seen_is_nothing_landed(kind: type[Fault]) -> None:
    delivered = example(kind).delivered([])
    assert not delivered.landed
    assert delivered.samples == 0
    assert delivered.why


CANNOT_TURN = {
    "io_stress": "no device is behind a disk of the local sandbox, and a sync returns at once: nothing waits. Measured "
    "on a real disk as well, where 800 MiB/s beside it left the median of a synced write at 0.7 ms."
}
"""Faults without a fragile target, and why."""


@every_fault
def test_a_robust_target_holds_under_it_and_a_fragile_one_deviates(kind: type[Fault]) -> None:
    """That they do is seen by carrying them out; this is that there are both, for one app and alone in their file."""
    robust, fragile = manifests_of(type_of(kind))
    assert robust
    if type_of(kind) in CANNOT_TURN:
        assert not fragile, "then it can"
        return
    assert {app_of(path) for path in robust} & {app_of(path) for path in fragile}


def manifests_of(fault: str) -> tuple[list[Path], list[Path]]:
    """The files with that one fault: those that hold, and the fragile ones."""
    found = [path for path in (ROOT / "experiments").glob("*/*.yaml") if shown_in(path) == [fault]]
    return [path for path in found if "fragile" not in str(path)], [
        path for path in found if "fragile" in str(path)
    ]


def shown_in(file: Path) -> list[str]:
    spec = (yaml.safe_load(file.read_text()) or {}).get("spec", {})
    return [step["fault"]["type"] for step in spec.get("method", ())]


def app_of(file: Path) -> str:
    return str(yaml.safe_load(file.read_text())["spec"]["target"].get("app"))


@every_fault
def test_needs_the_standard_library_only(kind: type[Fault]) -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {kind.__module__}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_fault_is_found_by_its_name_alone() -> None:
    """The agent reads only the modules of the faults that its order names."""
    assert {type_: fault_class(type_) for type_ in FAULTS} == FAULTS
