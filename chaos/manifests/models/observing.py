"""Observations: a probe together with the tolerance that suits it."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, ValidationInfo, field_validator

from chaos.manifests.models.accepting import SUITED, TolerancePart
from chaos.manifests.models.base import Part, SteadyName
from chaos.probes import AnyProbe
from chaos.units import Duration, PositiveDuration, Share

AnyProbeField = Annotated[AnyProbe, Discriminator("type")]


class Watched(Part):
    """A probe, and the values of it that are accepted."""

    probe: AnyProbeField
    """What to look at, and how often."""
    tolerance: Any
    """The values accepted; which fields there are depends on the probe."""

    @field_validator("tolerance", mode="plain")
    @classmethod
    def _suiting(cls, value: object, info: ValidationInfo) -> object:
        """Validate it as the tolerance of its probe; of an invalid probe nothing can be said."""
        probe = info.data.get("probe")
        if probe is None or isinstance(value, TolerancePart):
            return value
        return SUITED[probe.type, getattr(probe, "metric", None)].model_validate(value)


class SteadyState(Watched):
    """One measurable sign that the app is well."""

    name: SteadyName
    """One line that says what is well, unique in this file."""
    holds: Literal["throughout", "afterwards"] = "throughout"
    """When it must hold: in baseline, fault and recovery, or in the baseline and again after the fault."""
    recover_within: Duration | None = None
    """With `holds: afterwards`: longest time from the end of the fault until it holds for good; the whole
    recovery phase when not given."""
    budget: Share = 0.0
    """Share of the samples of a phase that may be out of tolerance, in the fault phase and in the recovery each by
    itself. Of a metric of requests (errors, latency): the worst part of a phase's time, which does not count."""


class StopCondition(Watched):
    """Ends the run early, as aborted, when the tolerance is broken for so long."""

    lasting: PositiveDuration = Field(default=3.0, alias="for")
    """How long the values must stay out of tolerance."""
