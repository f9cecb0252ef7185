"""See to it that the app is started with what the faults to come need of it."""

import os
from pathlib import Path

from chaos.agent.record import Record
from chaos.agent.supervisor import Supervisor
from chaos.errors import InjectionError
from chaos.run_spec.model import WorkSpec
from chaos.run_spec.parts import FaultSpec


def prepare(order: WorkSpec, supervisor: Supervisor, record: Record, work: Path) -> None:
    """Add to each process's environment; before any is started, in controls as well.

    Raises InjectionError, after it is written down, when a fault cannot be prepared for here.
    """
    for step in (step for step in order.method if step.prepares):
        try:
            _prepare(step.fault, supervisor, work)
        except InjectionError as error:
            about = {"step": step.name, "fault": step.fault.type}
            record.emit("fault.failed", **about, stage="inject", why=str(error))
            raise


def _prepare(spec: FaultSpec, supervisor: Supervisor, work: Path) -> None:
    fault = spec.made()
    for process in supervisor.processes.values():
        more = fault.environment(process.name, work, {**os.environ, **process.env})
        process.env = {**process.env, **more}
