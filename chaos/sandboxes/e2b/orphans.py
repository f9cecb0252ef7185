"""E2B sandboxes whose controller is no more: what `gc` ends, before their lease does.

The provider's own word on when a sandbox ends says when its lease was renewed last, wherever that controller was. Both
clocks are taken to agree within a sixth of the lease. One that stands still, by a `sandbox_freeze` whose controller was
killed, has no lease any more: it is an orphan when its TTL is over.
"""

import time
from typing import Any

from chaos.sandboxes.e2b.account import ENDS_AT, LEASE, OURS, Account
from chaos.sandboxes.e2b.machine import Machine


async def look() -> tuple[int, list[Any]]:
    """How many sandboxes of ours run, and the orphans among them. Raises SandboxError."""
    running = await Account.of_settings().running()
    return len(running), [each for each in running if _is_one(each)]


async def end_orphans() -> list[str]:
    """End them; which it were. Raises SandboxError."""
    _, orphans = await look()
    for each in orphans:
        await Machine(each.sandbox_id, float(each.metadata[ENDS_AT]), each.metadata[OURS]).kill()
    return [each.sandbox_id for each in orphans]


def _is_one(listed: Any) -> bool:
    of_ours = listed.metadata
    if listed.state.value == "paused":  # it has no lease: only its TTL tells that nobody will resume it
        return time.time() > float(of_ours[ENDS_AT])
    return is_orphan(listed.end_at.timestamp(), time.time(), float(of_ours[ENDS_AT]), float(of_ours[LEASE]))


def is_orphan(end_at: float, now: float, ends_at: float, lease_s: float) -> bool:
    """Whether three renewals in a row did not come, though the TTL would have allowed for them."""
    may_be_renewed = end_at < ends_at - 1.5  # whole seconds are asked for
    return may_be_renewed and end_at - now < lease_s / 2
