"""Digests: what they cover, and that a version which can say more changes none."""

from dataclasses import asdict, fields, make_dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import create_model

from chaos.errors import ManifestError
from chaos.faults import FAULTS
from chaos.manifests.digests import experiment_digest, must_be, spec_digest, trim
from chaos.manifests.first_fields import FIRST_FIELDS
from chaos.manifests.load import load
from chaos.manifests.models import accepting, experiment, method, observing, target, trials
from chaos.manifests.models.experiment import ExperimentSpec, Phases
from chaos.planning.plan import plan
from chaos.probes import PROBES
from chaos.sandboxes import union
from tests.manifests.a_repository import FULL, SMALL, a_repository

PARTS = (experiment, accepting, method, observing, target, trials, union)


def spec(folder: Path, text: str = SMALL) -> ExperimentSpec:
    shop = a_repository(folder)
    (shop / "one.yaml").write_text(text)
    return load(shop / "one.yaml")[0].manifest.spec


@pytest.mark.parametrize("text", [SMALL, FULL], ids=["small", "full"])
def test_a_field_that_comes_later_changes_no_digest_unless_it_says_something(
    tmp_path: Path, text: str
) -> None:
    now = spec(tmp_path, text)
    later_phases = create_model("Phases", __base__=Phases, cooldown=(float, 0.0))
    later_spec: Any = create_model(
        "ExperimentSpec", __base__=ExperimentSpec, phases=(later_phases, later_phases()), budget=(int, 3)
    )
    known = {name: getattr(now, name) for name in ExperimentSpec.model_fields}
    phases = later_phases.model_construct(**dict(now.phases))
    same = later_spec.model_construct(**{**known, "phases": phases})

    assert spec_digest(same) == spec_digest(now)
    assert spec_digest(same.model_copy(update={"budget": 4})) != spec_digest(now)
    longer = later_phases.model_construct(**{**dict(now.phases), "cooldown": 1.0})
    assert spec_digest(same.model_copy(update={"phases": longer})) != spec_digest(now)


def test_a_field_that_a_fault_gets_later_counts_only_when_it_says_something(tmp_path: Path) -> None:
    [step] = spec(tmp_path).method
    kind = type(step.fault)
    later = make_dataclass(kind.__name__, [("gently", bool, False)], bases=(kind,), frozen=True)
    said = {each.name: getattr(step.fault, each.name) for each in fields(kind)}
    now, same, other = (asdict(each) for each in (step.fault, later(**said), later(**said, gently=True)))
    trim(now, step.fault)
    trim(same, later(**said))
    trim(other, later(**said, gently=True))
    assert same == now
    assert other == {**now, "gently": True}


def test_every_first_field_is_still_there() -> None:
    """A class or field that is renamed would change digests: then the old name has to be said in its place."""
    missing = [
        f"{name}.{field}"
        for name, first in FIRST_FIELDS.items()
        for field in first.split()
        if field not in _fields_of(name)
    ]
    assert missing == []


def _fields_of(name: str) -> set[str]:
    kinds = {each.__name__: each for each in (*FAULTS.values(), *PROBES.values())}
    if name in kinds:
        return {each.name for each in fields(kinds[name])}
    found = [vars(module)[name] for module in PARTS if name in vars(module)]
    return set(found[0].model_fields) if found else set()


def test_the_digest_of_an_experiment_is_of_its_spec_and_its_app(tmp_path: Path) -> None:
    shop = a_repository(tmp_path)
    (shop / "one.yaml").write_text(SMALL)
    [loaded] = load(shop / "one.yaml")
    made = plan(loaded)
    assert made.spec_digest == spec_digest(loaded.manifest.spec)
    assert made.digest == experiment_digest(loaded.manifest.spec, made.app_digest)
    (tmp_path / "experiments/apps/shop/more.py").touch()
    other = plan(loaded)
    assert (other.spec_digest, other.app_digest == made.app_digest) == (made.spec_digest, False)


def test_a_manifest_that_says_something_else_than_was_asked_for_is_refused() -> None:
    must_be(None, "sha256:1", "one.yaml")
    must_be("sha256:1", "sha256:1", "one.yaml")
    with pytest.raises(
        ManifestError, match=r"one.yaml: its spec_digest is sha256:1, .* with sha256:2: .* sync again"
    ):
        must_be("sha256:2", "sha256:1", "one.yaml")
