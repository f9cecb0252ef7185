"""Policy of a repository: the limits of its experiments, in `chaoslab.yaml` at its root.

Absent limits allow everything. A policy that cannot be read allows nothing: it is an error wherever it would count.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from chaos.errors import ManifestError
from chaos.faults import FAULTS
from chaos.faults.support.base import Intensity
from chaos.manifests.models.base import LabelKey, Part
from chaos.manifests.places import repository
from chaos.manifests.validation.document import validate
from chaos.manifests.yaml.files import bytes_of
from chaos.manifests.yaml.located import documents, flaws, located
from chaos.manifests.yaml.problems import ManifestProblem, Path, quoted, unknown
from chaos.manifests.yaml.tree import Tree
from chaos.units import PositiveDuration

NAME = "chaoslab.yaml"
MISNAMED = "chaoslab.yml"


def _known(fault: str) -> str:
    if fault not in FAULTS:
        raise PydanticCustomError("fault", "{what}", {"what": unknown(fault, FAULTS)})
    return fault


FaultName = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": sorted(FAULTS)})]


class PolicySpec(Part):
    """The most harm that any experiment of the repository may do."""

    providers: Annotated[tuple[Literal["local", "container", "e2b"], ...], Field(min_length=1)] | None = None
    """Sandboxes that may be used; all when not given."""
    faults: Annotated[tuple[FaultName, ...], Field(min_length=1)] | None = None
    """Faults that may be injected; all when not given."""
    max_hold: PositiveDuration | None = None
    """Longest that any fault may be held, whatever a manifest's own `blastRadius` says."""
    max_intensity: Intensity | None = None
    """Strongest preset; exact numbers are weighed against that preset of their fault."""
    required_labels: Annotated[tuple[LabelKey, ...], Field(max_length=50)] = ()
    """Labels that every experiment must carry, such as `team`."""
    max_concurrent_runs: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Most runs of the repository at the same time; one more waits for its turn."""


class PolicyFile(Part):
    """What `chaoslab.yaml` at the root of a repository may say."""

    api_version: Literal["chaoslab/v1"]
    """The shape of this file: `chaoslab/v1`."""
    kind: Literal["Policy"]
    """What this file describes."""
    spec: PolicySpec
    """The limits."""


@dataclass(frozen=True)
class Policy:
    """The limits of one repository, and where each of them is written."""

    file: str
    spec: PolicySpec
    tree: Tree
    whose: str
    """The repository: its folder, or its URL without credentials."""

    def where(self, limit: str) -> str:
        """`chaoslab.yaml:5:3`, the place of a limit, for those who wonder who says so."""
        line, column = self.tree.mark(("spec", limit))
        return f"{self.file}:{line}:{column}"


def at_once(policies: Iterable[Policy]) -> dict[str, int]:
    """Repository -> how many of its runs may go on at the same time, of those that say."""
    found: dict[str, int] = {}
    for policy in policies:
        most = policy.spec.max_concurrent_runs
        if most is not None:
            found[policy.whose] = min(most, found.get(policy.whose, most))
    return found


def is_policy(path: FilePath) -> bool:
    """Whether a file of this name holds a policy, and no manifest."""
    return path.name in (NAME, MISNAMED)


def policy_of(root: FilePath) -> Policy | None:
    """The policy of a repository on this disk. Raises ManifestError with all that is wrong with it."""
    for path in (root / MISNAMED, root / NAME):
        if path.exists() or path.is_symlink():
            here = FilePath.cwd()
            shown = path.relative_to(here) if path.is_relative_to(here) else path
            return read_policy(bytes_of(path), str(shown), str(root))
    return None


def policies_of(roots: Iterable[FilePath]) -> tuple[dict[FilePath, Policy], list[ManifestProblem]]:
    """Repository -> its policy, of those that have one, and what is wrong with the policies."""
    found: dict[FilePath, Policy] = {}
    wrong: list[ManifestProblem] = []
    for root in sorted(roots):
        try:
            policy = policy_of(root)
        except ManifestError as error:
            wrong += error.problems
            continue
        if policy is not None:
            found[root] = policy
    return found, wrong


def limits(path: FilePath) -> FilePath:
    """The repository that the policy in this file limits. Raises ManifestError when it is not there, or limits none."""
    bytes_of(path)
    root = repository(path)
    if path.absolute().parent.resolve() != root:
        raise ManifestError(ManifestProblem(str(path), 1, 1, "", misplaced(str(root))))
    return root


def misplaced(root: str) -> str:
    """What is wrong with a policy that is anywhere else."""
    return f"a policy counts at the root of its repository only: {root}"


def read_policy(data: bytes, file: str, whose: str) -> Policy:
    """The policy that a file's content says. Raises ManifestError with all that is wrong with it."""
    if FilePath(file).name == MISNAMED:
        raise ManifestError(
            ManifestProblem(file, 1, 1, "", f"a policy is called {NAME}; under this name it would not count")
        )
    found = documents(data, file)
    if len(found) > 1:
        raise ManifestError(ManifestProblem(file, *found[1].start, "", "a second document; a policy is one"))
    document = found[0]
    said, spec = _validated(document.data)
    wrong = [*flaws(document, file), *located(said, document, file)]
    if wrong or spec is None:
        raise ManifestError(*sorted(wrong, key=lambda problem: (problem.line, problem.column)))
    return Policy(file, spec, document, whose)


def _validated(data: Any) -> tuple[list[tuple[Path, str]], PolicySpec | None]:
    if not isinstance(data, dict):
        return [((), f"expected a mapping (apiVersion, kind, spec), got {quoted(data)}")], None
    read, wrong = validate(data, PolicyFile)
    return wrong, read.spec if read is not None else None
