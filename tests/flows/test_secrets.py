"""What nobody may write down, on good days and bad: the account's key, a registry's password, a machine's token."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from chaos.analysis.result import Result
from chaos.sandboxes.e2b.templates import Recipe
from flows.server import api as server
from tests.doubles.e2b.running import Double
from tests.flows.test_experiment import conducted, seen
from tests.lab import SERVER, WEB, Lab
from tests.sandboxes.microvm import MIB, at_double, variables

IMAGE, DISTROLESS = "registry.example/team/shop:7", "registry.example/distroless/shop:7"
PASSWORD = "planted-registry-password"
REVOKED = "e2b_0123456789abcdef0123456789abcdef01234567"
LOGIN = {
    "CHAOSLAB_REGISTRY": "registry.example",
    "CHAOSLAB_REGISTRY_USER": "robot",
    "CHAOSLAB_REGISTRY_PASSWORD": PASSWORD,
}


def run_of(folder: Path, image: str, stages: int) -> tuple[Result, list[str]]:
    """A run of that image, and all that is written of it in its folder and at Prefect."""
    folder.mkdir()
    lab = Lab(folder)
    process = {**WEB, "command": ["python3", "-S", "-c", SERVER]}
    manifest = lab.manifest(
        sandbox={"type": "e2b", "memory": "128MiB", "disk": "16MiB", "ttl": "2m"},
        target={"image": image, "processes": [process]},
    )
    result = conducted(manifest, lab.runs)
    flow_run, tasks, artifacts, logs = seen(result, stages)
    told = [each.model_dump_json() for each in (flow_run, *tasks, *artifacts)]
    files = [path.read_text(errors="replace") for path in lab.runs.rglob("*") if path.is_file()]
    assert len(files) >= 4, "journal, result, report, dashboard"
    assert len(artifacts) >= 2
    return result, [*told, *logs, *files, repr(result)]


def secrets_of(double: Double) -> Mapping[str, str]:
    key, *tokens = double.secrets()
    assert tokens, "no machine was made, or it proves nothing"
    return {"key": key, "revoked key": REVOKED, "password": PASSWORD} | {
        f"token {each[:4]}": each for each in tokens
    }


def test_neither_a_run_that_holds_nor_one_that_fails_tells_a_secret(
    prefect_server: server.Api,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    with at_double() as double, variables(LOGIN):
        held, words = run_of(tmp_path / "good", IMAGE, 5)
        failed, of_failed = run_of(tmp_path / "bad", DISTROLESS, 3)
        with variables({"E2B_API_KEY": REVOKED}):
            refused, of_refused = run_of(tmp_path / "worse", IMAGE, 3)
        secrets = secrets_of(double)
        assert double.said()["builds"] == 2
    assert (held.outcome, held.verdict) == ("completed", "held"), held.why
    assert Recipe(IMAGE, 128 * MIB).name in "".join(words)
    assert "no package manager" in failed.why
    assert "Invalid API key" in refused.why
    captured = capfd.readouterr()
    everything = [*words, *of_failed, *of_refused, caplog.text, captured.out, captured.err]
    assert {name for name, each in secrets.items() if any(each in text for text in everything)} == set()
