"""States of flow runs: `held` is Completed, everything else is Failed with the name of what happened."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from chaos.analysis.result import Result
from chaos.game_days.day import Day
from chaos.text.inert import inert
from chaos.verdict import Outcome, Verdict

_ENDED = {
    Outcome.ABORTED: "Aborted",
    Outcome.NOT_INJECTED: "NotInjected",
    Outcome.CRASHED: "Crashed",
}
_LEARNT = {Verdict.DEVIATED: "Deviated", Verdict.INCONCLUSIVE: "Inconclusive"}


def name_of(result: Result) -> str:
    """The state's name, by which automations and people filter."""
    return _ENDED.get(result.outcome) or _LEARNT.get(result.verdict, "Completed")


def state_of(result: Result) -> State[dict[str, Any]]:
    """The final state of a flow run; its data is the result as JSON."""
    make = Completed if name_of(result) == "Completed" else Failed
    return make(name=name_of(result), message=inert(result.why), data=result.model_dump(mode="json"))


def state_of_day(day: Day) -> State[dict[str, Any]]:
    """The final state of a game day's flow run."""
    ended = {"aborted": "Aborted", "crashed": "Crashed"}.get(day.ended or "")
    name = ended or _LEARNT.get(day.verdict, "Completed")
    make = Completed if name == "Completed" else Failed
    why = day.why or ", ".join(f"{each.experiment} {each.verdict}" for each in day.ran)
    return make(name=name, message=inert(why), data=day.model_dump(mode="json"))
