"""Push of a finished run: the samples that the store does not have yet."""

import time
from collections.abc import Callable
from contextlib import suppress

from chaos.analysis.judgement import judge
from chaos.analysis.result import Result
from chaos.errors import PublishError
from chaos.publish.prometheus.conclusion import conclusion
from chaos.publish.prometheus.progress import PushProgress
from chaos.publish.prometheus.remote_writer import RemoteWriter
from chaos.publish.prometheus.store import Store, StoreAnswer, StoreOutcome
from chaos.runs.directory import Run, write_whole
from chaos.text.inert import in_json

_PAUSES_S = (0.5, 1.0, 2.0)
"""Before trying again; then somebody else has to."""


def push(run: Run, store: Store, *, everything: bool) -> PushProgress:
    """Bring the rest, or everything once more; note it in the run's folder. Raises ChaosLabError."""
    progress = PushProgress(store.shown) if everything else PushProgress.read(run, store.shown)
    writer = RemoteWriter(run, store, progress, hopeful=True)
    writer.end()
    while not writer.done:
        writer.look()
        _patient(writer.deliver)
    progress.ended = True
    if not progress.concluded:
        progress.concluded = _patient(lambda: _last_words(run, store, writer)).said is StoreOutcome.TAKEN
    progress.write(run)
    _note(run, progress)
    return progress


def _last_words(run: Run, store: Store, writer: RemoteWriter) -> StoreAnswer:
    return store.send(conclusion(judge(list(run.journal.events())), writer.labels))


def _patient(send: Callable[[], StoreAnswer]) -> StoreAnswer:
    """Its answer, once there is one. Raises PublishError when the store takes nothing."""
    for pause_s in (*_PAUSES_S, None):
        answer = send()
        if answer.said in (StoreOutcome.TAKEN, StoreOutcome.NOT_THESE):
            return answer
        if answer.said is StoreOutcome.NOTHING or pause_s is None:
            break
        time.sleep(pause_s)
    raise PublishError(answer.why)


def _note(run: Run, progress: PushProgress) -> None:
    """In result.json, where there is one that can be read."""
    with suppress(OSError, ValueError):
        result = Result.model_validate_json(run.result.read_bytes())
        delivery = {**result.delivery, "metrics": progress.delivery(run)}
        result = result.model_copy(update={"delivery": delivery})
        write_whole(run.result, in_json(result.model_dump_json(indent=2)) + "\n")
