"""Entry of the E2B provider: what the rest of the house asks of it."""

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from chaos.errors import SandboxError
from chaos.sandboxes.e2b.provider import E2BSandbox
from chaos.sandboxes.support.base import Sandbox, SandboxRef
from chaos.sandboxes.support.provider import Examination, SandboxRequest

if TYPE_CHECKING:
    from chaos.settings import Settings

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_TURN = re.compile(r"(chaoslab-[0-9a-f]{24})?")


class E2B:
    """See Provider."""

    name = "e2b"
    tried_by_doctor = False

    async def open(self, wanted: SandboxRequest) -> Sandbox:
        """See Provider."""
        return await E2BSandbox.open(
            memory_bytes=wanted.memory_bytes,
            disk_bytes=wanted.disk_bytes,
            ttl_s=wanted.ttl_s,
            hosts=wanted.hosts,
            labels=wanted.labels,
            image=wanted.image,
            setup=wanted.setup,
            **wanted.own,
        )

    async def connect(self, ref: SandboxRef) -> Sandbox:
        """See Provider."""
        return await E2BSandbox.connect(ref)

    def attach(self, ref: SandboxRef) -> Sandbox:
        """See Provider."""
        return E2BSandbox(ref)

    def why_not_ours(self, ref: SandboxRef) -> str | None:
        """See Provider: nothing of it is believed before it is looked at, so it is not decoded here."""
        ends_at, turn = ref.facts.get("ends_at"), ref.facts.get("turn", "")
        named = isinstance(ref.id, str) and _ID.fullmatch(ref.id)
        if not named or not isinstance(turn, str) or not _TURN.fullmatch(turn):
            return "it is no microVM of ours"
        return None if type(ends_at) in (int, float) else "it does not say when it ends"

    async def clean_up(self, settings: "Settings") -> AsyncIterator[str]:
        """See Provider. Without a key there is none."""
        if settings.e2b_api_key:
            from chaos.sandboxes.e2b.orphans import end_orphans

            for sandbox in await end_orphans():
                yield f"ended E2B sandbox {sandbox}"

    async def check(self, settings: "Settings") -> AsyncIterator[Examination]:
        """Ask E2B with the key, when there is one."""
        if not settings.e2b_api_key:
            return
        from chaos.sandboxes.e2b.orphans import look

        try:
            running, left = await look()
        except SandboxError as error:
            remedy = "look at E2B_API_KEY and at the way to E2B; or use another sandbox"
            yield Examination("E2B", "missing", str(error), remedy)
            return
        says = f"the account answers; {running} sandboxes of ours run there, {len(left)} of them orphaned"
        yield Examination("E2B", "degraded" if left else "ok", says, "chaoslab gc" if left else "")

    def opened(self, ref: SandboxRef) -> Examination:
        """See Provider."""
        return Examination("E2B", "ok", f"{ref.id} was opened")

    def left_here(self) -> int:
        """See Provider: E2B would have to be asked."""
        return 0


PROVIDER = E2B()
