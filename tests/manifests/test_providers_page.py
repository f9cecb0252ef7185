"""docs/sandboxes.md is what the models say, and names every fault and only mechanisms that exist."""

from pathlib import Path

from chaos.faults import FAULTS
from chaos.manifests.mechanisms import MECHANISMS
from chaos.manifests.models.sandboxes import SANDBOXES
from chaos.sandboxes import PROVIDERS as OPENED
from scripts.providers_page import page

ROOT = Path(__file__).parents[2]


def test_the_page_in_the_repository_is_the_one_of_the_models() -> None:
    assert (ROOT / "docs/sandboxes.md").read_text() == page()


def test_every_provider_and_every_fault_is_on_it() -> None:
    assert set(SANDBOXES) == set(OPENED)
    assert set(MECHANISMS) == set(FAULTS)


def test_every_mechanism_is_one_that_some_fault_reports() -> None:
    code = "".join(path.read_text() for path in (ROOT / "chaos/faults").rglob("*.py"))
    unknown = {name for names in MECHANISMS.values() for name in names if f'"{name}"' not in code}
    assert not unknown
