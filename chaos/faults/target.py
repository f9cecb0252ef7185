"""What a fault may touch: the target, its memory budget, and helper processes. The agent implements them."""

from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from typing import Any, Literal, Protocol

from chaos.faults.linux.mounts import View


class Helper(Protocol):
    """A child process that runs one function of the bundle; it dies with the step's thread, whatever happens."""

    pid: int

    def receive(self, timeout_s: float) -> Mapping[str, Any] | None:
        """The next JSON line it printed; None when none came in time. Raises FaultError when it has ended."""

    def send(self, message: Mapping[str, Any]) -> None:
        """One JSON line on its standard input."""

    def let_go(self) -> None:
        """Have it live on, to its own end or the agent's, when its context is left: it disturbs nobody any more.

        Only for a function that `outlives_agent`: the thread of its step ends before it.
        """


class Memory(Protocol):
    """The memory budget of the target. `kind` is `real` (a cgroup enforces it) or `emulated` (the agent does)."""

    limit_bytes: int
    enforced_bytes: int
    """What the agent enforces where no control group does; a fault may lower it."""

    @property
    def kind(self) -> Literal["real", "emulated"]:
        """Who enforces it."""

    def used_bytes(self) -> int:
        """Bytes in use now that count against the limit and cannot be dropped."""

    def kills(self) -> int:
        """How many processes were ended for want of memory, since the sandbox began."""


class Target(Protocol):
    """What a fault may touch, from inside the sandbox."""

    random: Random
    work: Path
    view: View
    """The file tree as the app sees it."""

    @property
    def memory(self) -> Memory:
        """The budget that the app lives in."""

    def names(self) -> Sequence[str]:
        """The process names of the manifest."""

    def pids(self, process: str | None = None) -> Sequence[int]:
        """Live pids of that process (of all of them), its main pid first, then its descendants.

        They are all that its command started, also those that have lost their parents.
        """

    def main(self, process: str) -> int | None:
        """Its main process; None when that does not run, whatever else of its tree does."""

    def port(self, process: str) -> int | None:
        """The port that the manifest says this process listens on."""

    def entrances(self) -> Container[int]:
        """Ports where the experiment itself asks the app, as those who use it do: see chaos.agent.entrances."""

    def looks(self) -> tuple[int, int]:
        """How many commands of probes have begun so far, and how many are under way."""

    def run(self, *argv: str, timeout_s: float = 10.0) -> str:
        """Run a command to its end; its standard output. Raises FaultError with its standard error."""

    def undo(self, what: str, action: Callable[[], None]) -> AbstractContextManager[None]:
        """Register `action` before doing what it undoes; runs once, on leaving, on stop and on a lost controller."""

    def helper(
        self,
        function: Callable[..., None],
        *,
        in_memory_limit: bool = False,
        env: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> AbstractContextManager[Helper]:
        """Run a module-level function of `chaos` in a child Python; keyword arguments go as JSON.

        `env` is its whole environment; the agent's own when not given.
        """

    def cgroup(self, controller: str) -> Path | None:
        """Directory of the app's control group for `memory`, `cpu`, `cpuacct`, `pids`, `blkio`; limits may be written.

        In v2 the one unified directory. None where the sandbox has none.
        """

    def outside(self) -> Sequence[int]:
        """Live pids of the app outside of its control groups, so that no limit holds for them; none where none are."""

    def ask(self, act: str, **details: Any) -> Path:
        """Ask the controller for what can be done from outside only; the file that will hold its answer.

        See chaos.faults.support.outside.
        """

    def measured(self, **sample: Any) -> None:
        """Journal one side-band sample outside of `Injection.observe`."""

    def wait(self, seconds: float) -> bool:
        """Sleep; True at once when the step is being ended (hold over, stop, lost controller)."""
