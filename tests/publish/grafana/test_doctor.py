"""The doctor opens the session that a delivery would, and says what Grafana says."""

from pydantic import SecretStr

from chaos.cli.examination import grafana as look
from chaos.settings import Settings
from tests.doubles.grafana import Grafana
from tests.doubles.grafana.sources import described


def settings(**known: object) -> Settings:
    """These and nothing of this machine."""
    return Settings.model_construct(**{**Settings.model_construct().model_dump(), **known})


def test_nothing_configured() -> None:
    check = look(settings())
    assert (check.level, check.says) == (
        "degraded",
        "GRAFANA_URL, GRAFANA_MCP_URL not set: dashboards are files",
    )


def test_it_answers(new_grafana: Grafana) -> None:
    source = {"name": "P", "type": "prometheus", "uid": "p", "url": "http://127.0.0.1:9"}
    new_grafana.store.sources["p"] = described(source, 1)
    token = SecretStr(new_grafana.token)
    check = look(settings(grafana_url=new_grafana.url, grafana_service_account_token=token))
    assert (check.level, check.says) == ("ok", "answers through its MCP server; 1 Prometheus data source(s)")


def test_it_does_not_want_us(new_grafana: Grafana) -> None:
    check = look(settings(grafana_url=new_grafana.url, grafana_service_account_token=SecretStr("wrong")))
    assert check.level == "degraded"
    assert "401" in check.says
    assert check.remedy
    assert look(settings(grafana_url="nowhere")).says.startswith("GRAFANA_URL is not the URL of a server")
