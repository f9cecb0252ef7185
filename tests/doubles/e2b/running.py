"""The double as tests use it: a program of its own, with an account that they know the key of."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[3]
KEY = "e2b_" + "5ec4e7" * 6 + "0000"
_ENDS_WITHIN_S = 30.0


@dataclass(frozen=True)
class Double:
    """A running one."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead E2B's client here; as fast and as many as one likes."""
        return {
            "E2B_API_KEY": KEY,
            "E2B_API_URL": self.url,
            "E2B_SANDBOX_URL": self.url,
            "E2B_CREATE_RATE": "100",
            "E2B_CONCURRENCY": "100",
        }

    def sandboxes(self) -> list[dict[str, Any]]:
        """Those that live."""
        return list(self._state()["sandboxes"])

    def said(self) -> dict[str, int]:
        """How often what happened."""
        return dict(self._state()["said"])

    def secrets(self) -> list[str]:
        """The account's key, and the token of every microVM that ever was."""
        return [KEY, *self._state()["tokens"]]

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = httpx.get(f"{self.url}/_double/state", timeout=_ENDS_WITHIN_S).json()
        return state

    def trouble(self, **changed: Any) -> None:
        """From now on."""
        httpx.post(f"{self.url}/_double/trouble", json=changed, timeout=_ENDS_WITHIN_S).raise_for_status()

    def age(self, sandbox: str, seconds: float) -> None:
        """Make time go by for one of them."""
        aging = {"id": sandbox, "seconds": seconds}
        httpx.post(f"{self.url}/_double/age", json=aging, timeout=_ENDS_WITHIN_S).raise_for_status()


@contextmanager
def e2b_double(boxes: Path, **options: Any) -> Iterator[Double]:
    """Start one whose local sandboxes live in the directory `boxes`, and end it with all of them."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.doubles.e2b", json.dumps({"key": KEY, **options})],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "CHAOSLAB_RUNTIME_DIR": str(boxes)},
    )
    assert process.stdout is not None
    with process.stdout:
        line = process.stdout.readline()
    try:
        yield Double(f"http://127.0.0.1:{json.loads(line)['port']}")
    finally:
        process.terminate()
        try:
            process.wait(_ENDS_WITHIN_S)
        finally:
            process.kill()
