"""Everything that can go wrong on our side, with the exit code it means and whether a fresh try may help.

ChaosLabError              exit 5
├─ ManifestError           exit 2   what the author wrote; file, line, column, what is allowed
│   └─ PlanError                    valid, but a sandbox of that kind cannot carry it out, or must not
├─ SandboxError            exit 5   the provider failed; a fresh sandbox may work (retryable)
│   ├─ SandboxRefused               the provider will not, however often it is asked: key, template, size
│   └─ SandboxLost                  gone in the middle of a run; never retried in place
│       └─ JournalTampered          somebody else wrote to the agent's journal: nothing in it can be believed
├─ SpecError               exit 5   an order, or the plan of a journal, is not as the dataclasses of chaos.run_spec are
├─ TargetError             exit 5   the app could not be set up in the sandbox
├─ FaultError              exit 3
│   ├─ InjectionError               nothing was, or stayed, injected
│   └─ RecoveryError       exit 5   the fault could not be undone; the sandbox is condemned
├─ Interrupted             exit 4   a person asked for the end before the run could end well
├─ ProbeError              exit 5   could not look; recorded as a sample that is out of tolerance
├─ AnalyzerError           exit 5   the words could not be written; never changes a verdict
└─ PublishError            exit 5   a dashboard or artifact could not be delivered; never changes a verdict

That a system deviated is a value (`chaos.verdict`), not an exception.
"""

from typing import Any, ClassVar

from chaos.text.inert import inert


class ChaosLabError(Exception):
    """Root of our failures."""

    exit_code: ClassVar[int] = 5
    retryable: ClassVar[bool] = False

    def __str__(self) -> str:
        """The message; what it quotes of files, manifests and apps is inert, wherever it is shown."""
        return inert(super().__str__())


class ManifestError(ChaosLabError):
    """An author's mistake, one line per problem: `file:line:column path: what is wrong; what is allowed`."""

    exit_code = 2

    @property
    def problems(self) -> list[Any]:
        """Every problem found, in the order of the file; each prints as its line."""
        return list(self.args)

    def __str__(self) -> str:
        return "\n".join(inert(str(problem)) for problem in self.args)


class PlanError(ManifestError):
    """A valid manifest that cannot or must not be carried out here."""


class SandboxError(ChaosLabError):
    """The provider could not do what was asked; `errno` says how, of what an operating system refused (errno(3))."""

    retryable = True

    def __init__(self, *arguments: object, errno: int | None = None) -> None:
        super().__init__(*arguments)
        self.errno = errno


class SandboxRefused(SandboxError):
    """The provider will not do it, and the same question will get the same answer."""

    retryable = False


class SandboxLost(SandboxError):
    """The sandbox went away while it was in use."""

    retryable = False


class JournalTampered(SandboxLost):
    """The agent's journal holds what the agent did not write."""


class SpecError(ChaosLabError):
    """A run specification is not as its dataclasses say: where, what is wrong there, and what is allowed."""


class TargetError(ChaosLabError):
    """The app could not be put into the sandbox or set up there."""


class FaultError(ChaosLabError):
    """A fault could not be carried out as asked."""

    exit_code = 3


class InjectionError(FaultError):
    """Nothing was injected, or it did not stay."""


class RecoveryError(FaultError):
    """A fault could not be undone."""

    exit_code = 5


class Interrupted(ChaosLabError):
    """A person asked for the end, and there was nothing under way yet that could end well."""

    exit_code = 4


class ProbeError(ChaosLabError):
    """A look that found nothing well: no answer, a broken one, or no place to look at."""


class NotSeen(ProbeError):
    """No look was had, for a reason of ours: too few requests to tell a metric from, no socket or process left to us.

    It says nothing about the target, so it is no sample, neither good nor bad; what stays unseen for too long is a gap.
    """


class AnalyzerError(ChaosLabError):
    """An analyzer could not write its words."""


class PublishError(ChaosLabError):
    """Something could not be delivered to people's screens."""

    retryable = True
