"""What all parts of a result share."""

from pydantic import BaseModel, ConfigDict


class ResultPart(BaseModel):
    """Complete, unknown keys refused, never changed in place (`model_copy(update=…)`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
