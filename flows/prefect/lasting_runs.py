"""Runs that last: Prefect's engine ends none of them because the server that counts them was away for a while."""

from types import ModuleType

from flows.prefect.changes import change, replace


def lasting_runs() -> None:
    """Change Prefect's engine when it is imported, or now when it has been."""
    change({"prefect.flow_engine": _engine})


def _engine(module: ModuleType) -> None:
    """A deployment's place is renewed until the server has it no more, which ends nothing."""
    from flows.prefect.places import maintained  # imports Prefect, which reads its settings

    replace(module, "amaintain_concurrency_lease", maintained)
