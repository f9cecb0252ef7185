"""References of a game day: its experiments, found in the repository, with the day's numbers."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from chaos.errors import ManifestError
from chaos.manifests.load import Loaded, LoadedDay, experiments, load_all
from chaos.manifests.models.game_day import Entry, GameDaySpec
from chaos.manifests.overriding import Overrides, overridden
from chaos.manifests.policy_breaches import forbidden
from chaos.manifests.yaml.files import bytes_of, find
from chaos.manifests.yaml.problems import ManifestProblem, nearest
from chaos.manifests.yaml.problems import Path as Place

_NAME = re.compile(rb"\bname: *[\"']?([a-z0-9][-a-z0-9]*)")


@dataclass(frozen=True, slots=True)
class Reference:
    """One experiment as a day names it."""

    place: Place
    """Where it is named."""
    entry: Entry

    @property
    def overrides(self) -> Overrides:
        """The numbers that the day wants in place of its manifest's."""
        return Overrides(self.entry.hold, self.entry.intensity)


def references(spec: GameDaySpec) -> Iterator[Reference]:
    """Everything that a day names: its experiments in their order, then their follow-ups, each once."""
    entries: list[tuple[Place, Entry]] = [
        (("spec", "stages", number, "experiments", index), entry)
        for number, stage in enumerate(spec.stages)
        for index, entry in enumerate(stage.experiments)
    ]
    entries += [(("spec", "followUps", index), entry) for index, entry in enumerate(spec.follow_ups)]
    yield from (Reference((*place, "name"), entry) for place, entry in entries)
    seen = {entry.name for _, entry in entries}
    for place, entry in entries:
        if entry.follow_up and entry.follow_up not in seen:
            seen.add(entry.follow_up)
            yield Reference((*place, "followUp"), Entry(name=entry.follow_up))


def resolve(day: LoadedDay, known: Iterable[Loaded] = ()) -> tuple[dict[str, Loaded], list[ManifestProblem]]:
    """The experiments that a day names, and what is wrong with naming them.

    Those that are not among `known` are looked for in the files of the day's repository; only files in which such a
    name is written are read as manifests.
    """
    wanted = {each.entry.name for each in references(day.manifest.spec)}
    found = {each.manifest.metadata.name: each for each in known}
    missing = wanted - found.keys()
    around = _around(day) if missing else {}
    candidates = [path for path, names in around.items() if names & missing]
    loaded, wrong = load_all(candidates, day.root)
    found |= {one.manifest.metadata.name: one for one in experiments(loaded)}
    everywhere = {name for names in around.values() for name in names} | found.keys()
    problems = list(judged(day, found, wrong, everywhere))
    return {name: found[name] for name in wanted & found.keys()}, problems


def judged(
    day: LoadedDay,
    found: Mapping[str, Loaded],
    wrong: Iterable[ManifestProblem] = (),
    names: Iterable[str] = (),
) -> Iterator[ManifestProblem]:
    """What is wrong with what the day names, when these experiments are there. `wrong` is why others are not."""
    broken = sorted({problem.file for problem in wrong})
    for each in references(day.manifest.spec):
        name = each.entry.name
        if name not in found:
            why = f"no experiment of this repository is called '{name}'"
            meant = nearest(name, set(names) - {name})
            hint = f"; did you mean '{meant}'?" if meant else ""
            yield day.problem(each.place, why + (f"; broken: {', '.join(broken)}" if broken else hint))
            continue
        try:
            if beyond := forbidden(overridden(found[name], each.overrides)):
                raise ManifestError(*beyond)
        except ManifestError as error:
            said = "; ".join(str(problem) for problem in error.problems)
            how = f" {each.overrides}" if each.overrides else ""
            yield day.problem(each.place[:-1], f"'{name}' is not allowed{how}: {said}")


def names_in(content: bytes) -> set[str]:
    """Every word of a file that could be the name of what it holds; much quicker than to read it."""
    return {name.decode() for name in _NAME.findall(content)}


def _around(day: LoadedDay) -> dict[Path, set[str]]:
    """The repository's other manifest files, and every word in them that could be a name."""
    own = Path(day.file).resolve()
    above = [folder for folder in own.parents if folder.is_relative_to(day.root)]
    folder = next((each for each in reversed(above) if each.name == "experiments"), day.root)
    around: dict[Path, set[str]] = {}
    for path in find([folder]):
        if path.resolve() == own:
            continue
        try:
            around[path] = names_in(bytes_of(path))
        except ManifestError:
            continue  # whoever validates that file is told
    return around
