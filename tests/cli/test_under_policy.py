"""The commands in a repository with a policy, as a person uses them."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.runner.concurrency import in_turn
from chaos.runs.cancellation import Stop
from tests import lab as labs
from tests.lab import Lab, ended

POLICY = "apiVersion: chaoslab/v1\nkind: Policy\nspec:\n"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    (tmp_path / ".git").mkdir()
    with labs.lab(tmp_path) as made:
        made.variables["CHAOSLAB_STATE_DIR"] = str(tmp_path / "state")
        yield made


def test_what_it_forbids_is_neither_valid_nor_run_and_nothing_is_left_behind(lab: Lab) -> None:
    manifest = lab.manifest()
    (lab.folder / "chaoslab.yaml").write_text(f"{POLICY}  maxHold: 500ms\n")
    for command in (["validate", manifest], ["run", "--no-prefect", "--out", lab.runs, manifest]):
        done = lab.chaoslab(*command)
        assert done.code == 2
        done.assert_explained(
            "one.yaml:", "spec.method[0].hold: one: 1s is longer", "chaoslab.yaml:4:3 allows 500ms"
        )
    assert not lab.runs.exists()


def test_validate_looks_at_the_policy_of_a_directory_too(lab: Lab) -> None:
    lab.manifest()
    (lab.folder / "chaoslab.yaml").write_text(f"{POLICY}  maxHold: 5s\n")
    done = lab.chaoslab("validate", lab.folder)
    assert (done.code, done.out) == (0, "1 manifest(s) valid, and the policy\n")
    (lab.folder / "chaoslab.yaml").write_text(f"{POLICY}  maxHold: 5\n")
    done = lab.chaoslab("validate", lab.folder / "chaoslab.yaml")
    assert done.code == 2
    done.assert_explained("1 problem(s)", "chaoslab.yaml:4:3 spec.maxHold: 5 has no unit")


def test_one_run_more_than_allowed_waits_and_is_interrupted_with_nothing_left(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = lab.manifest()
    (lab.folder / "chaoslab.yaml").write_text(f"{POLICY}  maxConcurrentRuns: 1\n")
    monkeypatch.setenv("CHAOSLAB_STATE_DIR", lab.variables["CHAOSLAB_STATE_DIR"])

    async def scene() -> None:
        async with in_turn({str(lab.folder): 1}, print, Stop()):
            waiting = lab.start(lab.run_command(manifest))
            try:
                assert waiting.stdout is not None
                said = await asyncio.to_thread(waiting.stdout.readline)
                while said and "waiting: 1 run(s)" not in said:
                    said = await asyncio.to_thread(waiting.stdout.readline)
                waiting.send_signal(signal.SIGINT)
            finally:
                done = await asyncio.to_thread(ended, waiting)
        assert "waiting: 1 run(s)" in said, done.err
        assert done.code == 4
        done.assert_explained("interrupted, before anything was injected")
        assert not list(lab.runs.glob("*"))

    asyncio.run(scene())
