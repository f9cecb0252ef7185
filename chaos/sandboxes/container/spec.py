"""Specification of a sandbox in a container."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from chaos.sandboxes.support.spec import Sandbox, Why

if TYPE_CHECKING:
    from chaos.faults.support.base import Fault


class ContainerSandbox(Sandbox):
    """A container of Docker or Podman."""

    runs_images = True
    brings_commands = True
    provides = frozenset({"net-admin", "mount", "memory-limit"})
    lacks = MappingProxyType({"tun": "a container has no /dev/net/tun"})

    type: Literal["container"] = "container"
    """A container of the Docker or Podman that this machine speaks to."""

    def refuses_of_image(self, fault: "Fault") -> Iterator[Why]:
        """The files of an image are its engine's, and nothing of ours is among them."""
        place = getattr(fault, "path", None)
        if isinstance(place, str) and not f"{place}/".startswith("/tmp/"):
            what = f"'{place}' of an image lies on its engine's disk; a fault may touch /tmp, which is the sandbox's"
            yield ("fault", "path"), what
        if fault.prepares_app():
            yield ("fault",), f"{fault.type} starts the app with files of ours, which an image does not hold"
