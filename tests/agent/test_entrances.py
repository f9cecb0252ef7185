"""Where an experiment asks as users do: at its load's port, at the one that all probes ask, or at what must answer."""

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
    order = {"load": load, "steady_state": [{"name": "one", "probe": probe} for probe in probes]}
    assert entrances(RunSpec.of_journal(order)) == ports


SHOP = {"name": "shop", "port": 8000, "command": ["python3", "web.py"], "env": {}}
ADMIN = {"name": "admin", "port": 8001, "command": ["python3", "admin.py"], "env": {"PORT": "8001"}}
HTTP_DB = {"name": "db", "port": 9000, "command": ["python3", "db.py", "9000"], "env": {}}


def state(at: int, holds: str = "throughout", **probe: Any) -> dict[str, Any]:
    return {"probe": probe or {"type": "http", "url": f"http://127.0.0.1:{at}/"}, "holds": holds}


@pytest.mark.parametrize(
    ("processes", "states", "ports"),
    [
        ([SHOP, ADMIN], [state(8000), state(8001)], {8000, 8001}),
        ([SHOP, ADMIN], [state(8000), state(8001, "afterwards")], {8000}),
        ([SHOP, ADMIN], [state(8000), state(8001, type="tcp", port=8001)], {8000}),
        ([SHOP, ADMIN], [state(8000), state(7000)], {8000}),  # nobody of the app listens there
        ([SHOP | {"env": {"DB": "http://127.0.0.1:9000/x"}}, HTTP_DB], [state(8000), state(9000)], {8000}),
        ([SHOP | {"env": {"DB": "http://db/x"}}, HTTP_DB], [state(8000), state(9000)], {8000}),
        ([SHOP | {"command": ["web", "--db=db:1"]}, HTTP_DB], [state(8000), state(9000)], {8000}),
        ([SHOP | {"env": {"ID": "19000", "F": "my-db"}}, HTTP_DB], [state(8000), state(9000)], {8000, 9000}),
    ],
)
def test_of_several_it_is_what_must_answer_and_is_no_dependency(
    processes: list[dict[str, Any]], states: list[dict[str, Any]], ports: set[int]
) -> None:
    order = {"load": None, "steady_state": states, "processes": processes}
    assert entrances(RunSpec.of_journal(order)) == ports
