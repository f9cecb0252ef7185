"""Why an experiment cannot be carried out by a sandbox of its type, though it is well written."""

from collections.abc import Iterator
from math import ceil

from chaos.faults.linux.mounts import is_the_agents
from chaos.manifests.models.experiment import ExperimentSpec
from chaos.manifests.models.method import Step, overlapping
from chaos.manifests.yaml.problems import Path
from chaos.planning.app_source import AppFiles
from chaos.sandboxes.support.spec import CPU, Sandbox
from chaos.units import DURATION, SIZE


def refusals(spec: ExperimentSpec, files: AppFiles | None) -> Iterator[tuple[Path, str]]:
    """Each with the path in the manifest that it is about; `files` is what the app's directory holds."""
    sandbox = spec.sandbox
    yield from _collisions(spec)
    yield from _image_refusals(spec)
    for index, step in enumerate(spec.method):
        lacking = ", ".join(sorted(step.fault.requires - sandbox.provides))
        if lacking:
            what = f"sandbox '{sandbox.type}' lacks {lacking}, which {step.fault.type} needs"
            yield ("spec", "method", index, "fault"), what
        whys = (*_agents_disk(step), *_unlikely(step, sandbox), *_no_less(step, sandbox))
        yield from ((("spec", "method", index, *where), why) for where, why in whys)
    for one, other in overlapping([entry for step in spec.method for entry in step.entries()]):
        what = f"'{one}' and '{other}' are of one fault type and would act at the same time"
        yield ("spec", "method"), what
    if files is not None:
        yield from ((("spec", "target", "app"), why) for why in _unshippable(files, sandbox.disk))


def _agents_disk(step: Step) -> Iterator[tuple[Path, str]]:
    """A disk fault on the disk that the agent writes its journal to: it would take the evidence away."""
    place = getattr(step.fault, "path", None)
    if isinstance(place, str) and is_the_agents(place):
        what = (
            f"'{place}' leads to the disk that the agent writes its journal to; choose another, such as /tmp"
        )
        yield ("fault", "path"), what


def _unlikely(step: Step, sandbox: Sandbox) -> Iterator[tuple[Path, str]]:
    """Why this step's fault could not be measured to land: too short a hold, or something that is not installed."""
    yield from sandbox.refuses(step.fault)
    for entry in step.entries():
        needed_s = entry.fault.made().minimum_hold_s()
        if entry.hold_s < needed_s:
            what = (
                f"'{entry.name}' is held for {DURATION.format(entry.hold_s)}, but {step.fault.type} needs at "
            )
            yield (
                ("hold",),
                f"{what}least {DURATION.format(ceil(needed_s * 10) / 10)} to be reached and measured",
            )
            return


def _no_less(step: Step, sandbox: Sandbox) -> Iterator[tuple[Path, str]]:
    """A CPU limit by a fault that is none beside the sandbox's own."""
    for entry in step.entries():
        cores = getattr(entry.fault.made(), "cpu", 0.0)
        if step.fault.type == "cpu_throttle" and sandbox.cpu is not None and cores >= sandbox.cpu:
            has = f"the sandbox has {CPU.format(sandbox.cpu)} of a core (sandbox.cpu)"
            yield ("fault", "cpu"), f"a limit of {CPU.format(cores)} changes nothing: {has}"
            return


def _image_refusals(spec: ExperimentSpec) -> Iterator[tuple[Path, str]]:
    sandbox = spec.sandbox
    if spec.target.image is None:
        return
    if not sandbox.runs_images:
        what = f"sandbox '{sandbox.type}' runs no images; write 'app: DIRECTORY'"
        yield ("spec", "target", "image"), what
    yield from ((where, why) for where, why in sandbox.refuses_images())
    if not sandbox.brings_commands:
        yield from _commandless(spec)
    for index, step in enumerate(spec.method):
        whys = sandbox.refuses_of_image(step.fault)
        yield from ((("spec", "method", index, *where), why) for where, why in whys)


def _commandless(spec: ExperimentSpec) -> Iterator[tuple[Path, str]]:
    """Processes without a command, where nobody keeps what an image says of its own."""
    for index, process in enumerate(spec.target.processes):
        if process.command is None:
            what = (
                f"process '{process.name}' has no 'command'; on '{spec.sandbox.type}' no image brings its own"
            )
            yield ("spec", "target", "processes", index), what


def _collisions(spec: ExperimentSpec) -> Iterator[tuple[Path, str]]:
    """Ports of the app, or of a fault, that belong to the sandbox itself."""
    taken = spec.sandbox.taken_ports
    for index, process in enumerate(spec.target.processes):
        if whose := taken.get(process.port or 0):
            yield ("spec", "target", "processes", index, "port"), f"{process.port} is {whose}"
    for index, step in enumerate(spec.method):
        port = getattr(step.fault, "port", None)
        if whose := taken.get(port or 0):
            yield ("spec", "method", index, "fault", "port"), f"{port} is {whose}"


def _unshippable(files: AppFiles, disk: float) -> Iterator[str]:
    yield from files.wrong[:20]
    if files.bytes > disk:
        yield f"its files are {SIZE.format(files.bytes)}, but the sandbox's disk is {SIZE.format(disk)}"
