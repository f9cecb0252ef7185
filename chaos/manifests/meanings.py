"""Changed meanings: what a manifest means now and did not mean before; no mistakes, but worth knowing."""

from collections.abc import Iterator

from chaos.manifests.load import Loaded
from chaos.manifests.yaml.problems import ManifestProblem
from chaos.statistics.latencies import QUANTILES, WITH_FAILURES


def changed(loaded: Loaded) -> Iterator[ManifestProblem]:
    """Latencies of an experiment in which nothing looks at failures: they once counted as slow, and do no more."""
    spec = loaded.manifest.spec
    metrics = [getattr(state.probe, "metric", "") for state in spec.steady_state]
    if any(metric == "error_rate" or metric.endswith(WITH_FAILURES) for metric in metrics):
        return
    for index, metric in enumerate(metrics):
        if metric in QUANTILES:
            yield loaded.problem(
                ("spec", "steadyState", index, "probe", "metric"),
                f"{metric} is of answers and timeouts; other failures are in error_rate, which no steady state looks "
                f"at: add one, or use {metric}{WITH_FAILURES}, in which each failure counts as the timeout",
            )
