"""The result of one run: what `result.json` says. Times are UTC, lengths are seconds unless the key names a
unit."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from chaos.analysis.data_seen import DataSeen
from chaos.analysis.part import ResultPart
from chaos.analysis.trials_result import TrialsResult
from chaos.verdict import Outcome, Verdict, exit_code

Severity = Literal["low", "medium", "high", "critical"]


class MetResult(ResultPart):
    """How often the target met a fault, beside whether it landed."""

    count: int | None
    """None: not measurable by this mechanism; `why` says the reason."""
    of: int | None
    """Of how many occasions, where those are counted."""
    why: str
    enough: bool = True
    """False when nobody met it, or too little did for what was asked."""


class StepResult(ResultPart):
    """One step of the method: what was asked of its fault, and what it was measured to do."""

    name: str
    fault: str
    mechanism: str
    """How it was done (`netem`, `nfqueue`, …); empty when nothing was injected."""
    kind: str
    """`real` or `emulated`; empty when nothing was injected."""
    landed: bool
    """Whether it was measured to have taken hold as asked."""
    why: str
    asked: dict[str, float | str]
    delivered: dict[str, float | str | None]
    """The keys of `asked`, then `low` and `high` (95 % bounds of the first) and `samples`."""
    injected_at: str | None
    recovered_at: str | None
    hold_s: float
    """How long it was asked to last."""
    held_s: float | None
    """How long it was in place."""
    recovered_because: str
    residue: list[str]
    notes: dict[str, Any]
    met: MetResult | None = None
    """None in journals that do not say."""


class Tested(ResultPart):
    """The looks, or the requests, of one phase against what is allowed."""

    where: str
    what: Literal["samples", "requests"]
    bad: int
    count: int
    independent: int
    """As many independent ones tell as much; fewer than `count` where bad ones come in clumps."""
    share: float
    low: float
    high: float
    """The 95 % interval of the share (Wilson's), of as many independent ones."""
    allowed: float
    by_chance: float
    """The probability of so many bad ones or more, were the true share what is allowed."""


class SteadyStateResult(ResultPart):
    """One steady state, judged over the phases that count for it."""

    name: str
    verdict: Verdict
    why: str
    probe: str
    """The kind of probe: http, tcp, command, process, metric."""
    tolerance: str
    """In plain words."""
    holds: str
    baseline_bad: int
    fault_bad: int
    recovery_bad: int
    samples: int
    """Of all phases; the three counts above are of these."""
    budget: float
    """Share of samples that may be out of tolerance."""
    bad_share: float | None
    """Share that was: the highest of what is tested; None without samples."""
    recover_within_s: float | None
    recovery_time_seconds: float | None
    """From the end of the fault to stably good again; 0 when never bad after it; None when never good again.
    """
    resolution_seconds: float | None
    """The true moment lies within this time before the one reported."""
    relapses: int | None = None
    """How often it was bad again after that."""
    noticed_share: float | None = None
    """The smallest share of bad ones that would have been noticed with 95 %: what `held` excludes. None: no share."""
    noticed_delay_seconds: float | None = None
    """The smallest delay on every answer that would have been; None where latency has no bound, or too few answers."""
    tested: list[Tested] = Field(default=[])
    """The baseline, and what decided."""
    data: DataSeen | None = None
    """Of an invariant."""


class PhaseResult(ResultPart):
    """When one phase ran."""

    name: str
    started_at: str
    ended_at: str


class LoadSummary(ResultPart):
    """The load of one phase. Latencies are of answers and of timeouts, which count as the client's limit at least; what
    was refused or answered with an error at once has none (`chaos.statistics.latencies`)."""

    sent: int
    errors: int
    error_rate: float
    p50: float | None
    """None: nothing but failures."""
    p95: float | None
    """None of fewer than 20 answers and timeouts: it would be the slowest of them."""
    p99: float | None
    """None of fewer than 100."""
    throughput: float
    """Good answers per second."""
    lateness_p99_s: float | None
    """How late the generator itself sent."""
    p95_low: float | None = None
    p95_high: float | None = None
    """The 95 % interval of p95, between two of the requests; None: too few for one."""
    p50_low: float | None = None
    p50_high: float | None = None
    p99_low: float | None = None
    p99_high: float | None = None
    answered: int | None = None
    """Of how many answers and timeouts the percentiles are."""
    independent: int | None = None
    """As many independent requests tell as much of the error rate; fewer than `sent` where failures come in clumps."""
    timeouts: int | None = None
    """Of the errors, those that were given up at the client's limit."""
    p50_with_failures: float | None = None
    """As p50, but each failed request counts as at least the client's timeout; so do the next two."""
    p95_with_failures: float | None = None
    p99_with_failures: float | None = None


class UsagePeaks(ResultPart):
    """The highest usage seen; None where nothing was sampled."""

    cpu_peak_percent: float | None
    """Of one core: two busy cores are 200."""
    memory_peak_percent: float | None
    """Of the sandbox's limit."""
    memory_peak_bytes: int | None
    disk_peak_percent: dict[str, float]
    agent_cpu_mean_percent: float | None
    """What observing cost."""


class FindingResult(ResultPart):
    """One judgement with its sentence and its numbers."""

    name: str
    verdict: Verdict
    why: str
    numbers: dict[str, float]


class LogLine(ResultPart):
    """One line that a process of the target wrote."""

    at: str
    process: str
    stream: str
    line: str
    level: str = ""
    """`error`, `more` (it goes on with one), `warning`, or nothing."""


class LogCount(ResultPart):
    """How much one process wrote in all, its warm-up included."""

    process: str
    lines: int
    errors: int
    """Errors, a stack trace being one."""
    left_out: int
    """Lines that the journal did not keep; they are in `lines`."""
    errors_left_out: int


class Metrics(ResultPart):
    """The five numbers every analysis carries. None means: not measured, or (recovery) it never came."""

    cpu_peak: float | None
    """Percent of one core."""
    memory_peak: float | None
    """Percent of the sandbox's limit."""
    error_count: int
    recovery_time_seconds: float | None
    """The slowest steady state's."""
    latency_p95: float | None
    """Milliseconds, over the fault phase."""


class Tokens(ResultPart):
    """What a model read and wrote."""

    prompt: int
    completion: int


class Written(ResultPart):
    """Which words of a summary and of recommendations a model wrote, and which it chose among ours."""

    by_model: list[str]
    """The sentences of the summary that the model wrote; every other sentence is ours."""
    chosen: int
    """Sentences of the summary, ours word by word, that it chose, joined and ordered."""
    advice_chosen: int
    """Recommendations of ours that it chose; it writes none."""
    dropped: dict[str, int]
    """Why -> how many of its sentences and ids were not shown."""


class Previous(ResultPart):
    """The run of the same experiment before this one, and what has changed since, beyond noise."""

    run_id: str
    started_at: str
    verdict: Verdict
    same_digest: bool
    """Whether it was the same experiment with the same app."""
    changes: list[str]
    unseen: str = ""
    """How large a difference may be that so many requests cannot show."""


class Analysis(ResultPart):
    """Words about a run. The numbers in `metrics` are measured; who wrote the words is `analyzer`."""

    analyzer: str
    summary: str
    metrics: Metrics
    severity: Severity
    recommendations: list[str]
    model: str | None = None
    """Which model wrote the words, when one did."""
    tokens: Tokens | None = None
    cost_usd: float | None = None
    """An estimate from list prices."""
    seconds: float | None = None
    """How long a model, or trying to reach it, took."""
    sentences_dropped: int = 0
    """Sentences and ids of a model that were not shown; `written.dropped` says why."""
    written: Written | None = None
    """When a model took part: which words are its own."""
    previous: Previous | None = None
    """Compared with the run before, when there is one."""
    note: str | None = None
    """What a reader should know of how this came about: why it was not the analyzer that was asked for, for example."""

    @property
    def credited(self) -> str:
        """The summary, and which words of it a model wrote, where nothing else beside it says so."""
        if self.written is None:
            return self.summary
        own = "; ".join(f"“{each}”" for each in self.written.by_model) or "none"
        return f"{self.summary} (Chosen and ordered by the model {self.model}; its own words: {own}.)"


class Timings(ResultPart):
    """Where the time went."""

    sandbox_s: float | None
    declared_s: float
    overhead_s: float
    total_s: float


class SandboxResult(ResultPart):
    """The machine that was used."""

    type: str
    id: str | None
    destroyed: bool


class Links(ResultPart):
    """Where to look further; filled in by whoever published it."""

    dashboard: str | None = None
    prefect: str | None = None
    report: str | None = None


class Delivery(ResultPart):
    """What reached people's screens, and what did not and why. It never changes a verdict."""

    complete: bool
    why: str = ""
    """One sentence; when complete, a remark at most."""
    later: str | None = None
    """The command that delivers the rest."""
    numbers: dict[str, float] = Field(default={})


class Result(ResultPart):
    """Everything a run taught us. `verdict` is about the system, `outcome` about the run; `why` is the
    verdict's reason."""

    run_id: str
    experiment: str
    digest: str
    seed: int | None = None
    """What decided every random choice; `chaoslab run --seed` makes the same ones again. None without a plan."""
    rules: int = 1
    """By which version of the rules it was judged (docs/verdicts.md)."""
    significance: float | None = None
    """How often such a run may be wrong, over all its steady states together."""
    outcome: Outcome
    verdict: Verdict
    why: str
    hypothesis: str
    labels: dict[str, str]
    started_at: str
    ended_at: str
    steps: list[StepResult]
    steady_state: list[SteadyStateResult]
    findings: list[FindingResult]
    doubts: list[str]
    """Everything that keeps this run from proving something, in the order of weight."""
    phases: list[PhaseResult]
    load: dict[str, LoadSummary]
    """Phase name -> its load; empty when the experiment sends none."""
    usage: UsagePeaks
    log: list[LogLine]
    logs: list[LogCount] = Field(default=[])
    """Of each process that wrote anything."""
    analysis: Analysis | None = None
    timings: Timings
    sandbox: SandboxResult
    links: Links = Links()
    delivery: dict[str, Delivery] = Field(default={})
    """`metrics`, `dashboard` and `live dashboard`; absent: nothing was configured to take them."""
    trials: TrialsResult | None = None
    """Of an experiment with several trials or with controls: all of them together. The rest is then about the most
    telling trial; outcome, verdict, why, doubts, timings, start and end are about the whole."""

    @property
    def exit_code(self) -> int:
        """The process exit code that says outcome and verdict."""
        return exit_code(self.outcome, self.verdict)


def plain(values: Mapping[str, Any]) -> dict[str, float | str]:
    """Only the numbers and words of a mapping that came from a journal."""
    return {str(key): value for key, value in values.items() if isinstance(value, float | int | str)}
