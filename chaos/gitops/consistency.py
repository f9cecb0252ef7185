"""Consistency of a commit: without what waits for, or names, an experiment that does not exist. Pure."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from chaos.gitops.wanted import BrokenFile, Desired, DesiredDeployment


def consistent(desired: Desired) -> Desired:
    """Without what waits for, or names, an experiment that is not there, or waits for itself."""
    wanted = dict(desired.wanted)
    broken = list(desired.broken)
    while wrong := sorted(_hopeless(wanted)):
        for name, why in wrong:
            path = wanted.pop(name).path
            broken.append(BrokenFile(path, (f"{path}:1:1 {why}",), frozenset({name})))
    for name, one in wanted.items():
        if one.is_game_day:
            wanted[name] = replace(one, push_digest=_with_experiments(one, wanted))
    return replace(desired, wanted=wanted, broken=tuple(broken))


def _with_experiments(day: DesiredDeployment, wanted: Mapping[str, DesiredDeployment]) -> str:
    whole = "\0".join((day.push_digest, *(wanted[name].push_digest for name in day.experiments)))
    return "sha256:" + hashlib.sha256(whole.encode()).hexdigest()


def _hopeless(wanted: Mapping[str, DesiredDeployment]) -> Iterator[tuple[str, str]]:
    for one in wanted.values():
        where = "spec.stages" if one.is_game_day else f"spec.dependsOn: {one.name}"
        needed = (*one.depends_on, *one.experiments)
        missing = [name for name in needed if name not in wanted or wanted[name].is_game_day]
        if missing:
            yield one.name, f"{where}: no experiment of this repository is called {', '.join(missing)}"
        elif one.name in _before(one, wanted):
            yield one.name, f"{where}: it waits for itself in the end"


def _before(one: DesiredDeployment, wanted: Mapping[str, DesiredDeployment]) -> set[str]:
    """Everything that comes before it."""
    seen: set[str] = set()
    waiting = list(one.depends_on)
    while waiting:
        name = waiting.pop()
        if name not in seen and name in wanted:
            seen.add(name)
            waiting += wanted[name].depends_on
    return seen
