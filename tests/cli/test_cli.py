"""The command line as people and pipelines meet it: real runs in real sandboxes, with their exit codes and output."""

import json
import os
import pty
import select
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import lab as labs
from tests.lab import HEALTHY, KILL, LOOK, WEB, Lab, ended, folder_of, long_one, plain, result_of


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with labs.lab(tmp_path) as made:
        yield made


# How a run ends, and with which code


def test_what_held_ends_with_0_leaves_its_files_and_says_so_in_plain_lines(lab: Lab) -> None:
    done = lab.run(lab.manifest())
    assert (done.code, done.err) == (0, ""), done
    for words in ("sandbox ", "app ready", "baseline begins", "fault injected", "fault ended", "HELD  one"):
        assert words in done.out, done.out
    assert "\x1b" not in done.out
    assert "\r" not in done.out
    names = {path.name for path in folder_of(lab).iterdir()}
    assert names == {
        "journal.ndjson",
        "result.json",
        "report.html",
        "dashboard.json",
        "origin.json",
        "manifest.yaml",
    }
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
            "process web ended before it was ready (exit code 0); it wrote: “all done”",
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
