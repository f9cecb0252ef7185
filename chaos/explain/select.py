"""Put a judged run into a model's words, when its manifest and the environment say so, and write its result again.

Only `analysis` changes: outcome, verdict and every number stay as they were judged. Whatever goes wrong on the way
leaves the rules' words, with a note.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from chaos.run_spec.model import RunSpec
from chaos.runs.directory import Run

if TYPE_CHECKING:
    from chaos.analysis.result import Result
    from chaos.events import Event


async def explain(run: Run, result: "Result") -> "Result":
    """The result in the words that the manifest asks for. Raises ChaosLabError when the disk refuses."""
    if (name := _asked(run)) == "rules":
        return result
    said = await said_by(name, result, lambda: list(run.journal.events()))
    if said is not result:
        run.keep_result(said.model_dump_json(indent=2))
    return said


async def said_by(name: str, result: "Result", events: "Callable[[], Sequence[Event]]") -> "Result":
    """The result with the analysis of that analyzer; the same when that means the rules."""
    from chaos.explain import ANALYZERS, chosen
    from chaos.settings import Settings

    settings = Settings()
    if (means := chosen(name, settings)) == "rules":
        return result
    return result.model_copy(update={"analysis": await ANALYZERS[means](result, events(), settings)})


def _asked(run: Run) -> str:
    """The analyzer that the manifest asks for, as the journal began."""
    began = run.journal.latest("run.started")
    return RunSpec.of_journal(began[-1].data["plan"]).analysis.analyzer if began else "rules"
