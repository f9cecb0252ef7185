"""Queries as Prometheus reads them: every one of ours parses, and no name leaves its selector."""

import httpx
import pytest

from chaos.publish import dashboards
from chaos.publish.dashboards import promql
from chaos.publish.grafana.queries import queries_of
from chaos.run_spec.model import RunSpec
from chaos.text.inert import inert
from tests.prometheus_fixture import Prometheus, prometheus
from tests.publish.dashboards.known import EXPERIMENT, HOSTILE, INJECTIONS
from tests.report.a_run import PLAN

__all__ = ["prometheus"]


def parsed(prometheus: Prometheus, query: str) -> str:
    """The query as Prometheus writes it."""
    answer = httpx.post(
        f"{prometheus.url}/api/v1/format_query", data={"query": query}, trust_env=False
    ).json()
    assert answer["status"] == "success", (query, answer)
    return str(answer["data"])


@pytest.mark.parametrize("name", ["shop-network-delay", HOSTILE, *INJECTIONS])
def test_every_query_of_a_dashboard_parses(prometheus: Prometheus, name: str) -> None:
    drawn = dashboards.render(EXPERIMENT, None, RunSpec.of_journal(PLAN | {"experiment": name}))
    queries = queries_of(drawn, {"run": name}, 100.0)
    assert len(queries) > 15
    together = " or ".join(f"({query.expr})" for query in queries)  # one question instead of twenty
    parsed(prometheus, together)
    selectors = promql.matchers(together)
    strings = {
        promql.quoted(inert(name)),
        '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"',
    }
    assert {text for label, text in selectors if label in ("experiment", "run")} == strings


def test_every_query_of_the_fleet_parses(prometheus: Prometheus) -> None:
    for query in queries_of(dashboards.fleet(), {}, 100.0):
        assert 'experiment=~".*"' in query.expr
        parsed(prometheus, query.expr)


@pytest.mark.parametrize("name", [HOSTILE, *INJECTIONS])
def test_a_quoted_name_is_one_matcher_with_that_very_value(prometheus: Prometheus, name: str) -> None:
    found = parsed(prometheus, "up{experiment=" + promql.quoted(name) + "}")
    assert promql.matchers(found) == [("experiment", found[len("up{experiment=") : -1])]
    assert "$" not in promql.quoted(name)  # Grafana would fill in a variable
    assert "[[" not in promql.quoted(name)


@pytest.mark.parametrize(
    "query",
    ["sum(up{}", 'up{a="b}', "up{a=b}", "rate(up[5m)", "", 'up{a="b"}}', "up{a='b'", "up[[5m]"],
)
def test_what_is_broken_is_seen(query: str) -> None:
    assert list(promql.problems(query)) or promql.variables(query)
