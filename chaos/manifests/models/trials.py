"""Trials: how often an experiment is run, a number or until it is decided."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from chaos.manifests.models.base import Part
from chaos.manifests.yaml.problems import quoted
from chaos.statistics import binomial
from chaos.statistics.series_plan import EXCLUDED, SeriesPlan, good_trials_for
from chaos.units import SHARE, Share

MOST = 100
_WORDS = re.compile(r"until\s+decided(?:\s*\(\s*max\s+([0-9]{1,4})\s*\)|,?\s+max\s+([0-9]{1,4}))?")
_WRITTEN = r"^until\s+decided(\s*\(\s*max\s+[0-9]{1,4}\s*\)|,?\s+max\s+[0-9]{1,4})?$"


class UntilDecided(Part):
    """As many trials as it takes."""

    until: Literal["decided"]
    """What ends it: it deviated, or as many trials held as exclude `exclude`, or neither can be shown any more."""
    max: Annotated[int, Field(ge=2, le=MOST)] = 40
    """The most trials."""
    exclude: Annotated[Share, Field(gt=0, lt=1)] | None = None
    """The share of failing trials that a held excludes with 95 %; 10%, or what `max` trials can, if not said."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.exclude is not None and (needed := good_trials_for(self.exclude)) > self.max:
            share = SHARE.format(self.exclude)
            why = (
                f"{needed} trials must hold to exclude a failure in {share} of them, and 'max' is {self.max}"
            )
            raise PydanticCustomError("trials", "{why}", {"why": why})
        return self

    @property
    def excluded(self) -> float:
        """The share that a `held` excludes."""
        return self.exclude if self.exclude is not None else max(EXCLUDED, binomial.highest(0, self.max))


def _read(value: Any) -> Any:
    """The words as a mapping."""
    if not isinstance(value, str):
        return value
    found = _WORDS.fullmatch(value.strip())
    if found is None:
        allowed = "a number from 1 to 100, or 'until decided (max 40)'"
        why = f"expected {allowed}, got the text {quoted(value)}"
        raise PydanticCustomError("trials", "{why}", {"why": why})
    most = found[1] or found[2]
    return {"until": "decided", **({"max": int(most)} if most else {})}


def _kind_of_trials(value: Any) -> str:
    """The tag of the member; in brackets, because it is no step of a path."""
    if isinstance(value, dict | UntilDecided):
        return "[until]"
    return "[words]" if isinstance(value, str) else "[number]"


_WITH_WORDS = {"type": "string", "pattern": _WRITTEN, "examples": ["until decided (max 40)"]}

Trials = Annotated[
    Annotated[int, Field(ge=1, le=MOST), Tag("[number]")]
    | Annotated[UntilDecided, Tag("[until]")]
    | Annotated[UntilDecided, BeforeValidator(_read), WithJsonSchema(_WITH_WORDS), Tag("[words]")],
    Discriminator(_kind_of_trials),
]


def series_of(trials: int | UntilDecided, *, control: bool) -> SeriesPlan:
    """The same, as everything else has it."""
    if isinstance(trials, UntilDecided):
        return SeriesPlan(trials.max, control, True, trials.excluded)
    return SeriesPlan(trials, control)
