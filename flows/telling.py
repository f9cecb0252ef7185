"""Tell a commit what its run came to: a line of its git note, and its status on the forge. Never matters to the run."""

from asyncio import to_thread

from prefect.logging import get_run_logger

from chaos.errors import ChaosLabError
from chaos.gitops.forges import Forge
from chaos.gitops.notes import note
from chaos.gitops.source import Source
from chaos.measure.result import Result
from chaos.settings import Settings
from flows.mirrors import mirror_of
from flows.states import name_of


async def tell_commit(repository: str | None, commit: str | None, result: Result) -> None:
    """Tell it, when the run was of a commit."""
    if repository is None or commit is None:
        return
    logger = get_run_logger()
    for what, tell in (("git note", _note), ("commit status", _status)):
        try:
            await to_thread(tell, repository, commit, result)
        except ChaosLabError as error:
            logger.warning("no %s: %s", what, error)


def _note(repository: str, commit: str, result: Result) -> None:
    word = "Held" if name_of(result) == "Completed" else name_of(result)
    note(mirror_of(Source(repository)), commit, f"{result.experiment}: {word} ({result.run_id}) {result.why}")


def _status(repository: str, commit: str, result: Result) -> None:
    settings = Settings()
    forge = Forge.of(repository, settings.chaoslab_forge, settings.chaoslab_forge_url)
    if forge is None or settings.chaoslab_git_token is None:
        return
    token = settings.chaoslab_git_token.get_secret_value()
    forge.say(token, commit, result.experiment, result.verdict.value, result.why, result.links.prefect)
