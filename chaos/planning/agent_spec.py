"""What the agent is told to do: the part of an experiment that happens inside the sandbox, in base units."""

from collections.abc import Iterator
from dataclasses import replace

from chaos.errors import TargetError
from chaos.manifests.models.experiment import ExperimentSpec
from chaos.manifests.models.target import Process, SecretValue
from chaos.run_spec.model import RunSpec, WallSpec, WorkSpec
from chaos.run_spec.parts import LoadSpec, ProbeSpec, ProcessSpec, SecretRef, StateSpec, StopSpec
from chaos.sandboxes.support.facts import Facts

APP = "/app"
"""Where the app's directory is inside the sandbox."""
FOLDER = "/run/chaoslab"
"""Where order, journal, lease and stop are inside the sandbox."""
LEASE_S = 15.0
"""How long the agent goes on without a sign of life from its controller."""
SAMPLE_HZ = 10


def work_of(spec: ExperimentSpec) -> WorkSpec:
    """The agent's part."""
    return WorkSpec(
        lease_s=LEASE_S,
        sample_hz=SAMPLE_HZ,
        memory_limit_bytes=int(spec.sandbox.memory),
        disk_paths=tuple(sorted({"/tmp", APP, *_fault_paths(spec)})),
        setup=spec.target.setup,
        setup_files=spec.target.setup_files,
        processes=tuple(_process(process, spec) for process in spec.target.processes),
        load=_load(spec),
        steady_state=tuple(_steady(spec, index) for index in range(len(spec.steady_state))),
        significance=spec.significance,
        method=tuple(entry for step in spec.method for entry in step.entries()),
        baseline_s=spec.phases.baseline,
        recovery_s=spec.phases.recovery,
        warmup_s=spec.phases.warmup,
        stop_when=tuple(
            StopSpec(
                probe=ProbeSpec.told(stop.probe), tolerance=stop.tolerance.tolerance(), for_s=stop.lasting
            )
            for stop in spec.stop_when
        ),
        user=spec.target.user or "",
        cpu_limit=spec.sandbox.cpu,
    )


def _fault_paths(spec: ExperimentSpec) -> Iterator[str]:
    for step in spec.method:
        if isinstance(path := getattr(step.fault, "path", None), str):
            yield path


def _process(process: Process, spec: ExperimentSpec) -> ProcessSpec:
    return ProcessSpec(
        name=process.name,
        command=process.command,
        port=process.port,
        env={name: _value(value) for name, value in process.env.items()},
        cwd=process.cwd,
        ready=ProbeSpec.told(process.ready) if process.ready else None,
        restart=process.restart,
        ready_timeout_s=process.ready_within,
        leftovers=process.leftovers,
        user=process.user or spec.target.user or "",
    )


def _value(value: str | SecretValue) -> str | SecretRef:
    """The text, or the name of the secret: values of secrets are nowhere before the agent gets its order."""
    return value if isinstance(value, str) else SecretRef(secret=value.secret)


def _load(spec: ExperimentSpec) -> LoadSpec | None:
    if (load := spec.load) is None:
        return None
    use = load.connections
    return LoadSpec(
        url=load.url,
        method=load.method,
        headers=load.headers,
        body=load.body,
        connections=load.limit,
        rate_per_s=load.rate,
        timeout_s=load.timeout,
        arrivals=load.arrivals,
        connection_use="mix" if isinstance(use, int) else use,
    )


def _steady(spec: ExperimentSpec, index: int) -> StateSpec:
    state = spec.steady_state[index]
    within = state.recover_within
    if state.holds == "afterwards" and within is None:
        within = spec.phases.recovery
    return StateSpec(
        name=state.name,
        probe=ProbeSpec.told(state.probe),
        tolerance=state.tolerance.tolerance(),
        holds=state.holds,
        budget=state.budget,
        recover_within_s=within,
    )


def launched(order: RunSpec, facts: Facts, *, may_lack_wall: bool = False) -> RunSpec:
    """The order for the sandbox of these facts. Pure. Raises TargetError when a process has no command at all.

    `app` is where its image wants to run, and `command` what it wants to; `wall` is how the app is kept apart there.
    """

    def process(entry: ProcessSpec) -> ProcessSpec:
        command = entry.command or facts.command
        if not command:
            raise TargetError(f"process {entry.name}: neither the manifest nor its image names a command")
        return replace(entry, command=command)

    return replace(
        order,
        app=facts.app,
        processes=tuple(map(process, order.processes)),
        wall=wall_of(facts, may_lack=may_lack_wall),
    )


def wall_of(facts: Facts, *, may_lack: bool) -> WallSpec:
    """How the app is kept apart from the agent in the sandbox of these facts: see chaos.agent.wall. Pure."""
    return replace(facts.wall, may_lack=may_lack)
