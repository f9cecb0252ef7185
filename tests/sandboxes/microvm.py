"""An E2B sandbox for tests, by E2B's own client: of the double, or of the real cloud for tests marked `live`."""

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from chaos.sandboxes.e2b.provider import E2BSandbox
from tests.doubles.e2b.running import Double, e2b_double

MIB = 2**20
_OF_THE_CLOUD = ("E2B_API_KEY", "E2B_DOMAIN", "E2B_API_URL", "E2B_SANDBOX_URL")
CLOUD = {name: os.environ.get(name) for name in _OF_THE_CLOUD}
"""What leads to the real cloud, as the tests were started."""


@contextmanager
def variables(changed: Mapping[str, str | None]) -> Iterator[None]:
    """Set them for a block; None takes one away."""
    before = {name: os.environ.get(name) for name in changed}
    _set(changed)
    try:
        yield
    finally:
        _set(before)


def _set(wanted: Mapping[str, str | None]) -> None:
    for name, value in wanted.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


@contextmanager
def at_double(**options: Any) -> Iterator[Double]:
    """A double to which this process's own client is led; after it nothing of it may be left."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaoslab-")))
        double = stack.enter_context(e2b_double(folder / "boxes", **options))
        stack.enter_context(variables({**double.environment, "CHAOSLAB_RUNTIME_DIR": str(folder / "own")}))
        yield double
        assert double.sandboxes() == []


@asynccontextmanager
async def e2b_box(**changed: Any) -> AsyncIterator[E2BSandbox]:
    """A small one: 128 MiB of memory, 32 MiB of disk, a minute to live."""
    size = {"memory_bytes": 128 * MIB, "disk_bytes": 32 * MIB, "ttl_s": 60.0} | changed
    box = await E2BSandbox.open(**size)
    try:
        yield box
    finally:
        await box.destroy()


@asynccontextmanager
async def live_box() -> AsyncIterator[E2BSandbox]:
    """One of the real cloud."""
    with variables(CLOUD):
        async with e2b_box(ttl_s=300.0) as box:
            yield box
