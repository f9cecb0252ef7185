"""Manifests of some files read together: each file once, and with each game day the experiments that it names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from chaos.errors import ManifestError
from chaos.manifests.load import AnyLoaded, Loaded, LoadedDay, experiments, game_days, load_all
from chaos.manifests.referring import resolve
from chaos.manifests.yaml.files import find


@dataclass(frozen=True, slots=True)
class Manifests:
    """What was read, in the order of the files."""

    all: tuple[AnyLoaded, ...]
    named: Mapping[str, Mapping[str, Loaded]]
    """Name of a game day -> the experiments that it names, by their names; some may be of other files."""

    @property
    def experiments(self) -> list[Loaded]:
        """Those that are experiments."""
        return experiments(self.all)

    @property
    def game_days(self) -> list[LoadedDay]:
        """Those that are game days."""
        return game_days(self.all)

    @property
    def names(self) -> list[str]:
        """What they are called."""
        return [each.manifest.metadata.name for each in self.all]

    def __getitem__(self, name: str) -> AnyLoaded:
        """The one of that name. Raises ManifestError."""
        found = next((each for each in self.all if each.manifest.metadata.name == name), None)
        if found is None:
            raise ManifestError(
                f"no manifest is called '{name}'; there are: {', '.join(self.names) or 'none'}"
            )
        return found


def read(paths: Iterable[Path | str], *, some: bool = True) -> Manifests:
    """Every manifest of these files, and below these directories. Raises ManifestError with every problem.

    `some`: that there is none is a problem, too.
    """
    asked = [Path(each) for each in paths]
    loaded, wrong = load_all(find(asked))
    known = experiments(loaded)
    named: dict[str, Mapping[str, Loaded]] = {}
    for day in game_days(loaded):
        named[day.manifest.metadata.name], problems = resolve(day, known)
        wrong += problems
    if wrong:
        raise ManifestError(*wrong)
    if some and not loaded:
        raise ManifestError(f"no manifest in {', '.join(map(str, asked))}")
    return Manifests(tuple(loaded), named)
