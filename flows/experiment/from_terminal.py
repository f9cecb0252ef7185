"""One experiment through Prefect for a program that has its plan: `chaoslab run`."""

from pathlib import Path

from chaos.analysis.result import Result
from chaos.planning.plan import Plan
from chaos.runner.observer import RunObserver
from flows.prefect.session import prefect_api


async def run_with_prefect(plan: Plan, out: Path, observer: RunObserver) -> Result:
    """Carry out the plan as a flow run of the configured API, or of our local server, started when it must be."""
    async with prefect_api(observer.log, "experiment"):
        from flows.experiment.calling import call  # imports Prefect, which reads the settings made just now

        return await call(plan, out, observer, observer.log)
