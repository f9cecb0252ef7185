"""The command line as people and pipelines meet it: real runs in real sandboxes, with their exit codes and output."""

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.journal import Journal
from chaos.measure.result import Result
from tests import lab as labs
from tests.lab import FILL, HEALTHY, KILL, LOOK, ROOT, WEB, Ended, Lab, ended, interrupt, plain


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with labs.lab(tmp_path) as made:
        yield made


def folder_of(lab: Lab, experiment: str = "one") -> Path:
    return lab.journal(experiment).parent


def result_of(lab: Lab, experiment: str = "one") -> Result:
    return Result.model_validate_json((folder_of(lab, experiment) / "result.json").read_bytes())


# How a run ends, and with which code


def test_what_held_ends_with_0_leaves_four_files_and_says_so_in_plain_lines(lab: Lab) -> None:
    done = lab.run(lab.manifest())
    assert (done.code, done.err) == (0, ""), done
    for words in ("sandbox ", "app ready", "baseline begins", "fault injected", "fault ended", "HELD  one"):
        assert words in done.out, done.out
    assert "\x1b" not in done.out
    assert "\r" not in done.out
    names = {path.name for path in folder_of(lab).iterdir()}
    assert names == {"journal.ndjson", "result.json", "report.html", "dashboard.json"}
    assert result_of(lab).sandbox.destroyed


def test_what_deviated_ends_with_1_and_json_is_the_only_thing_on_standard_output(lab: Lab) -> None:
    done = lab.run("--json", lab.manifest(process={**WEB, "restart": "never"}))
    assert done.code == 1, done
    assert (done.result.outcome, done.result.verdict) == ("completed", "deviated")
    assert done.result.steps[0].landed
    assert done.result == result_of(lab)
    assert "baseline begins" in done.err


def test_a_bad_manifest_ends_with_2_before_anything_is_made(lab: Lab) -> None:
    path = lab.manifest(phases={"baseline": "soon", "recovrey": "1s"})
    done = lab.run(path)
    assert (done.code, done.out) == (2, ""), done
    done.assert_explained("recovrey", "recovery")
    for line in done.err.splitlines():
        assert line.startswith(f"{path}:"), line
        _, line_number, column, *_ = line.removeprefix(str(path)).split(":")
        assert line_number.isdigit()
        assert column.split()[0].isdigit()
    assert not lab.runs.exists()
    assert not lab.boxes.exists()


def test_an_unsteady_baseline_ends_with_3_and_nothing_is_injected(lab: Lab) -> None:
    done = lab.run("--json", lab.manifest(steadyState=[{**HEALTHY, "tolerance": {"status": 418}}]))
    assert done.code == 3, done
    assert (done.result.outcome, done.result.verdict) == ("not_injected", "inconclusive")
    assert "fault.injected" not in {event.type for event in lab.events()}


def test_a_stop_condition_ends_the_run_with_4_long_before_its_time(lab: Lab) -> None:
    stop = {"probe": LOOK, "tolerance": {"status": 200}, "for": "200ms"}
    path = lab.manifest(process={**WEB, "restart": "never"}, method=[{**KILL, "hold": "1m"}], stopWhen=[stop])
    done = lab.run("--json", path)
    assert done.code == 4, done
    assert done.result.outcome == "aborted"
    assert done.result.timings.total_s < 30
    (recovered,) = [event for event in lab.events() if event.type == "fault.recovered"]
    assert recovered.data["because"] == "stop condition"
    (tripped,) = [event for event in lab.events() if event.type == "stop.tripped"]
    assert recovered.at - tripped.at < 1.0


