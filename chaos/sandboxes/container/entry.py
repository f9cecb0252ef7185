"""Entry of the container provider: what the rest of the house asks of it."""

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from chaos.errors import SandboxError
from chaos.sandboxes.container.engine import KNOWN, find
from chaos.sandboxes.container.orphans import orphans, remove_orphans
from chaos.sandboxes.container.provider import ContainerSandbox
from chaos.sandboxes.support.base import Sandbox, SandboxRef
from chaos.sandboxes.support.provider import Examination, SandboxRequest

if TYPE_CHECKING:
    from chaos.settings import Settings

_ID = re.compile(r"[0-9a-f]{12}")


class Container:
    """See Provider."""

    name = "container"
    tried_by_doctor = False

    async def open(self, wanted: SandboxRequest) -> Sandbox:
        """See Provider."""
        return await ContainerSandbox.open(
            memory_bytes=wanted.memory_bytes,
            disk_bytes=wanted.disk_bytes,
            ttl_s=wanted.ttl_s,
            hosts=wanted.hosts,
            labels=wanted.labels,
            image=wanted.image,
        )

    async def connect(self, ref: SandboxRef) -> Sandbox:
        """See Provider."""
        return await ContainerSandbox.connect(ref)

    def attach(self, ref: SandboxRef) -> Sandbox:
        """See Provider."""
        return ContainerSandbox(ref)

    def why_not_ours(self, ref: SandboxRef) -> str | None:
        """See Provider: nothing of it is believed before it is looked at, so it is not decoded here."""
        from chaos.settings import Settings  # only whoever has a container pays for the import

        engine, container = (ref.facts.get(key) for key in ("engine", "container"))
        if not isinstance(engine, str) or engine not in (*KNOWN, Settings().chaoslab_container_engine):
            return f"{ascii(engine)[:200]} is no container engine of ours"
        if not isinstance(ref.id, str) or not _ID.fullmatch(ref.id) or container != f"chaoslab-{ref.id}":
            return "it is no container of ours"
        return None

    async def clean_up(self, settings: "Settings") -> AsyncIterator[str]:
        """See Provider."""
        for container in await remove_orphans():
            yield f"removed {container}"

    async def check(self, settings: "Settings") -> AsyncIterator[Examination]:
        """Ask for an engine; its image is fetched when it is first used."""
        try:
            engine = await find(settings)
            left = await orphans(engine)
        except SandboxError as error:
            yield Examination("containers", "degraded", str(error))
            return
        says = f"{engine.program} answers; an app's directory runs in {settings.chaoslab_container_image}"
        if left:
            yield Examination(
                "containers", "degraded", f"{says}; {len(left)} orphaned containers", "chaoslab gc"
            )
        else:
            yield Examination("containers", "ok", says)

    def opened(self, ref: SandboxRef) -> Examination:
        """See Provider."""
        return Examination("container", "ok", f"{ref.id} was opened")

    def left_here(self) -> int:
        """See Provider: its engine would have to be asked."""
        return 0


PROVIDER = Container()
