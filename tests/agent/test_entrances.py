"""Where an experiment asks as users do: at its load's port, or at the one that all probes ask."""

from typing import Any

import pytest

from chaos.agent.entrances import entrances
from chaos.run_spec.model import RunSpec

WEB = {"type": "http", "url": "http://127.0.0.1:8000/health"}
DB = {"type": "tcp", "port": 5432, "host": "127.0.0.1"}
ALIVE = {"type": "process", "process": "web"}
SAME = {"type": "tcp", "port": 8000, "host": "127.0.0.1"}


@pytest.mark.parametrize(
    ("load", "probes", "ports"),
    [
        ({"url": "http://127.0.0.1:8000/checkout"}, [WEB, DB], {8000}),
        ({"url": "https://shop.test/"}, [WEB], {443}),
        (None, [WEB], {8000}),
        (None, [WEB, SAME, ALIVE], {8000}),
        (None, [WEB, DB], set()),
        (None, [ALIVE], set()),
    ],
)
def test_the_entrance(load: dict[str, Any] | None, probes: list[dict[str, Any]], ports: set[int]) -> None:
    states = [{"name": "one", "probe": probe} for probe in probes]
    assert entrances(RunSpec.of_journal({"load": load, "steady_state": states})) == ports
