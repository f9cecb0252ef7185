"""Blind diagnosis of the recorded runs: scored as it is, and nothing that names the fault in what is scored."""

import asyncio
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from bench.blind_diagnosis import CALM, CLASSES, diagnose
from bench.diagnosis import SETS, evidence, score, truths
from bench.diagnosis_groq import named_by_groq
from bench.diagnosis_stacks import SET, scores
from chaos.faults import FAULTS
from chaos.settings import Settings
from tests.doubles.groq import KEY, answer, groq

NAMES = re.compile(
    "|".join([*(set(FAULTS) - {"blackhole"}), "chaos", "fault[.]", "netem", "nfqueue", "hypothesis"])
)


@pytest.mark.parametrize("name", SETS)
def test_faults_are_told_apart_and_calm_runs_are_called_calm(name: str) -> None:
    truth = truths(name)
    said = {one: diagnose(events).fault for one, events in evidence(name)}
    assert set(said) == set(truth)
    assert len(truth) >= 40
    assert set(truth.values()) == set(CLASSES)
    right = sum(said[one] == truth[one] for one in truth)
    calm = [one for one in truth if truth[one] == CALM]
    report = "\n".join(score(said, truth))
    assert right >= 0.9 * len(truth), report
    assert sum(said[one] != CALM for one in calm) <= 0.02 * len(calm), report


def test_real_stacks_are_told_apart_too() -> None:
    truth = truths(SET)
    said = {one: diagnose(events).fault for one, events in evidence(SET)}
    assert set(said) == set(truth)
    stacks = {one.partition(".")[0] for one in truth}
    assert len(stacks) >= 5
    report = "\n".join(scores())
    assert all(f"{stack}:" in report for stack in stacks)
    assert sum(said[one] == truth[one] for one in truth) >= 0.9 * len(truth), report
    assert all(said[one] == CALM for one in truth if truth[one] == CALM), report


@pytest.mark.parametrize("name", [*SETS, SET])
def test_the_evidence_is_blind(name: str) -> None:
    for one, events in evidence(name):
        for event in events:
            assert not NAMES.search(event.to_line().decode()), (one, event)


def test_a_wrong_diagnosis_is_reported_as_wrong() -> None:
    lines = list(score({"a": CALM, "b": "disk_full"}, {"a": "disk_full", "b": CALM}))
    assert lines[0].split()[:4] == ["accuracy", "0", "of", "2:"]
    assert "  disk_full called none: 1 (a)" in lines


def test_groq_is_asked_blind_and_its_answers_are_scored_like_the_rules(tmp_path: Path) -> None:
    runs = dict(list(evidence("unseen"))[:3])
    with groq() as double:
        double.play(answer({"fault": "disk_full"}), answer({"fault": CALM}), answer("I refuse"))
        settings = Settings(_env_file=None, groq_api_key=SecretStr(KEY), groq_base_url=double.url)
        said = asyncio.run(named_by_groq(runs, settings))
    assert list(said.values()) == ["disk_full", CALM, "unanswered"]
    assert all(asked.json["response_format"]["json_schema"]["strict"] for asked in double.asked)
    asked = "\n".join(each.json["messages"][1]["content"] for each in double.asked)
    assert "baseline: " in asked
    assert not NAMES.search(asked.replace("fault: ", ""))
