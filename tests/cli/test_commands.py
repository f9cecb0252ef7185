"""The commands beside `run`, as people and pipelines meet them."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import lab as labs
from tests.lab import ROOT, WEB, Ended, Lab, ended, long_one


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with labs.lab(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def done_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Ended]]:
    """One run that deviated."""
    with labs.lab(tmp_path_factory.mktemp("done")) as made:
        yield made, made.run("--json", made.manifest(process={**WEB, "restart": "never"}))


def test_analyze_repeats_verdict_words_and_code(done_run: tuple[Lab, Ended]) -> None:
    lab, run = done_run
    again = lab.chaoslab("analyze", "--json", lab.journal())
    assert again.code == run.code == 1
    assert again.result.model_copy(update={"links": run.result.links}) == run.result
    assert f"DEVIATED  one: {run.result.why}" in lab.chaoslab("analyze", lab.journal()).out


def test_analyze_reads_a_journal_that_was_cut_off_in_a_line(
    done_run: tuple[Lab, Ended], tmp_path: Path
) -> None:
    lab, _ = done_run
    torn = tmp_path / "torn.ndjson"
    torn.write_bytes(lab.journal().read_bytes()[:-700])
    assert not torn.read_bytes().endswith(b"\n")
    done = lab.chaoslab("analyze", torn)
    assert done.code == 5, done  # it does not say how the run ended
    done.assert_explained()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        ("apiVersion: chaoslab/v1\nkind: Experiment\n", ":1: not an event of a ChaosLab journal"),
        ('{"a": 1}\n', ":1: not an event of a ChaosLab journal"),
        ("hello", "no event in it"),
        ("", "no event in it"),
    ],
)
def test_analyze_says_what_is_no_journal(
    done_run: tuple[Lab, Ended], tmp_path: Path, content: str | None, words: str
) -> None:
    path = tmp_path / "some.file"
    if content is not None:
        path.write_text(content)
    done = done_run[0].chaoslab("analyze", path)
    assert (done.code, done.out) == (2, "")
    done.assert_explained(str(path), words)


def test_a_mistake_of_ours_is_not_taken_for_a_verdict(done_run: tuple[Lab, Ended], tmp_path: Path) -> None:
    lab, _ = done_run
    forged = tmp_path / "forged.ndjson"
    forged.write_text(re.sub('"late_ms":[0-9.]+', '"late_ms":"often"', lab.journal().read_text()))
    done = lab.chaoslab("analyze", forged)
    assert done.code == 5
    assert "Error" in done.err
    assert "often" in done.err


def test_a_plan_that_is_none_is_refused_with_its_place(done_run: tuple[Lab, Ended], tmp_path: Path) -> None:
    lab, _ = done_run
    forged = tmp_path / "forged.ndjson"
    forged.write_text(lab.journal().read_text().replace('"sample_hz":10', '"sample_hz":"often"', 1))
    done = lab.chaoslab("analyze", forged)
    assert (done.code, done.out) == (2, "")
    done.assert_explained(str(forged), "plan.sample_hz: is a text, not a number")


def test_validate_goes_through_directories_and_says_all_that_is_wrong(lab: Lab) -> None:
    lab.manifest("good")
    assert lab.chaoslab("validate", lab.folder).out == "1 manifest(s) valid\n"
    lab.manifest("bad", phases={"baseline": "1 parsec"}, retries=99)
    (lab.folder / "app/compose.yaml").write_text("services: {}\n")
    done = lab.chaoslab("validate", lab.folder / "good.yaml", lab.folder / "bad.yaml")
    assert done.code == 2
    done.assert_explained("bad.yaml:", "1 parsec", "retries")


def test_validate_of_nothing_is_no_success(lab: Lab) -> None:
    (lab.folder / "empty").mkdir()
    done = lab.chaoslab("validate", lab.folder / "empty")
    assert done.code == 2
    done.assert_explained("no manifest in")


def test_plan_says_what_would_be_done_and_refuses_what_cannot_be(lab: Lab) -> None:
    good = lab.chaoslab("plan", lab.manifest())
    assert (good.code, good.err) == (0, "")
    for words in ("experiment one", "sandbox local", "process  web", "sudden death"):
        assert words in good.out
    envds = {"sandbox": {"type": "e2b"}, "process": {**WEB, "port": 49983}}
    refused = lab.chaoslab("plan", lab.manifest(**envds))
    assert refused.code == 2
    assert "cannot be carried out" in refused.out
    run = lab.run(lab.manifest(**envds))
    assert (run.code, run.out) == (2, "")
    run.assert_explained("one.yaml:", "E2B")
    assert not lab.runs.exists()


def test_schema_is_up_to_date_or_stale(lab: Lab) -> None:
    path = ROOT / "experiments/schema.json"
    assert lab.chaoslab("schema").out == path.read_text()
    assert lab.chaoslab("schema", "--check", path).code == 0
    stale = lab.folder / "schema.json"
    stale.write_text("{}\n")
    done = lab.chaoslab("schema", "--check", stale)
    assert done.code == 1
    done.assert_explained("stale")
    assert lab.chaoslab("schema", "--check", lab.folder / "none.json").code == 1


def test_doctor_tries_a_sandbox_and_names_a_remedy_for_what_it_cannot_have(lab: Lab) -> None:
    done = lab.chaoslab("doctor")
    assert done.code == 0, done
    for name in ("local sandbox", "memory limit", "network_delay by", "room", "GROQ_API_KEY"):
        assert name in done.out
    lab.variables["GROQ_API_KEY"] = "not to be shown"
    done = lab.chaoslab("doctor")
    assert "ok        GROQ_API_KEY: set" in done.out
    assert "not to be shown" not in done.out
    lab.boxes.rmdir()
    lab.boxes.write_text("in the way")
    done = lab.chaoslab("doctor")
    assert done.code == 5
    assert "MISSING   local sandbox" in done.out
    lab.boxes.unlink()


def test_gc_removes_what_a_killed_keeper_left(lab: Lab) -> None:
    controller = lab.start(lab.run_command(long_one(lab)))
    lab.until("phase.started", controller)
    (box,) = lab.boxes.glob("box-*")
    assert str(box) not in lab.chaoslab("gc").out  # a running one is nobody's orphan
    controller.kill()  # first, so that it cannot clean up
    ended(controller)
    os.kill(json.loads((box / "state.json").read_text())["keeper"], signal.SIGKILL)
    shutil.rmtree(lab.folder / ".local/state/chaoslab/running")  # nobody knows whose it was
    done = lab.chaoslab("gc")
    assert done.code == 0
    assert f"removed {box}\n" in done.out
    assert not box.exists()


def test_gc_closes_the_run_of_a_controller_that_died(lab: Lab) -> None:
    controller = lab.start(lab.run_command(long_one(lab)))
    lab.until("phase.started", controller)
    (box,) = lab.boxes.glob("box-*")
    assert "closed" not in lab.chaoslab("gc").out
    controller.kill()
    ended(controller)
    (run,) = lab.runs.iterdir()
    done = lab.chaoslab("gc")
    assert f"closed {run.name}: The process that carried out this run died.\n" in done.out
    assert not box.exists()  # at once, not when its keeper has waited long enough for the controller
    result = json.loads((run / "result.json").read_text())
    assert (result["outcome"], result["verdict"]) == ("crashed", "inconclusive")
    assert result["sandbox"]["destroyed"]
    assert "closed" not in lab.chaoslab("gc").out


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "--no-such-option", "x.yaml"],
        ["no-such-command"],
        ["run", "--seed", "minus one", "x.yaml"],
        ["run", "--no-prefect", "no-such-file.yaml"],
        ["plan", "no-such-file.yaml"],
        ["validate", "no-such-file.yaml"],
        ["analyze"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(lab: Lab, arguments: list[str]) -> None:
    done = lab.chaoslab(*arguments)
    assert (done.code, done.out) == (2, "")
    done.assert_explained()
    assert done.err


def test_help_and_version_need_nothing(lab: Lab) -> None:
    for arguments in (["--help"], ["run", "-h"], ["--version"]):
        done = lab.chaoslab(*arguments)
        assert (done.code, done.err) == (0, "")
    modules = "import sys, flows.main; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [lab.command()[0], "-c", modules], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"prefect", "httpx", "jinja2", "pydantic", "yaml"} & set(loaded.stdout.split())


def test_a_reader_who_has_had_enough_is_no_error(lab: Lab) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            lab.command("schema"),
            stdout=writing,
            stderr=subprocess.PIPE,
            env=lab.environment,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
