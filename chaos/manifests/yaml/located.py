"""Located documents: those of a file, and their problems with line and column."""

from collections.abc import Sequence

from chaos.errors import ManifestError
from chaos.manifests.yaml import tree
from chaos.manifests.yaml.files import text_of
from chaos.manifests.yaml.problems import ManifestProblem, Path, dotted
from chaos.manifests.yaml.tree import Tree


def documents(data: bytes, file: str) -> list[Tree]:
    """Every document of the content of a file. Raises ManifestError when it cannot be read, or holds none."""
    reading = tree.read(text_of(data, file))
    if reading.stopped is not None:
        before = [flaw for document in reading.trees for flaw in flaws(document, file)]
        raise ManifestError(*before, ManifestProblem(file, *reading.stopped.mark, "", reading.stopped.what))
    found = [document for document in reading.trees if document.data is not None or document.flaws]
    if not found:
        raise ManifestError(
            ManifestProblem(file, 1, 1, "", "empty; a manifest begins with apiVersion: chaoslab/v1")
        )
    return found


def located(said: Sequence[tuple[Path, str]], document: Tree, file: str) -> list[ManifestProblem]:
    """Problems with their positions: one a place, and none where reading already refused what is there."""
    found: dict[Path, ManifestProblem] = {}
    for at, what in said:
        if any(at[:length] in document.spoiled for length in range(len(at) + 1)):
            continue
        found.setdefault(at, ManifestProblem(file, *document.mark(at), dotted(at), what))
    return list(found.values())


def flaws(document: Tree, file: str) -> list[ManifestProblem]:
    """What reading refused of this document."""
    return [ManifestProblem(file, *mark, dotted(at), what) for mark, at, what in document.flaws]
