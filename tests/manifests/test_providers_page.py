"""docs/sandboxes.md is what the models say, and names every fault and only mechanisms that exist."""

from pathlib import Path

from chaos.faults import FAULTS
from chaos.sandboxes import provider
from chaos.sandboxes.names import NAMES
from chaos.sandboxes.union import SPECS
from scripts.providers_page import page

ROOT = Path(__file__).parents[2]


def test_the_page_in_the_repository_is_the_one_of_the_models() -> None:
    assert (ROOT / "docs/sandboxes.md").read_text() == page()


def test_every_provider_and_every_fault_is_on_it() -> None:
    assert list(SPECS) == list(NAMES) == [provider(name).name for name in NAMES]
    assert all(kind.mechanisms for kind in FAULTS.values())


def test_every_mechanism_is_one_that_some_fault_reports() -> None:
    code = "".join(path.read_text() for path in (ROOT / "chaos/faults").rglob("*.py"))
    unknown = {name for kind in FAULTS.values() for name in kind.mechanisms if f'"{name}"' not in code}
    assert not unknown
