"""From a manifest to a plan: everything decided, in base units, or a PlanError. Nothing is refused later.

A Plan is plain data: `to_json` and `from_json` carry it to another process, `order` is what the agent is told
and what a journal begins with, so that everything that judges offline reads the same words.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path as FilePath
from random import Random
from typing import Any

from chaos.analysis.foresight import expected, never_deviated
from chaos.errors import PlanError
from chaos.manifests.digests import experiment_digest, spec_digest
from chaos.manifests.load import Loaded
from chaos.manifests.models.experiment import ExperimentSpec
from chaos.manifests.models.method import spans
from chaos.manifests.models.trials import series_of
from chaos.manifests.overriding import Overrides, overridden
from chaos.manifests.policy import at_once
from chaos.manifests.policy_breaches import forbidden
from chaos.manifests.yaml.problems import ManifestProblem
from chaos.planning.agent_spec import APP, work_of
from chaos.planning.app_source import AppFiles, survey
from chaos.planning.preflight import refusals
from chaos.planning.secret_env import needed, shown, shown_manifest
from chaos.run_spec.codec import decode, encode
from chaos.run_spec.model import AnalysisSpec, RunSpec, SandboxSpec, SeriesSpec, WorkSpec
from chaos.statistics.series_plan import SeriesPlan
from chaos.verdict import RULES


@dataclass(frozen=True)
class Plan:
    """One experiment, ready to be carried out. Durations in seconds, sizes in bytes."""

    name: str
    labels: Mapping[str, str]
    hypothesis: str
    digest: str
    """`sha256:…` of everything that can change what happens: of the spec and of the app's files."""
    spec_digest: str
    """Of the spec alone."""
    app_digest: str | None
    """Of the app's files; None when the app is an image."""
    seed: int
    source: str
    """The manifest's file, as it was given."""
    app: str | None
    """Absolute path of the app's directory on the host."""
    image: str | None
    sandbox: SandboxSpec
    retries: int
    """How often to try again to open the sandbox."""
    analysis: AnalysisSpec
    declared_s: float
    """Baseline, holds and recovery together: the time that the run must take."""
    max_hold_s: float
    """The blast radius: no fault of this plan is held longer."""
    work: WorkSpec = field(repr=False)
    """The order without what only the run knows; of secrets from the environment the names."""
    trials: int = 1
    """How often the experiment is carried out, or at most."""
    control: bool = False
    """Whether each trial has a control: the same timeline without any fault."""
    exclude: float | None = None
    """Of a series that ends when it is decided: the share of failing trials that a `held` excludes."""
    trial: int = 1
    """Which of them this is."""
    withheld: bool = False
    """This is a control: its faults are withheld."""
    dashboard: str | None = None
    """Absolute path of the dashboard's template, when it is not ours."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """What was asked for instead of the manifest's own: `{"hold": "5s", "intensity": "high"}`."""
    at_once: Mapping[str, int] = field(default_factory=dict)
    """Repository -> how many of its runs may go on at the same time, where a policy says so."""
    left_out: Sequence[str] = ()
    """Files of the app that stay here: they look like secrets, and git does not track them."""
    manifest: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """As its author wrote it, without values of secrets: for the run's folder, to be run again."""

    @property
    def target(self) -> str:
        """What to call the app: the name of its directory, or its image."""
        return FilePath(self.app).name if self.app is not None else str(self.image)

    @property
    def is_series(self) -> bool:
        """Whether one run of it is more than one trial."""
        return self.trials > 1 or self.control

    def segments(self) -> "list[Plan]":
        """Every trial and control, in the order to carry them out.

        Which of a pair comes first is drawn by the seed, by a fair coin for each: whatever drifts or takes turns while
        the series goes on (a cache, a neighbour, the machine's temperature) is as likely to touch the one as the other,
        which is all that the test of trials against controls (`chaos.analysis.pairs`) asks for.
        """
        dice = Random(f"order {self.seed}")
        return [
            replace(self, trial=trial, withheld=withheld)
            for trial in range(1, self.trials + 1)
            for withheld in (self._turns(dice.random() < 0.5) if self.control else (False,))
        ]

    @staticmethod
    def _turns(control_first: bool) -> tuple[bool, bool]:
        return control_first, not control_first

    @property
    def series(self) -> SeriesPlan:
        """How often it is carried out, and when it is decided."""
        if self.exclude is None:
            return SeriesPlan(self.trials, self.control)
        return SeriesPlan(self.trials, self.control, True, self.exclude)

    @property
    def own_seed(self) -> int:
        """The seed of this trial: the first one's is the plan's own, so that `trials: 1` chooses the same."""
        if self.trial == 1:
            return self.seed
        return int(hashlib.sha256(f"{self.seed} trial {self.trial}".encode()).hexdigest()[:8], 16)

    def order(self, run_id: str = "", python: str = "/usr/bin/python3") -> dict[str, Any]:
        """What a journal begins with: `told`, as JSON."""
        data: dict[str, Any] = encode(self.told(run_id, python))
        return data

    def told(self, run_id: str = "", python: str = "/usr/bin/python3") -> RunSpec:
        """What the agent is told, as journals and pages may have it: without values of secrets."""
        return shown(self.spec(run_id, python))

    def spec(self, run_id: str, python: str) -> RunSpec:
        """The same for the agent: with what the manifest itself says of secrets. For the sandbox only."""
        return RunSpec.of(
            self.work,
            run_id=run_id,
            experiment=self.name,
            labels=self.labels,
            hypothesis=self.hypothesis,
            digest=self.digest,
            sandbox=self.sandbox,
            analysis=self.analysis,
            declared_s=self.declared_s,
            rules=RULES,
            app=APP,
            left_out=self.left_out,
            target=self.target,
            python=python,
            seed=self.own_seed,
            trial=self.trial,
            control=self.withheld,
            series=SeriesSpec.told(self.series),
        )

    def to_json(self) -> str:
        """Everything, as text that `from_json` reads back."""
        return json.dumps(encode(self), separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes | Mapping[str, Any]) -> "Plan":
        """The plan that `to_json` wrote, from its text or from that text already read. Raises SpecError."""
        return decode(cls, text if isinstance(text, Mapping) else json.loads(text))


