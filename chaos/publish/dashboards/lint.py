"""What is wrong with a Grafana dashboard's JSON: the rules of Grafana's dashboard-linter that fit, and ours.

Source of the names that end in `-rule`: https://github.com/grafana/dashboard-linter/tree/main/docs. Its rules on the
labels `job` and `instance` are left out: pushed series have neither.
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import combinations
from typing import Any

from chaos.publish.dashboards import promql

PANEL_TYPES = {"timeseries", "stat", "gauge", "bargauge", "table", "text", "state-timeline", "row", "logs"}
WITHOUT_QUERIES = {"text", "row"}
BUILT_IN = {"__rate_interval", "__interval", "__range", "__range_s", "__from", "__to", "__all"}
OPENED = range(36, 43)
"""schemaVersions that Grafana 10 to 13 open; a higher one than a server knows is refused by it."""


def problems(dashboard: Mapping[str, Any], metrics: Set[str]) -> list[str]:
    """Every problem as a line; `metrics` are the names that exist."""
    if wrong := list(_shape(dashboard)):
        return wrong
    return [*_head(dashboard), *_variables(dashboard), *_grid(dashboard), *_panels(dashboard, metrics)]


def _shape(dashboard: Mapping[str, Any]) -> Iterator[str]:
    """What the other rules rely on."""
    panels = dashboard.get("panels")
    if not isinstance(panels, list) or not all(isinstance(panel, dict) for panel in panels):
        yield "panels: expected a list of objects"
        return
    for index, panel in enumerate(panels):
        place = panel.get("gridPos")
        if not isinstance(place, dict) or not all(isinstance(place.get(key), int) for key in "xywh"):
            yield f"panels[{index}].gridPos: expected whole numbers x, y, w, h"
        if not all(isinstance(target, dict) for target in panel.get("targets", ())):
            yield f"panels[{index}].targets: expected a list of objects"
    variables = dashboard.get("templating", {}).get("list", [])
    if not all(isinstance(each, dict) and "name" in each and "type" in each for each in variables):
        yield "templating.list: expected objects with name and type"


def _head(dashboard: Mapping[str, Any]) -> Iterator[str]:
    if dashboard.get("schemaVersion", 0) not in OPENED:
        yield f"schemaVersion: expected {OPENED[0]} to {OPENED[-1]}, which Grafana 10 to 13 open"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", str(dashboard.get("uid", ""))):
        yield "uid: expected 1 to 40 of A-Z a-z 0-9 _ -"
    if not dashboard.get("title"):
        yield "title: missing"
    if dashboard.get("editable", True):
        yield "uneditable-dashboard: editable must be false, or the next delivery overwrites what people change"


def _variables(dashboard: Mapping[str, Any]) -> Iterator[str]:
    variables = {variable["name"]: variable for variable in dashboard.get("templating", {}).get("list", [])}
    source = variables.get("datasource", {})
    if source.get("type") != "datasource" or source.get("label") != "Data source":
        yield "template-datasource-rule: expected a variable 'datasource' of type datasource, label 'Data source'"
    for name, variable in variables.items():
        if variable["type"] == "query" and variable.get("refresh") != 2:
            yield f"template-on-time-change-reload-rule: {name}: refresh must be 2"


def _grid(dashboard: Mapping[str, Any]) -> Iterator[str]:
    panels: Sequence[Mapping[str, Any]] = dashboard["panels"]
    ids = [panel.get("id") for panel in panels]
    if len(ids) != len(set(ids)):
        yield "panel ids are not unique"
    for panel in panels:
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
            yield f"grid overflow: {_name(panel)}: the grid is 24 wide"
    for one, other in combinations(panels, 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            yield f"overlap: {_name(one)} and {_name(other)}"


def _overlap(a: Mapping[str, int], b: Mapping[str, int]) -> bool:
    beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    return not beside and not above


def _panels(dashboard: Mapping[str, Any], metrics: Set[str]) -> Iterator[str]:
    listed = dashboard.get("templating", {}).get("list", [])
    known = {variable["name"] for variable in listed} | BUILT_IN
    for panel in dashboard["panels"]:
        yield from (f"{problem}: {_name(panel)}" for problem in _panel(panel))
        for target in panel.get("targets", ()):
            found = query_problems(str(target.get("expr", "")), known, metrics)
            yield from (f"{problem}: {_name(panel)}, {target.get('refId', '?')}" for problem in found)


def _panel(panel: Mapping[str, Any]) -> Iterator[str]:
    kind = panel.get("type")
    if kind not in PANEL_TYPES:
        yield f"unknown panel type {kind!r}; known: {', '.join(sorted(PANEL_TYPES))}"
    if not panel.get("title") or not (panel.get("description") or kind == "row"):
        yield "panel-title-description-rule"
    if kind in WITHOUT_QUERIES:
        return
    if panel.get("datasource", {}).get("uid") != "${datasource}":
        yield "panel-datasource-rule: expected uid ${datasource}"
    if not panel.get("fieldConfig", {}).get("defaults", {}).get("unit"):
        yield "panel-units-rule"
    if not panel.get("targets"):
        yield "panel-no-targets-rule"
    references = [target.get("refId") for target in panel.get("targets", ())]
    if len(references) != len(set(references)):
        yield "duplicate refId"


def query_problems(query: str, known: Set[str], metrics: Set[str]) -> Iterator[str]:
    """What is wrong with one PromQL query."""
    for variable in sorted(promql.variables(query) - known):
        yield f"undefined variable ${variable}"
    for problem in promql.problems(query):
        yield f"target-promql-rule: {problem}"
    found = promql.metrics(query)
    if not found:
        yield "selects no metric"
    elif found - metrics:
        yield f"unknown metrics {', '.join(sorted(found - metrics))}"
    if promql.has_fixed_rate(query):
        yield "target-rate-interval-rule: expected $__rate_interval"
    if promql.is_raw_counter(query):
        yield "target-counter-agg-rule: a counter as it is"


def _name(panel: Mapping[str, Any]) -> str:
    return str(panel.get("title") or f"panel {panel.get('id')}")
