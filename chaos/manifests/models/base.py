"""Base of all manifests: strict parts with camelCase keys, metadata, the shapes of names."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticKnownError

API_VERSION = "chaoslab/v1"

_DNS = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_TITLE = r"^[^\s\x00-\x1f][^\x00-\x1f]{0,99}$"
_STEADY = r"^[^\s:\x00-\x1f][^:\x00-\x1f]{0,99}$"
_LABEL_KEY = r"^[A-Za-z0-9]([-A-Za-z0-9_./]{0,61}[A-Za-z0-9])?$"
_LABEL = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
_ENV = r"^[A-Za-z_][A-Za-z0-9_]{0,199}$"
_HEADER = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}$"
_HEADER_VALUE = r"^[^\x00\r\n]{0,8000}$"
_IMAGE = r"^[a-z0-9][A-Za-z0-9._/:@-]{0,499}$"
_ACCOUNT = r"([a-z_][a-z0-9_-]{0,31}|[0-9]{1,5})"  # useradd(8); ids of a sandbox are below 65,536
_USER = rf"^{_ACCOUNT}(:{_ACCOUNT})?$"
_NO_NUL = r"^[^\x00]*$"
_CLOCK = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"

SHAPES = {
    _DNS: "a name of lower-case letters, digits and dashes, at most 63, such as slow-network",
    _TITLE: "one line of text, at most 100 characters",
    _STEADY: "one line of text without a colon, at most 100 characters",
    _LABEL_KEY: "letters, digits, '-', '_', '.' and '/', at most 63",
    _LABEL: "letters, digits, '-', '_' and '.', at most 63",
    _ENV: "the name of an environment variable: letters, digits and '_', not beginning with a digit",
    _HEADER: "the name of a header, such as Content-Type",
    _HEADER_VALUE: "one line of text",
    _IMAGE: "an image such as docker.io/library/nginx:1.29",
    _USER: "a user by name or id, such as postgres, 999 or postgres:postgres",
    _NO_NUL: "text without a NUL character",
    _CLOCK: "a time of day such as 09:00, at most 24:00",
}
"""What each pattern asks for, in words."""


def _one_line(text: str) -> str:
    """As the pattern says, without it: pydantic takes 67 ms and 22 MiB to compile 8,000 repetitions."""
    if len(text) > 8000 or not {"\0", "\r", "\n"}.isdisjoint(text):
        raise PydanticKnownError("string_pattern_mismatch", {"pattern": _HEADER_VALUE})
    return text


DnsLabel = Annotated[str, StringConstraints(pattern=_DNS)]
Title = Annotated[str, StringConstraints(pattern=_TITLE)]
# Without a colon: `stop:0` and its like are names of stop conditions.
SteadyName = Annotated[str, StringConstraints(pattern=_STEADY)]
LabelKey = Annotated[str, StringConstraints(pattern=_LABEL_KEY)]
LabelValue = Annotated[str, StringConstraints(pattern=_LABEL)]
EnvName = Annotated[str, StringConstraints(pattern=_ENV)]
HeaderName = Annotated[str, StringConstraints(pattern=_HEADER)]
HeaderValue = Annotated[
    str, AfterValidator(_one_line), WithJsonSchema({"type": "string", "pattern": _HEADER_VALUE})
]
Image = Annotated[str, StringConstraints(pattern=_IMAGE)]
User = Annotated[str, StringConstraints(pattern=_USER)]
TimeOfDay = Annotated[str, StringConstraints(pattern=_CLOCK)]
Port = Annotated[int, Field(ge=1, le=65535)]
Argument = Annotated[str, StringConstraints(pattern=_NO_NUL, max_length=100_000)]
Command = Annotated[tuple[Argument, ...], Field(min_length=1, max_length=1000)]


class Part(BaseModel):
    """One mapping of a manifest; unknown keys are errors, and nothing changes after loading."""

    # Built when first used: a part is validated as part of its manifest, mostly, and never by itself.
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, defer_build=True)


class Metadata(Part):
    """Who this is."""

    name: DnsLabel
    """Unique in the repository: lower-case letters, digits and dashes, at most 63."""
    labels: dict[LabelKey, LabelValue] = Field(default={})
    """Words to find it by, such as `team: payments`."""


class Manifest(Part):
    """One document of a manifest file."""

    api_version: Literal["chaoslab/v1"]
    """The shape of this file: `chaoslab/v1`."""
    kind: str
    """What it describes."""
    metadata: Metadata
    """Name and labels."""
