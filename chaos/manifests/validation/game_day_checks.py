"""Consistency checks of one game day: names, follow-ups, times, and that it can run at all.

Like `chaos.manifests.validation.checks` it reads the document as it was written, whatever else in it is invalid.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from chaos.manifests.models.calendar import fires, next_start
from chaos.manifests.models.game_day import ByProbe, DaySchedule
from chaos.manifests.validation import draft
from chaos.manifests.yaml.problems import Path
from chaos.units import DURATION

Issues = Iterator[tuple[Path, str]]

SLOWEST_LOOK_S = 1.0
"""Whatever may end a day is looked at so often at least."""


def disagreements(document: dict[str, Any]) -> list[tuple[Path, str]]:
    """What does not agree in this document, with absolute paths."""
    spec = document.get("spec")
    if not isinstance(spec, dict):
        return []
    return [(("spec", *path), what) for check in _CHECKS for path, what in check(spec)]


def _unique_names(spec: dict[str, Any]) -> Issues:
    """Of stages, of experiments (each counts once in the score), and of follow-ups."""
    for entries, noun in (
        (draft.items(spec, "stages"), "stages"),
        (list(_planned(spec)), "experiments"),
        (draft.items(spec, "followUps"), "followUps"),
    ):
        first: dict[str, Path] = {}
        for path, entry in entries:
            name = entry.get("name")
            if isinstance(name, str) and first.setdefault(name, path) != path:
                yield (*path, "name"), f"'{name}' is there already; names of {noun} are unique in a day"


def _planned(spec: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path, stage in draft.items(spec, "stages"):
        yield from (((*path, *inner), entry) for inner, entry in draft.items(stage, "experiments"))


def _follow_ups_end(spec: dict[str, Any]) -> Issues:
    """A chain of follow-ups comes back to nothing that is in it already."""
    following = {entry.get("name"): entry.get("followUp") for _, entry in draft.items(spec, "followUps")}
    for path, entry in [*_planned(spec), *draft.items(spec, "followUps")]:
        chain = [entry.get("name")]
        after = entry.get("followUp")
        while isinstance(after, str) and after not in chain:
            chain.append(after)
            after = following.get(after)
        if isinstance(after, str):
            yield (*path, "followUp"), "goes round in a circle: " + " -> ".join([*map(str, chain), after])


def _follow_ups_are_used(spec: dict[str, Any]) -> Issues:
    called = {entry.get("followUp") for _, entry in [*_planned(spec), *draft.items(spec, "followUps")]}
    for path, entry in draft.items(spec, "followUps"):
        if isinstance(entry.get("name"), str) and entry["name"] not in called:
            yield (*path, "name"), f"'{entry['name']}' is no `followUp` of anything in this day"


def _nothing_after_the_last(spec: dict[str, Any]) -> Issues:
    stages = draft.items(spec, "stages")
    if stages and stages[-1][1].get("goNoGo"):
        yield (*stages[-1][0], "goNoGo"), "no stage comes after this one; nothing is left to decide"


def _looked_at_often(spec: dict[str, Any]) -> Issues:
    gates = [
        ((*path, *inner), gate)
        for path, stage in draft.items(spec, "stages")
        for inner, gate in draft.items(stage, "goNoGo")
        if gate.get("type") == "probe"
    ]
    for path, watched in [*draft.items(spec, "stopWhen"), *gates]:
        probe = draft.mapping(watched, "probe")
        every = draft.seconds(probe.get("every"))
        for field, value in (("every", every), ("timeout", draft.seconds(probe.get("timeout")))):
            if value is not None and value > SLOWEST_LOOK_S:
                what = f"{DURATION.format(value)} is too long: a day looks at least every "
                yield (*path, "probe", field), what + DURATION.format(SLOWEST_LOOK_S)
    for path, gate in gates:
        lasting = draft.seconds(gate.get("for"), draft.default(ByProbe, "lasting"))
        within = draft.seconds(gate.get("within"), draft.default(ByProbe, "within"))
        if lasting is not None and within is not None and lasting > within:
            what = f"{DURATION.format(lasting)} is longer than `within`, {DURATION.format(within)}"
            yield (*path, "for"), what


def _blackouts_run_forwards(spec: dict[str, Any]) -> Issues:
    for path, blackout in draft.items(spec, "schedule", "blackouts"):
        since, until = blackout.get("from"), blackout.get("until")
        if isinstance(since, str) and isinstance(until, str) and until < since:
            yield (*path, "until"), f"{until} is before {since}"


def _runs_some_day(spec: dict[str, Any]) -> Issues:
    """A cron that only ever fires outside of the windows would be a day that is thought to run and never does."""
    try:
        schedule = DaySchedule.model_validate(spec.get("schedule"))
    except ValidationError:
        return
    now = datetime.now(UTC)
    if (
        schedule.cron is not None
        and (schedule.windows or schedule.blackouts)
        and not next_start(schedule, now)
    ):
        at = next(fires(schedule.model_copy(update={"windows": (), "blackouts": ()}), now), None)
        when = f", for example at {at:%Y-%m-%d %H:%M} UTC" if at else ""
        yield (
            ("schedule", "cron"),
            f"'{schedule.cron}' only fires outside of its windows or in blackouts{when}",
        )


_CHECKS = (
    _unique_names,
    _follow_ups_end,
    _follow_ups_are_used,
    _nothing_after_the_last,
    _looked_at_often,
    _blackouts_run_forwards,
    _runs_some_day,
)
