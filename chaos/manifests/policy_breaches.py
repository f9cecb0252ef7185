"""Policy breaches: what of an experiment is not allowed, with its place, the limit and the limit's place."""

from collections.abc import Iterator

from chaos.manifests.load import Loaded
from chaos.manifests.models.experiment import Experiment
from chaos.manifests.models.method import Step
from chaos.manifests.policy import Policy
from chaos.manifests.policy_intensity import beyond
from chaos.manifests.yaml.problems import ManifestProblem, Path
from chaos.units import DURATION

Issues = Iterator[tuple[Path, str]]


def forbidden(loaded: Loaded) -> list[ManifestProblem]:
    """All that the policies of its repository do not allow of this experiment."""
    name = loaded.manifest.metadata.name
    said = (each for policy in loaded.policies for each in breaches(loaded.manifest, policy))
    return [loaded.problem(path, f"{name}: {what}") for path, what in said]


def breaches(experiment: Experiment, policy: Policy) -> Issues:
    """Every place of the manifest that goes beyond a limit, and what is allowed there."""
    yield from _labels(experiment, policy)
    yield from _provider(experiment, policy)
    for index, step in enumerate(experiment.spec.method):
        for check in (_fault, _hold, _intensity):
            yield from ((("spec", "method", index, *path), what) for path, what in check(step, policy))


def _labels(experiment: Experiment, policy: Policy) -> Issues:
    for label in policy.spec.required_labels:
        if not experiment.metadata.labels.get(label):
            what = f"label '{label}' is missing, but required by {policy.where('requiredLabels')}"
            yield ("metadata", "labels", label), what


def _provider(experiment: Experiment, policy: Policy) -> Issues:
    used, allowed = experiment.spec.sandbox.type, policy.spec.providers
    if allowed is not None and used not in allowed:
        what = f"'{used}' is not allowed; {policy.where('providers')} allows {', '.join(allowed)}"
        yield ("spec", "sandbox", "type"), what


def _fault(step: Step, policy: Policy) -> Issues:
    allowed = policy.spec.faults
    if allowed is not None and step.fault.type not in allowed:
        what = f"'{step.fault.type}' is not allowed; {policy.where('faults')} allows {', '.join(sorted(allowed))}"
        yield ("fault", "type"), what


def _hold(step: Step, policy: Policy) -> Issues:
    most = policy.spec.max_hold
    if most is not None and step.hold > most:
        limit = f"{policy.where('maxHold')} allows {DURATION.format(most)}"
        what = f"{DURATION.format(step.hold)} is longer than the policy's limit; {limit}"
        yield ("hold",), what


def _intensity(step: Step, policy: Policy) -> Issues:
    """One line a field, though a ramp may go too far in many of its stages."""
    most = policy.spec.max_intensity
    if most is None:
        return
    where = policy.where("maxIntensity")
    said: dict[str, str] = {}
    for entry in step.entries():
        for field, why in beyond(entry["fault"], most):
            said.setdefault(field, why)
    for field, why in said.items():
        place = "intensity" if step.fault.intensity else field
        yield ("fault", place), f"{field}: {why} ({where})" if place != field else f"{why} ({where})"
