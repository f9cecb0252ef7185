"""Sandboxes in a manifest: what an author asks of one, and what each provider's can do."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator

from chaos.manifests.models.base import Part
from chaos.units import Unit

_SIZES = (("KiB", 2.0**10), ("MiB", 2.0**20), ("GiB", 2.0**30), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9))
_TIMES = (("s", 1.0), ("m", 60.0), ("h", 3600.0))

# Below 32 MiB a Python app does not even start; below 1 MiB of disk there is nothing to fill.
MEMORY = Unit("size", _SIZES, "512MiB", low=32 * 2.0**20, high=64 * 2.0**30, whole=True)
DISK = Unit("size", _SIZES, "256MiB", low=2.0**20, high=256 * 2.0**30, whole=True)
CPU = Unit("share of a core", (("%", 0.01),), "150%", low=0.01, high=64.0)
TTL = Unit("duration", _TIMES, "10m", low=10.0, high=24 * 3600.0)


class Sandbox(Part):
    """The disposable machine of one run."""

    provides: ClassVar[frozenset[str]] = frozenset()
    """Capabilities that faults may require: net-admin, mount, memory-limit, block-device, freeze, egress."""
    taken_ports: ClassVar[Mapping[int, str]] = MappingProxyType({})
    """Ports inside that neither an app nor a fault may have, and whose they are."""
    runs_images: ClassVar[bool] = False
    """Whether the target may be an image."""

    memory: Annotated[float, MEMORY] = 512 * 2.0**20
    """Memory for the app, at least 32MiB."""
    disk: Annotated[float, DISK] = 256 * 2.0**20
    """Size of the app's directory and of /tmp, each, at least 1MiB."""
    cpu: Annotated[float, CPU] | None = None
    """CPU time for the app, of one core: 150% is one core and a half; all that the machine has when not given."""
    ttl: Annotated[float, TTL] = 600.0
    """Time after which it destroys itself, whatever happens; longer than the whole run needs."""


class LocalSandbox(Sandbox):
    """Embedded: Linux namespaces on the machine that runs ChaosLab."""

    provides = frozenset({"net-admin", "mount", "memory-limit", "block-device"})

    type: Literal["local"] = "local"
    """Embedded in the machine that runs ChaosLab; needs no account."""


class ContainerSandbox(Sandbox):
    """A container of Docker or Podman."""

    runs_images = True
    provides = frozenset({"net-admin", "mount", "memory-limit"})

    type: Literal["container"] = "container"
    """A container of the Docker or Podman that this machine speaks to."""


class E2BSandbox(Sandbox):
    """An E2B microVM."""

    provides = frozenset({"net-admin", "mount", "memory-limit", "block-device", "freeze", "egress"})
    runs_images = True
    taken_ports = MappingProxyType({49983: "envd's, through which E2B reaches its machine"})

    type: Literal["e2b"] = "e2b"
    """An E2B microVM; needs E2B_API_KEY."""
    template: str | None = None
    """Name of the E2B template to start from; E2B's own `base` by default. It needs Python 3.11 or later."""


AnySandbox = Annotated[LocalSandbox | ContainerSandbox | E2BSandbox, Discriminator("type")]
SANDBOXES: Mapping[str, type[Sandbox]] = {
    "local": LocalSandbox,
    "container": ContainerSandbox,
    "e2b": E2BSandbox,
}