@pytest.mark.parametrize(
    ("process", "setup", "words"),
    [
        pytest.param(
            {**WEB, "command": ["python3", "-S", "-c", "import time; time.sleep(60)"], "readyWithin": "500ms"},
            [],
            "process web was not ready within 0.5 s",
            id="never ready",
        ),
        pytest.param(
            {**WEB, "restart": "never", "command": ["no-such-program"]},
            [],
            "no-such-program",
            id="command not found",
        ),
        pytest.param(
            {**WEB, "restart": "on-failure", "command": ["sh", "-c", "echo all done; exit 0"]},
            [],
            "process web ended before it was ready (exit code 0); its last line: all done",
            id="ended for good",
        ),
        pytest.param(
            WEB, [["sh", "-c", "echo no such package >&2; exit 7"]], "exit code 7: no such package", id="setup"
        ),
    ],
)  # fmt: skip
def test_an_app_that_does_not_come_up_ends_the_run_with_5_and_says_why(
    lab: Lab, process: dict[str, object], setup: list[list[str]], words: str
) -> None:
    done = lab.run("--json", lab.manifest(process=process, setup=setup))
    assert done.code == 5, done
    assert done.result.outcome == "crashed"
    assert words in done.result.why
    done.assert_explained()
    assert (folder_of(lab) / "report.html").exists()


# Output


def test_several_files_are_run_one_after_another_and_the_worst_is_the_code(lab: Lab) -> None:
    fragile = lab.manifest("fragile", process={**WEB, "restart": "never"})
    done = lab.run("--json", fragile, lab.manifest("sturdy"))
    assert done.code == 1, done
    assert [each["experiment"] for each in json.loads(done.out)] == ["fragile", "sturdy"]
    assert result_of(lab, "sturdy").verdict == "held"


def test_on_a_terminal_a_line_moves_and_is_gone_at_the_end(lab: Lab) -> None:
    master, slave = pty.openpty()
    with os.fdopen(master, "rb", buffering=0) as screen:
        controller = lab.start(lab.run_command(lab.manifest()), stdout=slave)
        os.close(slave)
        shown = read_all(screen.fileno())
        assert ended(controller).code == 0
    drawn = [piece for piece in shown.split("\r\x1b[2K") if "cpu" in piece and "memory" in piece]
    assert len(drawn) > 10
    assert all("\n" not in piece for piece in drawn)
    assert "recovery" in drawn[-1]
    assert "HELD  one" in plain(shown)


def read_all(terminal: int) -> str:
    """Everything that is written until nobody holds the other end."""
    seen = b""
    deadline = time.monotonic() + labs.ENDS_WITHIN_S
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 1.0)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # EIO: Linux says so instead of an end of file
                break
            if not piece:
                break
            seen += piece
    return seen.decode()


def test_a_reader_who_leaves_does_not_end_the_run(lab: Lab) -> None:
    controller = lab.start(lab.run_command(lab.manifest()))
    assert controller.stdout is not None
    controller.stdout.readline()
    controller.stdout.close()
    controller.stdout = None
    done = ended(controller)
    assert (done.code, done.err) == (0, ""), done
    assert result_of(lab).verdict == "held"


# An end that a person asks for


def long_one(lab: Lab) -> Path:
    """Each phase long enough to be interrupted in."""
    return lab.manifest(
        method=[{**FILL, "hold": "20s"}], phases={"baseline": "2s", "recovery": "20s"}, steadyState=[HEALTHY]
    )


