"""Specification of a sandbox in a microVM of E2B."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Literal

from chaos.sandboxes.support.spec import Sandbox, Why


class E2BSandbox(Sandbox):
    """An E2B microVM."""

    provides = frozenset({"net-admin", "mount", "memory-limit", "block-device", "freeze", "egress"})
    lacks = MappingProxyType({"netem": "its guest kernel has no netem, and no modules"})
    runs_images = True
    taken_ports = MappingProxyType({49983: "envd's, through which E2B reaches its machine"})

    type: Literal["e2b"] = "e2b"
    """An E2B microVM; needs E2B_API_KEY."""
    template: str | None = None
    """Name of the E2B template to start from; E2B's own `base` by default. It needs Python 3.11 or later."""

    def refuses_images(self) -> Iterator[Why]:
        """A template is made of one origin."""
        if self.template:
            what = "the template of an image is made of that image; write 'image' or 'template'"
            yield ("spec", "sandbox", "template"), what
