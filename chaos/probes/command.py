"""Run a command in the sandbox and see how it ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chaos.probes.base import Context, Interval, Probe
from chaos.units import PositiveDuration


@dataclass(frozen=True, kw_only=True)
class CommandProbe(Probe):
    """Run a command in the app's directory; see its exit code and what it printed."""

    type: Literal["command"] = "command"
    command: Sequence[str]
    """Program and arguments; no shell is involved."""
    every: Interval = 1.0
    """Time between the intended starts of two looks."""
    timeout: PositiveDuration = 5.0
    """Time to end; a command that takes longer is killed and counts as an error."""

    @property
    def subject(self) -> str:
        """See Probe."""
        return str(self.command)

    async def observe(self, context: Context) -> Mapping[str, Any]:
        """`{"exit_code": 0, "output": "…"}`; output is standard output and error, at most 64 KiB."""
        exit_code, output = await context.run_command(self.command, self.timeout)
        return {"exit_code": exit_code, "output": output}
