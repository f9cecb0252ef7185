"""What is wrong with a Grafana dashboard's JSON: the rules of Grafana's own dashboard-linter that fit, and ours.

The linter's rules on `job` and `instance` labels are left out: pushed series have neither.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

PANEL_TYPES = {"timeseries", "stat", "gauge", "table", "text", "state-timeline", "row", "logs"}
BUILT_IN = {"__rate_interval", "__interval", "__range", "__from", "__to"}

# One metric with its selector, inside any nesting of calls; enough of PromQL for the queries we write.
_SELECTOR = re.compile(r'([a-z_:][a-z0-9_:]*)\{((?:[a-z_]+=~?"(?:[^"\\]|\\.)*",?)*)\}')


def problems(dashboard: Mapping[str, Any], metrics: set[str]) -> list[str]:
    """Every problem as a line; `metrics` are the names that exist."""
    return [*_head(dashboard), *_variables(dashboard), *_grid(dashboard), *_panels(dashboard, metrics)]


def _head(dashboard: Mapping[str, Any]) -> Iterator[str]:
    if not 36 <= dashboard.get("schemaVersion", 0) <= 42:
        yield "schemaVersion: not one that Grafana 10 to 13 opens"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", dashboard.get("uid", "")):
        yield "uid: 1 to 40 of [A-Za-z0-9_-]"
    if not dashboard.get("title"):
        yield "title: missing"
    if dashboard.get("editable", True):
        yield "uneditable-dashboard"


def _variables(dashboard: Mapping[str, Any]) -> Iterator[str]:
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    source = variables.get("datasource", {})
    if source.get("type") != "datasource" or source.get("label") != "Data source":
        yield "template-datasource-rule"
    for name, variable in variables.items():
        if variable["type"] == "query" and variable.get("refresh") != 2:
            yield f"template-on-time-change-reload-rule: {name}"


def _grid(dashboard: Mapping[str, Any]) -> Iterator[str]:
    panels = dashboard["panels"]
    ids = [panel["id"] for panel in panels]
    if len(ids) != len(set(ids)):
        yield "panel ids are not unique"
    for panel in panels:
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
            yield f"grid overflow: {panel['title']}"
    for one, other in combinations(panels, 2):
        a, b = one["gridPos"], other["gridPos"]
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        if not beside and not above:
            yield f"overlap: {one['title']} and {other['title']}"


def _panels(dashboard: Mapping[str, Any], metrics: set[str]) -> Iterator[str]:
    known = {variable["name"] for variable in dashboard["templating"]["list"]} | BUILT_IN
    for panel in dashboard["panels"]:
        name = panel.get("title") or panel["id"]
        if panel["type"] not in PANEL_TYPES:
            yield f"unknown panel type: {name}"
        if not panel.get("title") or not panel.get("description"):
            yield f"panel-title-description-rule: {name}"
        if panel.get("datasource", {}).get("uid") != "${datasource}":
            yield f"panel-datasource-rule: {name}"
        if not panel["fieldConfig"]["defaults"].get("unit"):
            yield f"panel-units-rule: {name}"
        if not panel.get("targets"):
            yield f"panel-no-targets-rule: {name}"
        references = [target["refId"] for target in panel["targets"]]
        if len(references) != len(set(references)):
            yield f"duplicate refId: {name}"
        for target in panel["targets"]:
            yield from (f"{problem}: {name}" for problem in query_problems(target["expr"], known, metrics))


def query_problems(query: str, known: set[str], metrics: set[str]) -> Iterator[str]:
    """What is wrong with one PromQL query."""
    for variable in set(re.findall(r"\$\{?(\w+)", query)) - known:
        yield f"undefined variable ${variable}"
    rest = _SELECTOR.sub("", query)
    if (
        any(rest.count(left) != rest.count(right) for left, right in ("()", "[]", "{}"))
        or '"' in rest
        or "{" in rest
    ):
        yield "target-promql-rule"
    found = {match[1] for match in _SELECTOR.finditer(query)}
    if not found or found - metrics:
        yield f"unknown metrics {sorted(found - metrics)}"
    if re.search(r"\[\d+[smh]\]", query) and re.search(r"\b(rate|irate|increase)\(", query):
        yield "target-rate-interval-rule"
    if re.search(r"_total\b", query) and not re.search(r"\b(rate|irate|increase)\(", query):
        yield "target-counter-agg-rule"
