"""`chaoslab analyze` and a whole run with Groq, as programs over a socket; without a key nothing of it is even read."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.analysis.result import Result
from chaos.events import Event
from tests.doubles.groq import KEY, Double, answer, failure
from tests.journals import build
from tests.lab import Lab, lab

GOOD = {"summary": [{"words": "Here is what users saw:", "ids": ["C5"]}], "recommendations": ["R1"]}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return write(tmp_path / "journal.ndjson", build.deviated_fast_errors_are_not_fast())


def write(path: Path, events: list[Event]) -> Path:
    path.write_bytes(b"".join(event.to_line() for event in events))
    return path


def analyze(journal: Path, *options: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "flows.main", "analyze", str(journal), "--json", *options]
    environment = {"PATH": os.environ["PATH"], "HOME": str(journal.parent), **variables}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def keyed(groq: Double) -> dict[str, str]:
    return {"GROQ_API_KEY": KEY, "GROQ_BASE_URL": groq.url}


def test_rules_are_the_default_and_offline_even_with_a_key(journal: Path, groq: Double) -> None:
    done = analyze(journal, **keyed(groq))
    assert (done.returncode, done.stderr, groq.asked) == (1, "", [])
    assert json.loads(done.stdout)["analysis"]["analyzer"] == "rules"


@pytest.mark.parametrize("analyzer", ["groq", "auto"])
def test_groq_writes_the_words_and_changes_nothing_else(analyzer: str, journal: Path, groq: Double) -> None:
    groq.play(answer(GOOD))
    done = analyze(journal, "--analyzer", analyzer, **keyed(groq))
    assert (done.returncode, done.stderr) == (1, "")
    with_groq = json.loads(done.stdout)
    assert (
        "Here is what users saw: 20 of 41 requests failed in the fault phase"
        in with_groq["analysis"]["summary"]
    )
    assert with_groq["analysis"]["written"]["by_model"] == ["Here is what users saw:"]
    with_rules = json.loads(analyze(journal).stdout)
    assert with_groq["analysis"].pop("metrics") == with_rules["analysis"].pop("metrics")
    assert with_groq | {"analysis": 0} == with_rules | {"analysis": 0}


def test_auto_without_a_key_is_rules_and_groq_without_one_says_so(journal: Path) -> None:
    assert json.loads(analyze(journal, "--analyzer", "auto").stdout)["analysis"]["note"] is None
    done = analyze(journal, "--analyzer", "groq")
    assert done.returncode == 1
    assert json.loads(done.stdout)["analysis"]["note"].startswith("GROQ_API_KEY is not set")


def test_an_unknown_analyzer_is_bad_usage(journal: Path) -> None:
    done = analyze(journal, "--analyzer", "oracle")
    assert done.returncode == 2
    assert "'rules', 'groq', 'llm', 'auto'" in done.stderr


def test_without_a_key_the_sdk_is_not_even_read(journal: Path) -> None:
    code = (
        "import sys, asyncio, json; from pathlib import Path\n"
        "from chaos.explain.select import said_by; from chaos.runs.journal import Journal\n"
        "from chaos.analysis import judge\n"
        "from chaos.explain import rules; import time\n"
        "events = list(Journal(Path(sys.argv[1])).events()); result = judge(events)\n"
        "result = result.model_copy(update={'analysis': rules.analyze(result, events)})\n"
        "began = time.process_time(); asyncio.run(said_by('auto', result, lambda: events))\n"
        "print(json.dumps([time.process_time() - began, 'groq' in sys.modules, 'httpx' in sys.modules]))"
    )
    command = [sys.executable, "-c", code, str(journal)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(journal.parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=True)
    took_s, *read = json.loads(done.stdout)
    assert read == [False, False]
    assert took_s < 0.3


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.mark.parametrize("fails", [False, True])
def test_a_whole_run_is_explained_and_lives_without(fails: bool, here: Lab, groq: Double) -> None:
    seen = "Here is what users saw:"
    groq.play(failure(401, "invalid_api_key") if fails else answer(GOOD))
    here.variables.update(keyed(groq))
    done = here.run("--json", here.manifest())
    assert done.code == 0, done.err
    analysis = done.result.analysis
    assert analysis is not None
    assert len(groq.asked) == 1
    assert analysis.analyzer == ("rules" if fails else "groq")
    assert ("check GROQ_API_KEY" in str(analysis.note)) is fails
    assert (seen in analysis.summary) is not fails
    [folder] = here.runs.iterdir()
    kept = Result.model_validate_json((folder / "result.json").read_bytes())
    assert kept.analysis == analysis
    assert ("openai/gpt-oss-120b" in (folder / "report.html").read_text()) is not fails


def test_a_setting_that_cannot_be_read_is_one_clear_line(journal: Path) -> None:
    done = analyze(journal, "--analyzer", "auto", GROQ_TIMEOUT_S="soon", GROQ_CONCURRENCY="0")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "GROQ_TIMEOUT_S: Input should be a valid number" in done.stderr
    assert "GROQ_CONCURRENCY: Input should be greater than or equal to 1" in done.stderr


def test_an_old_journal_can_be_judged_by_the_rules_of_its_time(tmp_path: Path) -> None:
    journal = write(tmp_path / "journal.ndjson", build.undecided_within_budget())
    now, then = analyze(journal), analyze(journal, "--rules", "1")
    assert (now.returncode, then.returncode) == (3, 0)
    assert [json.loads(done.stdout)["rules"] for done in (now, then)] == [3, 1]
    said = subprocess.run(
        [sys.executable, "-m", "flows.main", "analyze", str(journal)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "judged by rules 3; the run itself was by rules 1" in said.stdout
