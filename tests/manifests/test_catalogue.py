"""The catalogue says of every fault what a form needs."""

import json

from chaos.faults import FAULTS
from chaos.manifests.catalogue import catalogue
from chaos.manifests.models.sandboxes import SANDBOXES


def test_every_fault_is_there_with_all_that_it_refers_to() -> None:
    found = catalogue()
    assert set(found) == set(FAULTS)
    for name, each in found.items():
        assert each["sentence"].endswith("."), name
        assert set(each["presets"]) == {"low", "medium", "high"}, name
        assert set(each["providers"]) == set(SANDBOXES)
        text = json.dumps(each["fields"])
        for part in text.split('"#/$defs/')[1:]:
            assert part.partition('"')[0] in each["fields"]["$defs"], name


def test_a_provider_that_cannot_says_what_it_lacks() -> None:
    assert catalogue()["sandbox_offline"]["providers"]["local"].startswith("refused: lacks ")
    assert "nfqueue" in catalogue()["network_delay"]["providers"]["local"]
