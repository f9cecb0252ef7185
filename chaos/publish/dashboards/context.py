"""The names that a dashboard's template can use, from a run's plan and, once there is one, its result."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from chaos.analysis.result import Result
from chaos.run_spec.model import RunSpec, bounds

_UID_MAX = 40
"""Grafana refuses longer ones (and anything but letters, digits, `-`, `_`)."""
_MARGIN_SHARE = 0.03
"""Of the run's length, shown before its first and after its last moment."""
LIVE_WINDOW = "now-5m"
"""Shown while a run lasts, which is a minute or two."""


def context(result: Result | None, plan: RunSpec) -> dict[str, Any]:
    """For one run; without a result, for a run that is under way."""
    experiment = plan.experiment or (result.experiment if result else "experiment")
    start, end = _time_range(result)
    return {
        "uid": uid(experiment),
        "experiment": experiment,
        "run_id": plan.run_id or (result.run_id if result else ""),
        "target": plan.target,
        "hypothesis": plan.hypothesis,
        "labels": [f"{key}:{value}" for key, value in sorted(plan.labels.items())],
        "live": result is None,
        "time_from": start,
        "time_to": end,
        "report_url": address(result.links.report if result else None),
        "prefect_url": address(result.links.prefect if result else None),
        "limits": {panel: limits(plan, metrics) for panel, metrics in _PANELS.items()},
        "has_load": plan.load is not None,
        "has_processes": bool(plan.processes),
        "has_timed_probes": any(state.probe.type != "metric" for state in plan.steady_state),
    }


_PANELS: Mapping[str, Sequence[str]] = {
    "latency": ("latency_p50", "latency_p95", "latency_p99"),
    "errors": ("error_rate",),
    "throughput": ("throughput",),
    "cpu": ("cpu",),
    "memory": ("memory",),
}


def limits(plan: RunSpec, metrics: Iterable[str]) -> list[float]:
    """The values that tolerances and stop conditions set on these metrics, in base units, ascending."""
    accepted = [tolerance for _, tolerance in bounds(plan, set(metrics))]
    found = {bound for each in accepted for bound in (each.min, each.max) if bound is not None}
    return sorted(map(float, found))


def uid(experiment: str) -> str:
    """The dashboard's address: always the same for one experiment, never shared by two."""
    plain = f"chaoslab-{experiment}"
    if len(plain) <= _UID_MAX and re.fullmatch(r"[A-Za-z0-9_-]+", plain) and experiment != "fleet":
        return plain
    digest = sha256(experiment.encode(errors="surrogatepass")).hexdigest()[:10]
    words = re.sub(r"[^A-Za-z0-9_-]+", "-", experiment)[
        : _UID_MAX - len("chaoslab-") - len(digest) - 1
    ].strip("-")
    return "-".join(part for part in ("chaoslab", words, digest) if part)


def address(url: str | None) -> str:
    """A link that opens from Grafana's page; a browser opens no local file from there."""
    return url if url and url.startswith(("http://", "https://")) else ""


def _time_range(result: Result | None) -> tuple[str, str]:
    if result is None:
        return LIVE_WINDOW, "now"
    return around(*(datetime.fromisoformat(at).timestamp() for at in (result.started_at, result.ended_at)))


def around(start: float, end: float) -> tuple[str, str]:
    """That time and a little before and after it, as a dashboard has it; Unix seconds."""
    margin = max(1.0, (end - start) * _MARGIN_SHARE)
    return _moment(start - margin), _moment(end + margin)


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
