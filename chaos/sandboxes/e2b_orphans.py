"""E2B sandboxes whose controller is no more: what `gc` ends, before their lease does.

The provider's own word on when a sandbox ends says when its lease was renewed last, wherever that controller was. Both
clocks are taken to agree within a sixth of the lease.
"""

import time

from chaos.errors import SandboxLost
from chaos.sandboxes.e2b_account import ENDS_AT, LEASE, OURS, Account
from chaos.sandboxes.e2b_machine import Machine


async def end_orphans() -> list[str]:
    """End them; which it were. Raises SandboxError."""
    account = Account.of_settings()
    ended = []
    for each in await account.running():
        ends_at, lease_s = float(each.metadata[ENDS_AT]), float(each.metadata[LEASE])
        if is_orphan(each.end_at.timestamp(), time.time(), ends_at, lease_s):
            try:
                await Machine(each.sandbox_id, ends_at, each.metadata[OURS]).kill()
            except SandboxLost:
                continue
            ended.append(each.sandbox_id)
    return ended


def is_orphan(end_at: float, now: float, ends_at: float, lease_s: float) -> bool:
    """Whether three renewals in a row did not come, though the TTL would have allowed for them."""
    may_be_renewed = end_at < ends_at - 1.5  # whole seconds are asked for
    return may_be_renewed and end_at - now < lease_s / 2
