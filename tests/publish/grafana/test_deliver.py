"""A dashboard arrives in Grafana as it was sent, over both transports, for both generations of Grafana's API."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from chaos.publish.grafana import Server
from chaos.publish.grafana.deliver import deliver
from tests.doubles.grafana import Grafana
from tests.doubles.grafana.sources import described
from tests.publish.grafana.stage import Stage, panels, running, spawned

UID = "chaoslab-shop-network-delay"


@contextlib.contextmanager
def over_stdio(grafana: Grafana) -> Iterator[Server]:
    yield spawned(grafana)


@contextlib.contextmanager
def over_http(grafana: Grafana) -> Iterator[Server]:
    with running(grafana) as (server, _):
        yield server


@pytest.mark.parametrize("transport", [over_stdio, over_http])
def test_everything_arrives(
    stage: Stage, grafana: Grafana, transport: Callable[[Grafana], contextlib.AbstractContextManager[Server]]
) -> None:
    with transport(grafana) as server:
        dispatch = stage.dispatch()
        first, failure = deliver(server, dispatch, 30)
        assert failure is None
        assert (first.empty, first.failed, first.marked) == ([], [], 1)
        assert first.queries >= len(panels(dispatch.dashboard))
        again, failure = deliver(server, dispatch, 30)
        assert failure is None
    print(f"delivered in {first.took_s:.2f} s, again in {again.took_s:.2f} s")
    assert str(first.url).startswith(f"{grafana.url}/d/{UID}")
    assert f"var-run={stage.result.run_id}" in str(first.link)
    kept = grafana.store.dashboards[UID]
    assert panels(kept["spec"]) == panels(dispatch.dashboard)
    assert kept["folder"] == "chaoslab"
    assert kept["spec"]["templating"]["list"][0]["current"] == {"text": "ChaosLab", "value": "chaoslab"}
    [annotation] = grafana.store.annotations.values()
    assert {"chaoslab", "fault", f"run:{stage.result.run_id}"} <= set(annotation["tags"])
    assert annotation["timeEnd"] - annotation["time"] == 60_000
    assert kept["version"] == 2
    assert grafana.store.dashboards["chaoslab-fleet"]["version"] == 1  # the same for every run: stored once


def test_a_data_source_with_our_url_is_used_whatever_its_name(stage: Stage, new_grafana: Grafana) -> None:
    other = {"name": "Team's", "type": "prometheus", "uid": "teams", "url": stage.prometheus.url + "/"}
    wrong = {
        "name": "Other",
        "type": "prometheus",
        "uid": "other",
        "url": "http://127.0.0.1:1",
        "isDefault": True,
    }
    for source in (wrong, other):
        new_grafana.store.sources[source["uid"]] = described(source, 7)
    receipt, failure = deliver(spawned(new_grafana), stage.dispatch(), 30)
    assert failure is None
    assert receipt.empty == []
    assert set(new_grafana.store.sources) == {"teams", "other"}
    assert new_grafana.store.dashboards[UID]["spec"]["templating"]["list"][0]["current"]["value"] == "teams"


def test_a_data_source_of_ours_may_have_another_url(stage: Stage, new_grafana: Grafana) -> None:
    """Grafana in a container reaches Prometheus under another name than we do."""
    ours = {"name": "Set up", "type": "prometheus", "uid": "chaoslab", "url": stage.prometheus.url}
    new_grafana.store.sources["chaoslab"] = described(ours, 7)
    dispatch = stage.dispatch(prometheus_url="http://prometheus.invalid:9090")
    receipt, failure = deliver(spawned(new_grafana), dispatch, 30)
    assert failure is None
    assert receipt.empty == []
    assert set(new_grafana.store.sources) == {"chaoslab"}


def test_without_a_data_source_or_an_address_for_one_it_is_refused(
    stage: Stage, new_grafana: Grafana
) -> None:
    receipt, failure = deliver(spawned(new_grafana), stage.dispatch(prometheus_url=None), 30)
    assert "set PROMETHEUS_URL" in str(failure)
    assert receipt.url is None


def test_panels_without_data_are_named(stage: Stage, new_grafana: Grafana) -> None:
    dispatch = stage.dispatch(run_id="no-such-run", besides=())
    receipt, failure = deliver(spawned(new_grafana), dispatch, 30)
    assert failure is None
    assert set(receipt.empty) == panels(dispatch.dashboard)
    assert receipt.doubts.startswith("panels without data: Verdict, ")


def test_what_grafana_keeps_is_compared_with_what_was_sent(stage: Stage, grafana: Grafana) -> None:
    grafana.store.spoil = True
    receipt, failure = deliver(spawned(grafana), stage.dispatch(), 30)
    assert "something other than what was sent: panels[0].title" in str(failure)
    assert receipt.link is not None  # it is there, if not as it should be


def test_hostile_words_are_only_words_in_grafana(stage: Stage, new_grafana: Grafana) -> None:
    windows = [replace(each, step='</script>{{ 7*7 }}"\n') for each in stage.dispatch().windows]
    dispatch = stage.dispatch(windows=windows, besides=())
    receipt, failure = deliver(spawned(new_grafana), dispatch, 30)
    assert failure is None
    [annotation] = new_grafana.store.annotations.values()
    assert "</script>" not in annotation["text"]
    assert receipt.failed == []
