"""Secret values of a run specification: in environments, command lines, requests and their headers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chaos.run_spec.model import RunSpec, WorkSpec
from chaos.run_spec.parts import ProbeSpec
from chaos.text.secrecy import (
    HEADERS,
    LOGIN,
    MASKED,
    SHORTEST,
    arguments,
    is_secret_name,
    spotted,
    values_of,
)  # fmt: skip


def known(order: WorkSpec) -> dict[str, str]:
    """Every secret value, and what to write in its place: `[secret DB_PASSWORD]`, or `[masked]`."""
    found: dict[str, str] = {}
    public = _public(order)
    for process in order.processes:
        for name, value in process.values.items():
            plain = (each for each in values_of(name, value) if each not in public)
            for each in (value,) if name in process.secret else plain:
                found.setdefault(each, f"[secret {name}]")
    for value in _in_texts(order):
        if value not in public:
            found.setdefault(value, MASKED)
    return {value: label for value, label in found.items() if len(value.strip()) >= SHORTEST}


def _public(order: WorkSpec) -> set[str]:
    """Words that stand elsewhere in the open, such as `postgres`, the user: as a password they keep nobody out."""
    found = {order.experiment if isinstance(order, RunSpec) else ""}
    for process in order.processes:
        found |= {process.name, *(word.rpartition("/")[2] for word in (process.command or ())[:1])}
        for name, value in process.values.items():
            found |= {login[1] for login in LOGIN.findall(value)}
            if not is_secret_name(name):
                found.add(value)
    return found


def _in_texts(order: WorkSpec) -> Iterator[str]:
    """In command lines, requests and their headers."""
    looks = [*(each.probe for each in order.steady_state), *(each.probe for each in order.stop_when)]
    probes = [*map(_of, looks), *(_of(each.ready) for each in order.processes if each.ready)]
    commands = (process.command for process in order.processes)
    for command in (*order.setup, *commands, *(getattr(probe, "command", None) for probe in probes)):
        yield from _in_command(command or ())
    for request in (order.load, *probes):
        for text in (getattr(request, "url", None), getattr(request, "body", None)):
            yield from spotted(text or "")
        yield from _in_headers(getattr(request, "headers", None) or {})


def _of(probe: ProbeSpec) -> Any:
    """Whatever kind of probe has a command, a URL, a body or headers, now or later, is looked at."""
    return probe.made()


def _in_headers(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        if name.lower() in HEADERS or is_secret_name(name):
            yield value
        yield from spotted(value)


def _in_command(command: Sequence[str]) -> Iterator[str]:
    for option in command:
        yield from spotted(option)
    yield from (command[at] for at in arguments(command))
