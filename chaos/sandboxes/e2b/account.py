"""An E2B account: its key, its limits, its client, and what runs in it. The only file that imports E2B's client."""

from dataclasses import dataclass
from typing import Any

from chaos.errors import SandboxRefused
from chaos.sandboxes.e2b.errors import patiently, told
from chaos.sandboxes.e2b.pace import Pace
from chaos.sandboxes.support.runtime import runtime_dir

OURS = "chaoslab"
"""The key of metadata by which our sandboxes are found; its value names their turn at the pace."""
ENDS_AT = "ends-at"
"""The key of metadata that says until when a lease may be renewed at most (s since the epoch)."""
LEASE = "lease"
"""The key of metadata that says how long a lease is (s); a live controller renews it six times in that time."""


@dataclass(frozen=True)
class Account:
    """What is needed to ask E2B for anything."""

    key: str
    lease_s: float
    pace: Pace

    @classmethod
    def of_settings(cls) -> "Account":
        """The one that the environment names. Raises SandboxRefused."""
        from chaos.settings import Settings  # only whoever wants an E2B sandbox pays for the import

        settings = Settings()
        if settings.e2b_api_key is None:
            raise SandboxRefused("E2B_API_KEY is not set; make a key at https://e2b.dev/dashboard?tab=keys")
        key = settings.e2b_api_key.get_secret_value()
        pace = Pace(runtime_dir(), key, per_s=settings.e2b_create_rate, at_once=settings.e2b_concurrency)
        return cls(key, settings.e2b_lease_s, pace)

    def client(self) -> Any:
        """E2B's client, its asynchronous classes bound to this key. Raises SandboxRefused."""
        try:
            from e2b import E2B
        except ImportError as error:
            raise SandboxRefused("E2B's client is not installed; pip install 'chaoslab[e2b]'") from error
        return E2B(api_key=self.key, debug=False)

    async def running(self) -> list[Any]:
        """Every sandbox of ours that runs, or stands still: `sandbox_id`, `metadata`, `end_at`, `state`.

        Raises SandboxError.
        """
        client = self.client()
        from e2b import SandboxQuery, SandboxState

        async def pages() -> list[Any]:
            found = []
            paginator = client.AsyncSandbox.list(
                query=SandboxQuery(state=[SandboxState.RUNNING, SandboxState.PAUSED])
            )
            while paginator.has_next:
                with told("list", self.key):
                    found += await paginator.next_items()
            return found

        return [each for each in await patiently(pages) if {OURS, ENDS_AT, LEASE} <= set(each.metadata or ())]
