"""Experiments from a few words: every fault can be wished for, and what is wrong with a wish is said in its words."""

from pathlib import Path
from typing import get_args

import pytest
import yaml

from chaos.errors import ManifestError
from chaos.faults import FAULTS
from chaos.manifests.ad_hoc import SCENARIOS, Wish, text_of, written
from chaos.manifests.load import load
from chaos.manifests.overriding import Intensity
from chaos.planning.plan import draw
from chaos.sandboxes.names import ProviderName


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "My App"
    folder.mkdir()
    (folder / "web.py").write_text("print('web')\n")
    return folder


def refusals(wish: Wish) -> list[str]:
    """Why it cannot be carried out, wherever it is; not what only this machine lacks."""
    said = map(str, draw(written(wish))[1])
    return [each for each in said if "cannot be injected on this machine" not in each]


@pytest.mark.parametrize("intensity", get_args(Intensity))
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_fault_at_each_intensity_can_be_carried_out_somewhere(
    scenario: str, intensity: Intensity
) -> None:
    wishes = [
        Wish(scenario=scenario, intensity=intensity, sandbox=sandbox) for sandbox in get_args(ProviderName)
    ]
    assert any(refusals(wish) == [] for wish in wishes), [refusals(wish) for wish in wishes]
    (step,) = written(wishes[0]).manifest.spec.method
    assert (step.fault.type, step.fault.intensity) == (scenario, intensity)


def test_every_fault_is_a_scenario() -> None:
    assert set(SCENARIOS) == set(FAULTS)


def test_an_app_of_ones_own(app: Path) -> None:
    loaded = written(
        Wish(scenario="network_delay", app=str(app), command="python3 'web.py' --x", port=9100, path="/up")
    )
    spec = loaded.manifest.spec
    assert loaded.app == app
    (process,) = spec.target.processes
    assert (process.command, process.port, process.restart) == (("python3", "web.py", "--x"), 9100, "always")
    assert spec.hypothesis == "my-app answers GET /up while network_delay is held for 5s (intensity medium)."
    assert spec.load is not None
    assert spec.load.url == "http://127.0.0.1:9100/up"
    assert loaded.manifest.metadata.labels == {"app": "my-app", "ad-hoc": "true"}


def test_an_image_and_its_dependency() -> None:
    loaded = written(
        Wish(
            scenario="dependency_failure",
            image="docker.io/library/nginx:1.29",
            sandbox="container",
            dependency="db.internal:5432",
            hold="1m",
        )
    )
    (step,) = loaded.manifest.spec.method
    assert (step.fault.host, step.fault.port, step.hold) == ("db.internal", 5432, 60.0)  # type: ignore[attr-defined]
    assert loaded.manifest.spec.target.processes[0].command is None
    assert draw(loaded)[1] == []


def test_it_holds_as_long_as_the_fault_needs() -> None:
    hold = written(Wish(scenario="memory_pressure", intensity="medium")).manifest.spec.method[0].hold
    assert hold == 12.0  # it is reached within 10 s
    assert written(Wish(scenario="process_kill")).manifest.spec.method[0].hold == 5.0


def test_its_text_is_the_manifest_of_a_file_beside_the_app(app: Path) -> None:
    loaded = written(Wish(scenario="disk_full", app=str(app), command="python3 web.py"))
    file = app / "kept.yaml"
    file.write_text(text_of(loaded))
    assert yaml.safe_load(file.read_text())["spec"]["target"]["app"] == "."
    (again,) = load(file)
    assert again.manifest == loaded.manifest


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"scenario": "disk_ful"}, "scenario: unknown 'disk_ful'; known: bandwidth,"),
        ({"app": "/no/such"}, "app: /no/such is no directory of this machine"),
        ({"app": "/tmp", "image": "nginx"}, "app and image: write one of the two"),
        ({"app": "/tmp"}, "command: say how the app is started"),
        ({"app": "/tmp", "command": "a 'b"}, 'command: "a \'b" is no command'),
        ({"hold": "5"}, "'5' is not a duration such as 300ms"),
        ({"dependency": "db"}, "command and dependency belong to an app or image of yours"),
        ({"scenario": "dns_failure", "image": "nginx"}, "dependency: dns_failure takes away"),
        ({"scenario": "blackhole", "image": "nginx", "dependency": "db:x"}, "spec.method[0].fault.port"),
        ({"image": "nginx", "port": 0}, "spec.target.processes[0].port: 0 is too low"),
        ({"image": "nginx; rm -rf /"}, "spec.target.image"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_wish(wish: dict[str, str], said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        written(Wish(**({"scenario": "process_kill"} | wish)))  # type: ignore[arg-type]
    assert said in str(caught.value)
