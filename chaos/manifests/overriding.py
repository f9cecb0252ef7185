"""Overrides for one run: hold and intensity in place of the manifest's own.

What comes of it is judged as if the author had written it: the blast radius, the time the sandbox lives, all of it.
The digest is another then, because something else happens.
"""

import copy
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from chaos.errors import ManifestError
from chaos.faults import FAULTS
from chaos.manifests.load import Loaded
from chaos.manifests.models.experiment import Experiment
from chaos.manifests.validation import draft
from chaos.manifests.validation.checks import inconsistencies
from chaos.manifests.validation.document import validate
from chaos.units import DURATION, POSITIVE_DURATION

Intensity = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a person, or a game day, wants instead; None leaves what the manifest says."""

    hold: float | None = None
    """Seconds that every step is held."""
    intensity: Intensity | None = None
    """The preset of every step's fault, in place of its exact numbers."""

    @classmethod
    def read(cls, hold: str | None = None, intensity: str | None = None) -> "Overrides":
        """From what a person wrote, such as `30s` and `high`. Raises ManifestError with what is allowed."""
        known = get_args(Intensity)
        try:
            seconds = None if hold is None else POSITIVE_DURATION.parse(hold)
        except ValueError as error:
            raise ManifestError(f"hold: {error}") from error
        chosen: Intensity | None = next((each for each in known if each == intensity), None)
        if intensity is not None and chosen is None:
            raise ManifestError(f"intensity: unknown '{intensity}'; known: {', '.join(known)}")
        return cls(seconds, chosen)

    def to_json(self) -> dict[str, str]:
        """What is overridden, as `read` takes it."""
        hold = {} if self.hold is None else {"hold": DURATION.format(self.hold)}
        return {**hold, **({} if self.intensity is None else {"intensity": self.intensity})}

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.to_json().items())

    def __bool__(self) -> bool:
        return bool(self.to_json())


def overridden(loaded: Loaded, overrides: Overrides) -> Loaded:
    """The same experiment with these numbers. Raises ManifestError, each problem at the place it is about."""
    if not overrides:
        return loaded
    data = _changed(loaded.tree.data, overrides)
    manifest, invalid = validate(data, Experiment)
    said = [*invalid, *inconsistencies(data)]
    problems = {where: loaded.problem(where, f"{what} (with {overrides})") for where, what in reversed(said)}
    if problems or manifest is None:
        raise ManifestError(*sorted(problems.values(), key=lambda each: (each.line, each.column)))
    return replace(loaded, manifest=manifest)


def _changed(document: dict[str, Any], overrides: Overrides) -> dict[str, Any]:
    data = copy.deepcopy(document)
    for _, step in draft.items(data, "spec", "method"):
        if overrides.hold is not None:
            step["hold"] = DURATION.format(overrides.hold)
        if overrides.intensity is not None:
            step["fault"] = _preset(step["fault"], overrides.intensity)
    return data


def _preset(fault: dict[str, Any], intensity: Intensity) -> dict[str, Any]:
    """Without the numbers that any preset of it would set."""
    numbers = {name for preset in FAULTS[fault["type"]].presets.values() for name in preset}
    return {**{key: value for key, value in fault.items() if key not in numbers}, "intensity": intensity}
