"""One game day through Prefect for a program that has its plan: `chaoslab run`."""

from pathlib import Path

from chaos.game_days.learnt import DayReport
from chaos.game_days.planning import DayPlan
from chaos.runner.observer import RunObserver
from flows.prefect.session import prefect_api, result_of


async def run_day_with_prefect(plan: DayPlan, out: Path, observer: RunObserver, anytime: bool) -> DayReport:
    """Carry out the day as a flow run of the configured API, or of our local server, started when it must be."""
    async with prefect_api(observer.log, "game day"):
        from flows.game_day.flow import game_day  # imports Prefect, which reads the settings made just now
        from flows.prefect.handover import Handover, handed_over

        def learnt() -> DayReport | None:
            return handover.result if isinstance(handover.result, DayReport) else None

        with handed_over(Handover(plan, observer)) as handover:
            run = game_day(plan.source, plan.name, str(out), anytime=anytime, return_state=True)
            return await result_of(run, learnt, observer.log)
