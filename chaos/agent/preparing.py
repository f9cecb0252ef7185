"""See to it that the app is started with what the faults to come need of it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos.agent.record import Record
from chaos.agent.supervisor import Supervisor
from chaos.errors import InjectionError
from chaos.faults import fault_class


def prepare(order: Mapping[str, Any], supervisor: Supervisor, record: Record, work: Path) -> None:
    """Add to each process's environment; before any is started, in controls as well.

    Raises InjectionError, after it is written down, when a fault cannot be prepared for here.
    """
    for entry in (entry for entry in order["method"] if entry.get("prepares")):
        try:
            _prepare(entry["fault"], supervisor, work)
        except InjectionError as error:
            about = {"step": entry["name"], "fault": entry["fault"]["type"]}
            record.emit("fault.failed", **about, stage="inject", why=str(error))
            raise


def _prepare(fields: Mapping[str, Any], supervisor: Supervisor, work: Path) -> None:
    fault = fault_class(fields["type"])(**fields)
    for process in supervisor.processes.values():
        more = fault.environment(process.name, work, {**os.environ, **process.env})
        process.env = {**process.env, **more}
