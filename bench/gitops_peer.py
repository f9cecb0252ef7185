"""`prefect deploy --all` of the deployments that `chaoslab sync` makes of a repository: what one would use instead."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from flows.gitops.deployments import POOL

PREFECT = Path(sys.executable).with_name("prefect")
SAME = (
    "name",
    "description",
    "tags",
    "paused",
    "version",
    "work_pool_name",
    "concurrency_limit",
    "entrypoint",
)


def write(folder: Path, made: Iterable[dict[str, Any]]) -> None:
    """The `prefect.yaml` that asks for these deployments, as Prefect's API tells of them."""
    (folder / "prefect.yaml").write_text(
        yaml.safe_dump({"name": "peer", "deployments": [_entry(each) for each in made]}, sort_keys=False)
    )


def pool() -> None:
    """Make the work pool, which `prefect deploy` wants to see."""
    command = [PREFECT, "work-pool", "create", POOL, "--type", "process"]
    subprocess.run(command, check=True, capture_output=True)


def like(deployment: dict[str, Any]) -> dict[str, Any]:
    """What both sides must have alike; `prefect deploy` gives no labels of its own."""
    schedules = [each["schedule"] for each in deployment["schedules"]]
    zones = [(each["cron"], each["timezone"]) for each in schedules]
    return {key: deployment[key] for key in SAME} | {"parameters": deployment["parameters"], "cron": zones}


def _entry(made: dict[str, Any]) -> dict[str, Any]:
    schedules = [{key: each["schedule"][key] for key in ("cron", "timezone")} for each in made["schedules"]]
    return {
        "name": made["name"],
        "description": made["description"],
        "tags": made["tags"],
        "version": made["version"],
        "entrypoint": made["entrypoint"],
        "parameters": made["parameters"],
        "schedules": schedules,
        "concurrency_limit": made["concurrency_limit"],
        "work_pool": {"name": POOL},
    }
