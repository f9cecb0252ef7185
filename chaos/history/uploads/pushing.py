"""A run that has ended, brought to where it was not delivered while it lasted."""

import threading
from pathlib import Path

from chaos.analysis.result import Result
from chaos.errors import PublishError
from chaos.history import files
from chaos.history.errors import RunNotIndexed
from chaos.history.rows import MOST_BYTES, RESULT, check_id
from chaos.history.uploads.delivering import Delivering, noted, places, written
from chaos.history.uploads.last import Last
from chaos.runs.directory import Run
from chaos.settings import Settings


def push(folder: Path, settings: Settings) -> tuple[str, ...]:
    """Bring the rest; the places that have everything now. Raises PublishError, RunNotIndexed."""
    wanted = places(settings)
    if not wanted:
        raise PublishError(
            "there is nowhere to push to: set CHAOSLAB_CONSOLE_URL and _TOKEN, or CHAOSLAB_ARTIFACTS_URL"
        )
    run, result = _read(folder)
    over = threading.Event()
    over.set()
    delivering = Delivering(run, settings)
    delivering.work(over, Last(written(noted(result, dict.fromkeys(wanted)))))
    missing = {place: why for place, why in delivering.whys.items() if why is not None}
    done = {place: why for place, why in delivering.whys.items() if why is None}
    if done:
        run.keep_result(noted(result, done).model_dump_json(indent=2))
    if missing:
        raise PublishError("; ".join(f"{place}: {why}" for place, why in missing.items()))
    return wanted


def _read(folder: Path) -> tuple[Run, Result]:
    data = files.read(folder / RESULT, MOST_BYTES)
    if data is None:
        raise RunNotIndexed(
            f"{files.named(folder)}: not the folder of a run that has ended: it holds no {RESULT}"
        )
    try:
        result = Result.model_validate_json(data)
    except ValueError as error:
        raise RunNotIndexed(f"{files.named(folder / RESULT)}: is no result of this version") from error
    check_id(folder, result.run_id, result.experiment)
    return Run(result.run_id, folder.absolute()), result
