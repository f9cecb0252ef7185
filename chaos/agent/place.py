"""Where probes look, beyond the network: live windows, the supervisor's processes, commands in the app's directory."""

from collections.abc import Mapping, Sequence

from chaos.agent.commands import run_command
from chaos.agent.supervisor import Supervised, Supervisor
from chaos.agent.windows import Windows
from chaos.events import Clock


class Place:
    """The agent's chaos.probes.base.Context."""

    def __init__(self, clock: Clock, windows: Windows, supervisor: Supervisor, app: str) -> None:
        self.now = clock.now
        self.windows = windows
        self.processes: Mapping[str, Supervised] = supervisor.processes
        self._supervisor = supervisor
        self._app = app

    async def run_command(self, command: Sequence[str], timeout_s: float) -> tuple[int, str]:
        """See Context."""
        return await run_command(command, timeout_s, cwd=self._app, spawner=self._supervisor.spawner)
