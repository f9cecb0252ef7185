"""Queries of a dashboard's panels, with variables filled in as Grafana does. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

POINTS = 300
"""Asked of a range query at most."""
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True)
class Query:
    """One target of one panel."""

    panel: str
    expr: str
    instant: bool


def queries_of(dashboard: Mapping[str, Any], chosen: Mapping[str, str], range_s: float) -> Sequence[Query]:
    """Every target of every panel; `chosen` are values of variables, all others are at their "All" or current."""
    values = _values(dashboard) | {name: _in_quotes(value) for name, value in chosen.items()}
    values |= {"__range": f"{max(1, round(range_s))}s", "__range_s": str(max(1, round(range_s)))}
    values |= {"__interval": f"{step_s(range_s)}s", "__rate_interval": f"{step_s(range_s) + 3}s"}
    return [
        Query(panel.get("title") or str(panel.get("id")), _filled(target["expr"], values), _instant(target))
        for panel in _panels(dashboard)
        for target in panel.get("targets", ())
        if "expr" in target
    ]


def step_s(range_s: float) -> int:
    """Seconds from one point to the next, which is what `$__interval` stands for; samples are closer."""
    return max(1, round(range_s / POINTS))


def _panels(dashboard: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for panel in dashboard.get("panels", ()):
        yield panel
        yield from panel.get("panels", ())  # a collapsed row holds its panels


def _values(dashboard: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for variable in dashboard.get("templating", {}).get("list", ()):
        if variable.get("includeAll"):
            found[variable["name"]] = variable.get("allValue") or ".*"
        elif isinstance(value := variable.get("current", {}).get("value"), str):
            found[variable["name"]] = _in_quotes(value)
    return found


def _in_quotes(value: str) -> str:
    """A value as Grafana puts it between the quotes of a selector."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _filled(expr: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: values.get(found[1] or found[2], found[0]), expr)


def _instant(target: Mapping[str, Any]) -> bool:
    return bool(target.get("instant")) and not target.get("range")
