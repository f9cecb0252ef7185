"""A local sandbox for tests, opened and destroyed around a block."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from chaos.sandboxes.local.provider import LocalSandbox

MIB = 2**20


@asynccontextmanager
async def local_box(**changed: Any) -> AsyncIterator[LocalSandbox]:
    """A small one: 128 MiB of memory, 32 MiB of disk, a minute to live."""
    size = {"memory_bytes": 128 * MIB, "disk_bytes": 32 * MIB, "ttl_s": 60.0} | changed
    box = await LocalSandbox.open(**size)
    try:
        yield box
    finally:
        await box.destroy()
