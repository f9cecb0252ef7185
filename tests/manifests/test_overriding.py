"""A run with other numbers than its manifest's."""

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.errors import ManifestError
from chaos.faults import FAULTS
from chaos.manifests.load import Loaded, load
from chaos.manifests.models.method import Step
from chaos.manifests.overriding import Overrides, overridden
from chaos.planning.plan import plan

HELLO = Path("experiments/hello.yaml")
MANIFESTS = [
    HELLO,
    *sorted(Path("experiments/catalogue").glob("*.yaml")),
    *sorted(Path("experiments/shop").glob("*.yaml")),
]

REFUSED = {
    ("http-fault", "high"),  # its retryAfter goes with answers only, and this preset gives none
    ("http-fault-fragile", "high"),
    ("memory-pressure", "low"),  # the hold is shorter than what the preset takes to be reached
    ("memory-pressure", "medium"),
    ("memory-spared", "low"),
    ("memory-spared", "medium"),
}


def hello() -> Loaded:
    (one,) = load(HELLO)
    return one


def test_nothing_wanted_changes_nothing() -> None:
    one = hello()
    assert overridden(one, Overrides.read()) is one


def test_every_step_is_held_so_long_instead() -> None:
    (one,) = load("experiments/shop/network-delay.yaml")
    other = overridden(one, Overrides.read(hold="7s"))
    assert {step.hold for step in other.manifest.spec.method} == {7.0}
    drawn = plan(one, overrides=Overrides.read(hold="7s"))
    assert drawn == replace(plan(other), overrides={"hold": "7s"})
    assert plan(other).declared_s == plan(one).declared_s - sum(
        s.hold - 7.0 for s in one.manifest.spec.method
    )
    assert plan(other).digest != plan(one).digest


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("intensity", ["low", "medium", "high"])
def test_a_preset_takes_the_place_of_exact_numbers_as_if_its_author_had_written_it(
    path: Path, intensity: str
) -> None:
    for one in load(path):
        if (path.stem, intensity) in REFUSED:
            continue  # the test below is theirs
        other = overridden(one, Overrides.read(intensity=intensity))
        for before, step in zip(one.tree.data["spec"]["method"], other.manifest.spec.method, strict=True):
            presets = FAULTS[step.fault.type].presets.values()
            place = before["fault"].keys() - {name for preset in presets for name in preset}
            alone = {key: before["fault"][key] for key in place} | {"intensity": intensity}
            assert step == Step.model_validate({**before, "fault": alone})


@pytest.mark.parametrize(("stem", "intensity"), sorted(REFUSED))
def test_a_preset_that_does_not_fit_the_rest_is_refused(stem: str, intensity: str) -> None:
    (path,) = [each for each in MANIFESTS if each.stem == stem]
    (one,) = load(path)
    with pytest.raises(
        ManifestError, match=rf"{stem}.yaml:\d+:\d+ spec.method.*\(with intensity {intensity}\)"
    ):
        overridden(one, Overrides.read(intensity=intensity))


def test_the_blast_radius_counts_all_the_same() -> None:
    with pytest.raises(ManifestError) as refused:
        overridden(hello(), Overrides.read(hold="10m"))
    told = str(refused.value)
    assert "experiments/hello.yaml:" in told
    assert "beyond the blast radius" in told
    assert "(with hold 10m)" in told


@pytest.mark.parametrize(
    ("hold", "intensity", "allowed"),
    [("3", None, "a duration such as 300ms"), ("-1s", None, "duration"), (None, "huge", "low, medium, high")],
)
def test_what_is_no_quantity_is_refused_with_what_is_allowed(
    hold: str | None, intensity: str | None, allowed: str
) -> None:
    with pytest.raises(ManifestError, match=allowed):
        Overrides.read(hold, intensity)