def plan(loaded: Loaded, *, seed: int | None = None, overrides: Overrides | None = None) -> Plan:
    """What a run would do. Raises PlanError with every reason why it cannot or must not be done here.

    Secrets are looked for in the environment of this process.
    """
    drawn, refusals = draw(loaded, seed=seed, overrides=overrides, environ=os.environ)
    if refusals:
        raise PlanError(*refusals)
    return drawn


def draw(
    loaded: Loaded,
    *,
    seed: int | None = None,
    look: Callable[[FilePath], AppFiles] | None = None,
    overrides: Overrides | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Plan, list[ManifestProblem]]:
    """The plan even when it cannot be carried out, and why not. `look` says what the app's directory holds.

    `environ` is to have the secrets that it needs; without it, they are another machine's business.

    Without a seed the digest decides: the same manifest makes the same random choices. Raises ManifestError when the
    overrides do not fit the manifest.
    """
    overrides, authored = overrides or Overrides(), loaded.tree.data
    loaded = overridden(loaded, overrides)
    manifest = loaded.manifest
    spec = manifest.spec
    look = look or partial(survey, committed=loaded.committed)
    files = look(loaded.app) if loaded.app is not None else None
    app_digest = files.digest if files is not None else None
    digest = experiment_digest(spec, app_digest)
    series, work = series_of(spec.trials, control=spec.control), work_of(spec)
    drawn = Plan(
        name=manifest.metadata.name,
        labels=manifest.metadata.labels,
        hypothesis=spec.hypothesis,
        digest=digest,
        spec_digest=spec_digest(spec),
        app_digest=app_digest,
        seed=int(digest[-8:], 16) if seed is None else seed,
        source=loaded.file,
        app=str(loaded.app) if loaded.app is not None else None,
        image=spec.target.image,
        sandbox=decode(SandboxSpec, spec.sandbox.model_dump()),
        retries=spec.retries,
        analysis=AnalysisSpec(analyzer=spec.analysis.analyzer),
        declared_s=spec.phases.warmup + spec.phases.baseline + _method_s(spec) + spec.phases.recovery,
        max_hold_s=spec.blast_radius.max_hold,
        work=work,
        trials=series.trials,
        control=series.control,
        exclude=series.exclude if series.until_decided else None,
        dashboard=str(loaded.dashboard) if loaded.dashboard is not None else None,
        overrides=overrides.to_json(),
        at_once=at_once(loaded.policies),
        left_out=files.left_out if files is not None else (),
        manifest=shown_manifest(authored, work),
    )
    refused = [loaded.problem(path, f"{drawn.name}: {why}") for path, why in refusals(spec, files)]
    return drawn, [*refused, *_lacking(loaded, drawn, environ), *forbidden(loaded)]


def _lacking(loaded: Loaded, drawn: Plan, environ: Mapping[str, str] | None) -> Iterator[ManifestProblem]:
    """Each secret that the environment does not have."""
    for each in needed(drawn.work) if environ is not None else ():
        if why := each.wrong(environ or {}):
            at = ("spec", "target", "processes", each.process, "env", each.variable, "secret")
            yield loaded.problem(at, f"{drawn.name}: {why}")


def undecidable(loaded: Loaded) -> list[ManifestProblem]:
    """The steady states of an experiment that can never be held, with their places: no mistakes, but vain."""
    spec = loaded.manifest.spec
    series = series_of(spec.trials, control=spec.control)
    declared_s = spec.phases.baseline + _method_s(spec) + spec.phases.recovery
    told = RunSpec.of(work_of(spec), series=SeriesSpec.told(series), declared_s=declared_s)
    vain = [
        loaded.problem(("spec", "steadyState", index), why)
        for index, (_, phase) in enumerate(expected(told))
        if (why := phase.too_few)
    ]
    if why := never_deviated(series, len(spec.steady_state), spec.significance):
        vain.append(loaded.problem(("spec", "trials" if spec.trials != 1 else "control"), why))
    return vain


def _method_s(spec: ExperimentSpec) -> float:
    return max(end for _, end in spans([entry for step in spec.method for entry in step.entries()]))