def test_interrupted_in_the_baseline(lab: Lab) -> None:
    controller = lab.start(lab.run_command("--json", long_one(lab)))
    lab.until("phase.started", controller, phase="baseline")
    assert_interrupted(lab, interrupt(controller))
    assert "fault.injected" not in {event.type for event in lab.events()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_interrupted_during_the_fault(lab: Lab, number: signal.Signals) -> None:
    controller = lab.start(lab.run_command("--json", long_one(lab)))
    lab.until("fault.injected", controller)
    assert_interrupted(lab, interrupt(controller, number))
    assert "fault.recovered" in {event.type for event in lab.events()}


def test_interrupted_in_the_recovery(lab: Lab) -> None:
    path = lab.manifest(phases={"baseline": "1s", "recovery": "20s"})
    controller = lab.start(lab.run_command("--json", path))
    lab.until("phase.started", controller, phase="recovery")
    assert_interrupted(lab, interrupt(controller))


def assert_interrupted(lab: Lab, done: Ended) -> None:
    assert done.code == 4, done
    assert "interrupted" in done.err
    done.assert_explained()
    assert done.result == result_of(lab)
    assert done.result.outcome == "aborted"
    assert done.result.sandbox.destroyed
    assert done.result.timings.total_s < 20
    events = lab.events()
    assert events[-1].type == "run.ended"
    injected = [event for event in events if event.type == "fault.injected"]
    recovered = [event for event in events if event.type == "fault.recovered"]
    assert len(injected) == len(recovered)
    for event in recovered:
        assert event.data["residue"] == []


def test_interrupted_in_the_setup_it_does_not_wait_for_that(lab: Lab) -> None:
    path = lab.manifest(setup=[["sh", "-c", "echo $$; sleep 100"]])
    controller = lab.start(lab.run_command("--json", path))
    lab.until("run.started", controller)
    began = time.monotonic()
    while not list(lab.boxes.glob("box-*/state.json")):
        assert time.monotonic() < began + labs.ENDS_WITHIN_S
        time.sleep(0.005)
    done = interrupt(controller)
    assert time.monotonic() - began < 50
    assert done.code == 4, done
    assert done.result.outcome == "aborted"
    assert "before anything was injected" in done.result.why


@pytest.mark.parametrize("delay_s", [0.2, 0.4, 0.6, 0.8])
def test_interrupted_while_it_starts_it_leaves_nothing(lab: Lab, delay_s: float) -> None:
    controller = lab.start(lab.run_command(long_one(lab)))
    time.sleep(delay_s)  # where that falls, in the imports, the opening or the baseline, is up to the machine
    done = interrupt(controller)
    if done.code != -signal.SIGINT and "Traceback" not in done.err:  # Python itself, before it runs our code
        assert done.code == 4, done
    assert all(Journal(path).of("run.ended") for path in lab.runs.glob("*/journal.ndjson"))


def test_a_second_interrupt_does_not_wait_for_the_fault_to_end(lab: Lab) -> None:
    controller = lab.start(lab.run_command("--json", long_one(lab)))
    lab.until("fault.injected", controller)
    controller.send_signal(signal.SIGINT)
    time.sleep(0.02)  # two signals at once are one
    done = interrupt(controller)
    assert done.code == 4, done
    done.assert_explained()
    assert result_of(lab).outcome == "aborted"
    assert result_of(lab).sandbox.destroyed


def test_after_an_interrupt_the_next_file_is_not_begun(lab: Lab) -> None:
    controller = lab.start(lab.run_command("--json", long_one(lab), lab.manifest("two")))
    lab.until("phase.started", controller)
    done = interrupt(controller)
    assert done.code == 4, done
    assert [each["experiment"] for each in json.loads(done.out)] == ["one"]
    assert not list(lab.runs.glob("*-two-*"))


# Somewhere to write


@pytest.mark.parametrize("where", ["a file", "below a file"])
def test_an_out_that_is_no_directory_is_one_error(lab: Lab, where: str) -> None:
    lab.runs.write_text("in the way")
    out = lab.runs if where == "a file" else lab.runs / "deeper"
    done = lab.chaoslab("run", "--no-prefect", "--out", out, lab.manifest())
    assert done.code == 5, done
    done.assert_explained("cannot make the run's folder")
    assert len(done.err.splitlines()) == 1


def test_a_disk_that_fills_up_ends_the_run_with_one_error(lab: Lab) -> None:
    lab.runs.mkdir()
    # A private mount namespace: nobody else sees the small file system, and it goes with the command.
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    script = 'dir=$1; shift; mount -t tmpfs -o size=48k tmpfs "$dir"; "$@"; code=$?; cat "$dir"/*/*.ndjson; exit $code'
    command = [*alone, "sh", "-c", script, "sh", str(lab.runs), *lab.run_command("--json", long_one(lab))]
    done = ended(lab.start(command))
    assert done.code == 5, done
    done.assert_explained("No space left on device")
    assert len([line for line in done.err.splitlines() if "No space" in line]) == 1
    whole = done.out.splitlines()
    assert json.loads(whole[0])["type"] == "run.started"
    for line in whole:
        json.loads(line)


# The other commands


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
    first, *others = lab.journal().read_text().splitlines(keepends=True)
    forged = tmp_path / "forged.ndjson"
    forged.write_text("".join([first.replace('"sample_hz":10', '"sample_hz":"often"'), *others]))
    done = lab.chaoslab("analyze", forged)
    assert done.code == 5
    assert "ValueError" in done.err


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
