"""Metric families: name, meaning, and the labels beside `experiment`, `run`, `target` and `phase`.

Names and units are by Prometheus' conventions: base units, the unit as suffix, shares as ratios from 0 to 1. Source:
https://prometheus.io/docs/practices/naming/. All are gauges but one counter and the latencies, which are summaries
without sum and count: a run lasts a minute or two and is sampled many times a second, and rate() over four scrapes of
a data source would smear a fault over its surroundings.

How many series a run can have is decided by its manifest. While it lasts, in each of its three phases: 8, one for each
disk path, four for each process, two for each steady state, one for each step. At its end: 14, and one for each step
and each steady state. The shop's have about 80. MOST_SERIES is the limit that no journal can pass.
"""

from typing import NamedTuple

MOST_SERIES = 2000
"""Of one run; a manifest of full size has 1400, and what a journal claims beyond that is left out."""


class Family(NamedTuple):
    """One metric."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    type: str = "gauge"


LIVE = (
    Family("chaoslab_cpu_usage_ratio", "Cores that the sandbox uses; 1 is one busy core.", unit="ratio"),
    Family("chaoslab_memory_usage_ratio", "Share of the sandbox's memory limit in use.", unit="ratio"),
    Family("chaoslab_memory_usage_bytes", "Memory that the sandbox uses.", unit="bytes"),
    Family("chaoslab_disk_usage_ratio", "Share of a file system in use.", ("path",), "ratio"),
    Family(
        "chaoslab_process_cpu_usage_ratio", "Cores that a process of the target uses.", ("process",), "ratio"
    ),
    Family("chaoslab_process_memory_bytes", "Resident memory of a process.", ("process",), "bytes"),
    Family("chaoslab_process_up", "1 while the process runs.", ("process",)),
    Family(
        "chaoslab_process_restarts_total", "How often it was started again.", ("process",), type="counter"
    ),
    Family(
        "chaoslab_request_latency_seconds",
        "Quantiles of the answers and timeouts of the last second, or of the last 20 (0.95) and 100 (0.99) where that "
        "has fewer, at most 5 s; absent of fewer. A timeout counts as its limit at least.",
        ("quantile",),
        "seconds",
        "summary",
    ),
    Family("chaoslab_request_error_ratio", "Failed ones of those requests.", unit="ratio"),
    Family("chaoslab_throughput_requests_per_second", "Good answers in the last second."),
    Family("chaoslab_probe_success", "1 while a steady state is within its tolerance.", ("steady_state",)),
    Family(
        "chaoslab_probe_duration_seconds",
        "The slowest look of the last 250 ms.",
        ("steady_state",),
        "seconds",
    ),
    Family("chaoslab_fault_active", "1 while the fault is in place.", ("fault", "step")),
)
"""While the run lasts, in the phase that `phase` names: baseline, fault, recovery."""

FINAL = (
    Family(
        "chaoslab_run_verdict", "1 for the verdict and the outcome that the run had.", ("outcome", "verdict")
    ),
    Family("chaoslab_run_duration_seconds", "From its begin to its end.", unit="seconds"),
    Family(
        "chaoslab_run_recovery_seconds",
        "From the end of the fault to stably good again; absent when that never came.",
        ("steady_state",),
        "seconds",
    ),
    Family(
        "chaoslab_run_noticed_ratio",
        "The smallest share of bad looks or requests that the run would have noticed with 95 %.",
        ("steady_state",),
        "ratio",
    ),
    Family(
        "chaoslab_run_noticed_delay_seconds",
        "The smallest delay on every answer that the run would have noticed with 95 %.",
        ("steady_state",),
        "seconds",
    ),
    Family("chaoslab_run_fault_landed", "1 when the fault was measured to act as asked.", ("fault", "step")),
    Family(
        "chaoslab_run_fault_met",
        "How often the app met the fault; absent where that cannot be measured.",
        ("fault", "step"),
    ),
    Family(
        "chaoslab_run_request_latency_seconds",
        "Quantiles of a whole phase, of answers and timeouts; 0.95 of 20 or more, 0.99 of 100 or more.",
        ("quantile",),
        "seconds",
        "summary",
    ),
    Family(
        "chaoslab_run_request_latency_bound_seconds",
        "Between `low` and `high` the quantile `of` truly is, with 95 %; absent where so few requests tell none.",
        ("of", "bound"),
        "seconds",
    ),
    Family("chaoslab_run_requests_answered", "Of how many answers and timeouts those quantiles are."),
    Family("chaoslab_run_request_error_ratio", "Failed requests of a whole phase.", unit="ratio"),
)
"""One sample each, when the run has been judged; `phase` only where it says of which."""
