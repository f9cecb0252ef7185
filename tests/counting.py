"""How often manifests are parsed and planned: a count beside the real functions."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from chaos.manifests import load
from chaos.planning import plan


def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """`parsed` files and `planned` experiments from now on, by whomever in this process."""
    counts: Counter[str] = Counter()

    def counting(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def counting_work(*args: Any, **named: Any) -> Any:
            counts[name] += 1
            return work(*args, **named)

        return counting_work

    monkeypatch.setattr(load, "documents", counting("parsed", load.documents))
    monkeypatch.setattr(plan, "work_of", counting("planned", plan.work_of))
    return counts
