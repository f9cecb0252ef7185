"""A controller is lost when it says nothing while we look, not while we could not."""

import asyncio
import time
from pathlib import Path

import pytest

from chaos.agent import lease
from chaos.agent.lease import until_told

LEASE_S, STOOD_S = 0.4, 1.0


def test_the_time_in_which_everything_stood_still_is_not_its_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "_STOOD_STILL_S", 0.5)
    (tmp_path / "lease").touch()

    async def scene() -> tuple[str, str]:
        waiting = asyncio.create_task(until_told(tmp_path, LEASE_S))
        await asyncio.sleep(0.2)
        time.sleep(STOOD_S)
        woke = time.monotonic()
        told = await waiting
        assert time.monotonic() - woke >= LEASE_S - 0.3  # what had passed before counts
        return told

    assert asyncio.run(scene()) == ("controller.lost", "no word from the controller for 0.4 s")
