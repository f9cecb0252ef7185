"""Specification of a sandbox: what an author may ask of a disposable machine, and what a provider's machines can do."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from chaos.units import Unit

if TYPE_CHECKING:
    from chaos.faults.support.base import Fault

_SIZES = (("KiB", 2.0**10), ("MiB", 2.0**20), ("GiB", 2.0**30), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9))
_TIMES = (("s", 1.0), ("m", 60.0), ("h", 3600.0))

# Below 32 MiB a Python app does not even start; below 1 MiB of disk there is nothing to fill.
MEMORY = Unit("size", _SIZES, "512MiB", low=32 * 2.0**20, high=64 * 2.0**30, whole=True)
DISK = Unit("size", _SIZES, "256MiB", low=2.0**20, high=256 * 2.0**30, whole=True)
CPU = Unit("share of a core", (("%", 0.01),), "150%", low=0.01, high=64.0)
TTL = Unit("duration", _TIMES, "10m", low=10.0, high=24 * 3600.0)

Why = tuple[tuple[str | int, ...], str]
"""Where in a step, or in the spec, and the sentence."""


class Sandbox(BaseModel):
    """The disposable machine of one run."""

    # As every part of a manifest: chaos.manifests.models.base.
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, defer_build=True)

    provides: ClassVar[frozenset[str]] = frozenset()
    """Capabilities that faults may require: net-admin, mount, memory-limit, block-device, freeze, egress."""
    lacks: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Mechanisms that its machines never have, each with the reason."""
    taken_ports: ClassVar[Mapping[int, str]] = MappingProxyType({})
    """Ports inside that neither an app nor a fault may have, and whose they are."""
    runs_images: ClassVar[bool] = False
    """Whether the target may be an image."""
    brings_commands: ClassVar[bool] = False
    """Whether a process of an image needs no command, as it has the image's own."""

    memory: Annotated[float, MEMORY] = 512 * 2.0**20
    """Memory for the app, at least 32MiB."""
    disk: Annotated[float, DISK] = 256 * 2.0**20
    """Size of the app's directory and of /tmp, each, at least 1MiB."""
    cpu: Annotated[float, CPU] | None = None
    """CPU time for the app, of one core: 150% is one core and a half; all that the machine has when not given."""
    ttl: Annotated[float, TTL] = 600.0
    """Time after which it destroys itself, whatever happens; longer than the whole run needs."""

    def refuses(self, fault: "Fault") -> Iterator[Why]:
        """Why a fault that it provides for cannot be injected in it after all."""
        yield from ()

    def refuses_of_image(self, fault: "Fault") -> Iterator[Why]:
        """The same, of a target that is an image."""
        yield from ()

    def refuses_images(self) -> Iterator[Why]:
        """What in its own fields does not go with a target that is an image."""
        yield from ()
