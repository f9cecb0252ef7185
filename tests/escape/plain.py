"""The same attempts in a sandbox without a wall: what they reach there is what the wall is for."""

import asyncio
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from chaos.sandboxes.local.provider import LocalSandbox
from tests.escape import canaries
from tests.escape.conduct import _PYTHON, _SYSTEM_V, DISK, IPC_KEY, MEMORY, program
from tests.sandboxes.box import MIB, local_box

_DECOY = "import time; j = open('/run/chaoslab/journal.ndjson', 'ab'); time.sleep(600)"
_WITHIN_S = 60.0


def answers() -> dict[str, dict[str, Any]]:
    """By name, of every attempt made beside a decoy of the agent, as the same identity."""
    with tempfile.TemporaryDirectory(prefix="chaoslab-escape-") as name, canaries.canary(Path(name)) as put:
        facts = put.facts | {
            "memory_bytes": str(MEMORY * MIB),
            "ipc_key": str(IPC_KEY),
            "runtime": "/nowhere",
        }
        with canaries.key(facts["key"]) as number:
            said = asyncio.run(_made({"CANARY": json.dumps(facts | {"key_id": str(number)})}))
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return {line["name"]: line for line in lines}


async def _made(environment: dict[str, str]) -> str:
    async with local_box(memory_bytes=MEMORY * MIB, disk_bytes=DISK * MIB) as box:
        await _furnish(box)
        command = [*_PYTHON, "plain"]
        done = await box.run(command, env=environment, timeout_s=_WITHIN_S)
        assert done.exit_code == -signal.SIGKILL, done.stderr  # it ends its own group, races and all
        return done.stdout.decode()


async def _furnish(box: LocalSandbox) -> None:
    """What the agent would have there, and a process in its place."""
    await box.put("/app/attempts.pyz", program())
    for file in ("order.json", "journal.ndjson", "lease", "agent.log", "agent.pyz"):
        await box.put(f"/run/chaoslab/{file}", b"{}\n")
    await box.run([box.python, "-c", _SYSTEM_V, str(IPC_KEY)], cwd="/")
    pid = await box.start([sys.executable, "-S", "-c", _DECOY], output="/dev/null", cwd="/")
    await box.put("/run/chaoslab/agent.pid", str(pid).encode())
