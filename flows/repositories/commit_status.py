"""Commit report: a line of the git note, the status on the forge, and the repository's page.

None of it ever matters to the run.
"""

import time
from asyncio import to_thread

from prefect.client.orchestration import get_client
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from chaos.analysis.result import Result
from chaos.errors import ChaosLabError
from chaos.gitops.account import LastRun
from chaos.gitops.forges import Forge
from chaos.gitops.repository.notes import note
from chaos.gitops.repository.source import Source
from chaos.settings import Settings
from chaos.verdict import ending
from flows.prefect.progress import API_FAILURES
from flows.repositories.last_runs import as_the_repository_has_it
from flows.repositories.mirrors import mirror_of
from flows.repositories.page import after_run


async def report_to_commit(repository: str | None, commit: str | None, result: Result) -> None:
    """Tell it, when the run was of a commit."""
    if repository is None or commit is None:
        return
    logger = get_run_logger()
    for what, tell in (("git note", _note), ("commit status", _status)):
        try:
            await to_thread(tell, repository, commit, result)
        except ChaosLabError as error:
            logger.warning("no %s: %s", what, error)
    if not as_the_repository_has_it(flow_run.parameters):
        return
    try:
        async with get_client() as client:
            await after_run(client, repository, result.experiment, _ended(result))
    except (OSError, *API_FAILURES) as error:
        logger.warning("the page of the repository is not up to date: %s", error)


def _ended(result: Result) -> LastRun:
    return LastRun(
        id=str(flow_run.id),
        state=ending(result.outcome, result.verdict),
        why=result.why,
        ended=time.time(),
        push_digest="",
    )


def _note(repository: str, commit: str, result: Result) -> None:
    word = ending(result.outcome, result.verdict)
    note(mirror_of(Source(repository)), commit, f"{result.experiment}: {word} ({result.run_id}) {result.why}")


def _status(repository: str, commit: str, result: Result) -> None:
    settings = Settings()
    forge = Forge.of(repository, settings.chaoslab_forge, settings.chaoslab_forge_url)
    if forge is None or settings.chaoslab_git_token is None:
        return
    token = settings.chaoslab_git_token.get_secret_value()
    forge.say(token, commit, result.experiment, result.verdict.value, result.why, result.links.prefect)
