"""Secrets that an experiment takes from the environment of whoever carries it out: `env: {X: {secret: NAME}}`.

A plan has names only; values are looked up when the agent gets its order, and go nowhere else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chaos.errors import TargetError
from chaos.run_spec.codec import decode, encode
from chaos.run_spec.model import RunSpec, WorkSpec
from chaos.run_spec.parts import ProcessSpec, SecretRef
from chaos.run_spec.secrets import known
from chaos.text.masker import Masker
from chaos.text.secrecy import MASKED, SHORTEST, SWITCH, arguments, is_secret_name


@dataclass(frozen=True, slots=True)
class Needed:
    """One variable of a process and the name of its secret."""

    process: int
    """Its place among the processes."""
    variable: str
    secret: str

    def wrong(self, environ: Mapping[str, str]) -> str | None:
        """Why this environment has no such secret; None when it has. Never the value itself."""
        value = environ.get(self.secret)
        if value is None:
            return f"{self.variable} needs {self.secret}, which is not set where the run is carried out"
        if len(value.strip()) < SHORTEST:
            return (
                f"{self.variable} needs {self.secret}, whose value is too short to be masked in logs; "
                f"at least {SHORTEST} characters"
            )
        return f"{self.variable}: {self.secret} holds a NUL character" if "\0" in value else None


def needed(work: WorkSpec) -> Iterator[Needed]:
    """What an order needs, in the order of the manifest."""
    for index, process in enumerate(work.processes):
        for variable, value in process.env.items():
            if isinstance(value, SecretRef):
                yield Needed(index, variable, value.secret)


def filled(order: RunSpec, environ: Mapping[str, str]) -> RunSpec:
    """The order with the values in it, and which these are. Raises TargetError when one is missing."""
    lacking = [why for each in needed(order) if (why := each.wrong(environ))]
    if lacking:
        raise TargetError("; ".join(lacking))
    return replace(order, processes=tuple(_with_values(process, environ) for process in order.processes))


def _with_values(process: ProcessSpec, environ: Mapping[str, str]) -> ProcessSpec:
    names = {name: value.secret for name, value in process.env.items() if isinstance(value, SecretRef)}
    values = {name: environ[secret] for name, secret in names.items()}
    return replace(process, env={**process.env, **values}, secret=sorted(names)) if names else process


def shown(order: RunSpec) -> RunSpec:
    """An order as a journal, a plan or a page may have it: names of secrets, no values."""
    masker = Masker(known(order))
    masked = decode(RunSpec, masker.data(encode(order)))
    return replace(
        masked,
        processes=tuple(_shown_process(process, masker) for process in order.processes),
        setup=tuple(_shown_command(command, masker) for command in order.setup),
    )


def shown_manifest(document: Mapping[str, Any], work: WorkSpec) -> dict[str, Any]:
    """The same of the manifest that an order was made of."""
    masker = Masker(known(work))
    found: dict[str, Any] = masker.data(document)
    for process, own in zip(_processes(found), _processes(document), strict=True):
        if isinstance(env := own.get("env"), Mapping):
            process["env"] = {name: _shown_authored(name, value, masker) for name, value in env.items()}
        if isinstance(command := own.get("command"), list):
            process["command"] = _shown_command(command, masker)
    return found


def _processes(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document["spec"]["target"].get("processes") or []
    return found


def _shown_authored(name: str, value: Any, masker: Masker) -> Any:
    return value if isinstance(value, Mapping) else _shown_value(name, str(value), masker)


def _shown_process(process: ProcessSpec, masker: Masker) -> ProcessSpec:
    masked = decode(ProcessSpec, masker.data(encode(replace(process, env={}))))
    env = {name: _shown_value(name, value, masker) for name, value in process.env.items()}
    return replace(masked, command=process.command and _shown_command(process.command, masker), env=env)


def _shown_value(name: str, value: str | SecretRef, masker: Masker) -> str | SecretRef:
    if isinstance(value, SecretRef):
        return value
    return MASKED if is_secret_name(name) and not SWITCH.fullmatch(value.strip()) else masker(value)


def _shown_command(command: Sequence[str], masker: Masker) -> list[str]:
    """Too short a value of an option is hidden here, too."""
    hidden = set(arguments(command))
    return [MASKED if at in hidden else masker(word) for at, word in enumerate(command)]
