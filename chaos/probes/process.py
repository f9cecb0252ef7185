"""Ask the supervisor about one process of the manifest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chaos.errors import ProbeError
from chaos.probes.base import Context, Interval, Probe


@dataclass(frozen=True, kw_only=True)
class ProcessProbe(Probe):
    """See whether a process of the manifest runs, and how often it was restarted."""

    type: Literal["process"] = "process"
    process: str
    """Name of the process in `target.processes`."""
    every: Interval = 0.1
    """Time between the intended starts of two looks."""

    @property
    def subject(self) -> str:
        """See Probe."""
        return self.process

    async def observe(self, context: Context) -> Mapping[str, Any]:
        """`{"running": true, "restarts": 0, "pid": 12}`; `pid` is null while it does not run."""
        state = context.processes.get(self.process)
        if state is None:
            raise ProbeError("unknown process")
        return {"running": state.running, "restarts": state.restarts, "pid": state.pid}
