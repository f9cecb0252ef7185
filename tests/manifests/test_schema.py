"""The schema that editors complete from says the same as validation, and is not stale."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from chaos.faults import FAULTS
from chaos.manifests.schema import schema, text
from chaos.probes import PROBES
from scripts.manifest_page import reference
from tests.manifests.a_repository import FULL, SMALL

ROOT = Path(__file__).parents[2]


def complaints(manifest: Any) -> list[str]:
    """What a JSON schema validator says of a manifest."""
    checker = jsonschema.Draft202012Validator(schema())
    return [error.json_path for error in checker.iter_errors(manifest)]


def test_the_schema_in_the_repository_is_the_one_of_the_models() -> None:
    stored = ROOT / "experiments" / "schema.json"
    assert stored.read_text() == text(), "stale: chaoslab schema > experiments/schema.json"


def test_the_reference_in_the_repository_is_the_one_of_the_models() -> None:
    stored = ROOT / "docs" / "manifest.md"
    assert stored.read_text() == reference(), "stale: python scripts/manifest_page.py > docs/manifest.md"


def test_the_schema_is_a_schema_and_accepts_what_validation_accepts() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert complaints(yaml.safe_load(FULL)) == []
    assert complaints(yaml.safe_load(SMALL)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hypothesis:", "hypotesis:"),
        ("restart: always", "restart: allways"),
        ("rate: 50/s", "rate: 50"),
        ("port: 9000", "port: 90000"),
        ("tolerance: {max: 1s}", "tolerance: {max: 50%}"),
        ("tolerance: {status: 200}", "tolerance: {running: true}"),
        ("type: network_delay", "type: network_dealy"),
        ("for: 3s", "during: 3s"),
    ],
)
def test_the_schema_refuses_what_validation_refuses(old: str, new: str) -> None:
    assert complaints(yaml.safe_load(FULL.replace(old, new)))


def test_every_fault_and_probe_is_completed_by_its_type() -> None:
    parts = schema()["$defs"]
    faults = parts["Step"]["properties"]["fault"]["discriminator"]["mapping"]
    probes = parts["SteadyState"]["properties"]["probe"]["discriminator"]["mapping"]
    assert set(faults) == set(FAULTS)
    assert set(probes) == set(PROBES)


def test_defaults_are_written_with_their_units() -> None:
    parts = schema()["$defs"]
    assert parts["Step"]["properties"]["hold"]["default"] == "30s"
    assert parts["LocalSandbox"]["properties"]["memory"]["default"] == "512MiB"
    assert "30.0" not in json.dumps(parts["Phases"])


def test_the_reference_tells_of_every_field_what_it_means() -> None:
    faults = tuple(f"{kind.__name__} " for kind in FAULTS.values())
    sections = [section for section in reference().split("\n## ") if not section.startswith(faults)]
    rows = [line for section in sections for line in section.splitlines() if line.startswith("| `")]
    assert len(rows) > 80
    assert not [row for row in rows if row.endswith("|  |") and "`type`" not in row]
