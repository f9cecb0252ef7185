"""Posted manifest: one without a file, from HTTP or from a parameter of a flow run.

It is read like any other, with one difference: there is no folder beside it. Its app is an image, or the demo shop,
which is what `app: .` means here; no path of whoever's machine is looked at.
"""

from dataclasses import replace
from pathlib import Path

from chaos.errors import ManifestError
from chaos.manifests.ad_hoc import SHOP
from chaos.manifests.load import AnyLoaded, Loaded, experiments, load_bytes
from chaos.manifests.yaml.problems import ManifestProblem, quoted

FILE = "manifest"
"""What its problems call it."""


def read(text: str) -> tuple[list[AnyLoaded], list[ManifestProblem]]:
    """Every manifest of a text, and every problem."""
    loaded, wrong = load_bytes(text.encode(errors="surrogatepass"), SHOP / f"{FILE}.yaml", SHOP, _find_app)
    return [replace(each, file=FILE) for each in loaded], [replace(each, file=FILE) for each in wrong]


def one(text: str) -> Loaded:
    """The one experiment of a text. Raises ManifestError."""
    loaded, wrong = read(text)
    if wrong:
        raise ManifestError(*wrong)
    found = experiments(loaded)
    if len(found) != 1 or len(loaded) != 1:
        raise ManifestError(
            ManifestProblem(FILE, 1, 1, "", f"expected one Experiment, got {len(loaded)} manifests")
        )
    return found[0]


def _find_app(manifest: Path, app: str, root: Path) -> Path:
    if app != ".":
        raise ValueError(
            f"{quoted(app)} is a folder of some machine; write `image`, or `app: .` for the demo shop"
        )
    return SHOP
