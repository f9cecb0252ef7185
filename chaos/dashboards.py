"""Result + plan + template -> the JSON of a Grafana dashboard. Pure: nothing here talks to Grafana.

Templates belong to the operator (a repository may bring its own), so they run in Jinja's sandbox; a name that a
template misspells is an error, and the JSON that comes out is read strictly before anybody gets it.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from chaos.errors import PublishError
from chaos.measure.result import Result

_UID_MAX = 40
"""Grafana refuses longer ones (and anything but letters, digits, `-`, `_`)."""
_MARGIN_SHARE = 0.03
"""Of the run's length, shown before its first and after its last moment."""


def render(template: Path, result: Result | None, plan: Mapping[str, Any]) -> dict[str, Any]:
    """The dashboard of one run; before there is a result, one that follows the run live.

    `plan` is `run.started.data.plan`. Raises PublishError when the template is wrong, and says where.
    """
    try:
        text = _environment(template.parent).get_template(template.name).render(context(result, plan))
        dashboard = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise PublishError(f"{template}{f':{line}' if line else ''}: {error}") from error
    except (TypeError, ValueError) as error:
        raise PublishError(f"{template}: does not give a dashboard's JSON: {error}") from error
    if not isinstance(dashboard, dict):
        raise PublishError(f"{template}: gives {type(dashboard).__name__}, not an object")
    return dashboard


def context(result: Result | None, plan: Mapping[str, Any]) -> dict[str, Any]:
    """The names a template can use."""
    experiment = str(plan.get("experiment") or (result.experiment if result else "experiment"))
    start, end = _time_range(result)
    return {
        "uid": uid(experiment),
        "experiment": experiment,
        "run_id": str(plan.get("run_id") or (result.run_id if result else "")),
        "hypothesis": str(plan.get("hypothesis") or ""),
        "labels": [f"{key}:{value}" for key, value in sorted(dict(plan.get("labels") or {}).items())],
        "live": result is None,
        "time_from": start,
        "time_to": end,
        "report_url": (result.links.report if result else None) or "",
        "prefect_url": (result.links.prefect if result else None) or "",
        "limits": {panel: limits(plan, metrics) for panel, metrics in _PANELS.items()},
    }


_PANELS: Mapping[str, Sequence[str]] = {
    "latency": ("latency_p50", "latency_p95", "latency_p99"),
    "errors": ("error_rate",),
    "throughput": ("throughput",),
    "cpu": ("cpu",),
    "memory": ("memory",),
}


def limits(plan: Mapping[str, Any], metrics: Iterable[str]) -> list[float]:
    """The values that tolerances and stop conditions set on these metrics, in base units, ascending."""
    wanted = set(metrics)
    judged = [*plan.get("steady_state", ()), *plan.get("stop_when", ())]
    found = (
        float(bound)
        for item in judged
        if item.get("probe", {}).get("metric") in wanted
        for bound in (item.get("tolerance", {}).get("min"), item.get("tolerance", {}).get("max"))
        if bound is not None
    )
    return sorted(set(found))


def uid(experiment: str) -> str:
    """The dashboard's address: always the same for one experiment, never shared by two."""
    plain = f"chaoslab-{experiment}"
    if len(plain) <= _UID_MAX and re.fullmatch(r"[A-Za-z0-9_-]+", plain):
        return plain
    digest = sha256(experiment.encode(errors="surrogatepass")).hexdigest()[:10]
    words = re.sub(r"[^A-Za-z0-9_-]+", "-", experiment)[
        : _UID_MAX - len("chaoslab-") - len(digest) - 1
    ].strip("-")
    return "-".join(part for part in ("chaoslab", words, digest) if part)


def _time_range(result: Result | None) -> tuple[str, str]:
    if result is None:
        return "now-10m", "now"
    start, end = (datetime.fromisoformat(at).timestamp() for at in (result.started_at, result.ended_at))
    margin = max(1.0, (end - start) * _MARGIN_SHARE)
    return _moment(start - margin), _moment(end + margin)


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=8)
def _environment(folder: Path) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=False,  # the output is JSON: every value goes through tojson
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["promql"] = _promql
    return environment


def _promql(text: str) -> str:
    """`text` as a PromQL string, quotes included."""
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise ValueError(f"key {key!r} appears twice in one object")
        seen[key] = value
    return seen


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")
