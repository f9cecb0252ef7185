"""The files of `make stack` as far as they can be judged without a container engine: by the real programs they are for.

The images themselves were never started here.
"""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaos.publish.grafana.steps import UID
from chaos.settings import Settings
from tests.doubles.grafana import Grafana
from tests.doubles.grafana.sources import described
from tests.publish.grafana.stage import started_binary

ROOT = Path(__file__).parents[1]
SECRETS = {
    "GRAFANA_ADMIN_PASSWORD": "pass",
    "GRAFANA_MCP_TOKEN": "token",
    "POSTGRES_PASSWORD": "pg",
    "PREFECT_PASSWORD": "pf",
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    text = (ROOT / "compose.yaml").read_text()
    text = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: SECRETS[found[1]], text)
    assert "${" not in text
    found: dict[str, Any] = yaml.safe_load(text)["services"]
    return found


def test_it_is_all_there(services: dict[str, Any]) -> None:
    assert set(services) == {"prometheus", "grafana", "grafana-mcp", "prefect", "postgres", "worker"}
    for name, service in services.items():
        assert ":" in service["image"], name  # pinned
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), f"{name} is open to others"
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("./") and source != "./runs":
                assert (ROOT / source).exists(), f"{name}: {source}"
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] == "service_started" or "healthcheck" in services[other]


def test_prefect_asks_for_a_password_and_the_worker_knows_it(services: dict[str, Any]) -> None:
    server, worker = services["prefect"]["environment"], services["worker"]["environment"]
    assert server["PREFECT_SERVER_API_AUTH_STRING"] == worker["PREFECT_API_AUTH_STRING"] == "chaoslab:pf"
    assert server["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == "http://127.0.0.1:4200"


def test_prometheus_takes_its_configuration(services: dict[str, Any]) -> None:
    checked = subprocess.run(
        ["promtool", "check", "config", ROOT / "stack/prometheus.yml"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    known = subprocess.run(["prometheus", "--help-long"], check=False, capture_output=True, text=True)
    known_words = known.stdout + known.stderr
    for option in services["prometheus"]["command"]:
        assert option.split("=")[0].lstrip("-") in known_words


def test_grafana_gets_the_data_source_that_delivery_looks_for(services: dict[str, Any]) -> None:
    file = ROOT / "stack/grafana/provisioning/datasources/chaoslab.yaml"
    [source] = yaml.safe_load(file.read_text())["datasources"]
    assert described(source, 1)["uid"] == UID
    assert source["url"] == services["worker"]["environment"]["PROMETHEUS_URL"]
    assert source["jsonData"]["httpMethod"] == "POST"
    grafana = services["grafana"]["environment"]
    assert grafana["GF_SECURITY_ALLOW_EMBEDDING"] == "true"
    assert grafana["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"


def test_the_real_binary_takes_the_options_of_the_mcp_server(services: dict[str, Any]) -> None:
    service = services["grafana-mcp"]
    program, *options = service["command"]
    assert program == "mcp-grafana"
    options = [option for option in options if not option.startswith(("--address", "--transport"))]
    with Grafana().running() as grafana:
        environment = service["environment"] | {"GRAFANA_URL": grafana.url}
        with started_binary(options, environment) as (server, process):
            assert process.poll() is None
            assert server.url.endswith("/mcp")


def test_the_worker_is_told_only_what_somebody_reads(services: dict[str, Any]) -> None:
    for name in services["worker"]["environment"]:
        assert name.lower() in Settings.model_fields
    assert (
        services["worker"]["environment"]["GRAFANA_MCP_TOKEN"]
        == (services["grafana-mcp"]["environment"]["MCP_GRAFANA_SERVER_TOKEN"])
    )


def test_without_docker_the_script_says_so(tmp_path: Path) -> None:
    for program in ("sh", "dirname"):
        (tmp_path / program).symlink_to(f"/usr/bin/{program}")
    told = subprocess.run(
        [tmp_path / "sh", ROOT / "scripts/stack"],
        env={"PATH": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 2
    assert "needs a Docker engine" in told.stderr
