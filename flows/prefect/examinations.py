"""What each machine with a worker says of itself: a table among Prefect's artifacts, the newest of each machine."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from prefect.client.orchestration import PrefectClient

PREFIX = "worker-of-"
Check = Mapping[str, str]
"""Of `chaoslab doctor --json`: name, level, says, remedy."""


async def write(client: PrefectClient, facts: Mapping[str, str], found: Sequence[Check]) -> None:
    """Put it there. `facts`: worker, machine, version, slots. Raises what Prefect's client raises."""
    body = {
        "key": key_of(facts["machine"]),
        "type": "table",
        "description": f"What {facts['machine']} can and cannot do (ChaosLab {facts['version']})",
        "data": json.dumps([dict(each) for each in found]),
        "metadata_": dict(facts),
    }
    await client.request("POST", "/artifacts/", json=body)


def key_of(machine: str) -> str:
    """As artifacts may be called."""
    return PREFIX + re.sub(r"[^a-z0-9]+", "-", machine.lower()).strip("-")


def read(artifact: Mapping[str, Any]) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Facts and checks of one artifact, as far as they are such; whoever may write there may write anything."""
    facts = artifact.get("metadata_")
    told = {key: str(value) for key, value in facts.items()} if isinstance(facts, Mapping) else {}
    try:
        rows = json.loads(artifact["data"]) if isinstance(artifact.get("data"), str) else artifact.get("data")
    except ValueError:
        rows = None
    checks = [each for each in rows if isinstance(each, Mapping)] if isinstance(rows, list) else []
    names = ("name", "level", "says", "remedy")
    return told, [{name: str(each.get(name) or "") for name in names} for each in checks]
