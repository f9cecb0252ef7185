"""One real run, watched as people would: every panel has data while the fault is held, and afterwards."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chaos.analysis.result import Result
from chaos.publish.grafana.queries import queries_of
from tests import prometheus_fixture
from tests.doubles.grafana import Grafana
from tests.prometheus_fixture import Prometheus

HELLO = Path(__file__).parents[3] / "experiments" / "hello.yaml"
UID = "chaoslab-hello"


def without_data(
    prometheus: Prometheus, dashboard: Mapping[str, Any], run_id: str, since_s: float
) -> list[str]:
    """Panels of which no query gives anything now."""
    panels: dict[str, bool] = {}
    for query in queries_of(dashboard, {"run": run_id}, since_s):
        panels[query.panel] = bool(prometheus.query(query.expr)) or panels.get(query.panel, False)
    return [panel for panel, filled in panels.items() if not filled]


@pytest.mark.e2e
@pytest.mark.paired
def test_every_panel_has_data_during_the_hold_and_afterwards(tmp_path: Path, new_grafana: Grafana) -> None:
    with prometheus_fixture.started(tmp_path) as prometheus:
        environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("GRAFANA_", "GROQ_"))
            },
            "GRAFANA_URL": new_grafana.url,
            "GRAFANA_SERVICE_ACCOUNT_TOKEN": new_grafana.token,
            "PROMETHEUS_URL": prometheus.url,
        }
        command = [Path(sys.executable).with_name("chaoslab"), "run", "--no-prefect", "--json", HELLO]
        with subprocess.Popen(
            [*command, "--out", tmp_path / "runs"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as run:
            assert run.stderr is not None
            said = []
            while not (line := run.stderr.readline()).strip().endswith("real"):  # "fault injected: …, real"
                said.append(line)
                assert line, "".join(said)
            [folder] = (tmp_path / "runs").iterdir()
            held_for = _until_shown(prometheus, folder.name)
            live = new_grafana.store.dashboards[UID]["spec"]
            assert live["time"]["to"] == "now"
            assert without_data(prometheus, live, folder.name, 60.0) == [], held_for
            out, err = run.communicate()
        result = Result.model_validate_json(out)
        assert any("live: http" in each for each in (*said, err))
        assert result.outcome == "completed", result.why
        assert {name: each.why for name, each in result.delivery.items() if not each.complete} == {}
        assert set(result.delivery) == {"metrics", "dashboard", "live dashboard"}
        kept = new_grafana.store.dashboards[UID]["spec"]
        assert kept["time"] == json.loads((folder / "dashboard.json").read_text())["time"]
        print(
            f"live {result.delivery['live dashboard'].numbers}, at the end {result.delivery['dashboard'].numbers}"
        )


def _until_shown(prometheus: Prometheus, run_id: str) -> str:
    """Wait until the fault is seen in Prometheus, while it is held."""
    give_up_at = time.monotonic() + 4  # of the five seconds
    while time.monotonic() < give_up_at:
        if found := prometheus.query(f'chaoslab_fault_active{{run="{run_id}"}} == 1'):
            return str(found)
        time.sleep(0.05)  # it is written by another program, which tells nobody
    pytest.fail("the fault is not seen in Prometheus")
