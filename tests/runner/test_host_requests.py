"""What may be asked of the controller: only what the plan is about, as the plan says it."""

from typing import Any

import pytest

from chaos.run_spec.model import RunSpec
from chaos.runner.host_requests import why_not

METHOD = RunSpec.of_journal(
    {
        "method": [
            {"name": "sleep", "fault": {"type": "sandbox_freeze", "lasts": 5.0}},
            {
                "name": "alone",
                "fault": {"type": "sandbox_offline", "network": "8.8.8.0/24", "witness": "8.8.8.8"},
            },
            {"name": "slow", "fault": {"type": "network_delay", "delay": 0.1}},
        ]
    }
).method
ANSWER = "/run/chaoslab/outside-123456.json"
FREEZE = {"step": "sleep", "act": "freeze", "answer": ANSWER, "lasts_s": 5.0, "beats": "/run/chaoslab/beats"}
CUT = {"step": "alone", "act": "cut", "answer": ANSWER, "network": "8.8.8.0/24"}
MEND = {"step": "alone", "act": "mend", "answer": ANSWER}


@pytest.mark.parametrize("asked", [FREEZE, CUT, MEND], ids=["freeze", "cut", "mend"])
def test_what_the_plan_is_about_is_done(asked: dict[str, Any]) -> None:
    assert why_not(asked, METHOD) is None


@pytest.mark.parametrize(
    "asked",
    [
        {**FREEZE, "act": "destroy"},
        {**FREEZE, "step": "alone"},
        {**FREEZE, "step": "slow"},
        {**FREEZE, "step": "nobody"},
        {**FREEZE, "lasts_s": 5.1},
        {**FREEZE, "lasts_s": 1e9},
        {key: value for key, value in FREEZE.items() if key != "lasts_s"},
        {**FREEZE, "beats": "/etc/shadow"},
        {**FREEZE, "answer": "/etc/cron.d/x"},
        {**FREEZE, "answer": "/run/chaoslab/order.json"},
        {**FREEZE, "answer": "/run/chaoslab/../../etc/outside-1.json"},
        {**FREEZE, "answer": f"{ANSWER}\n"},
        {**CUT, "network": "0.0.0.0/0"},
        {key: value for key, value in CUT.items() if key != "network"},
        {**CUT, "step": "sleep"},
        {**MEND, "step": "sleep"},
    ],
)
def test_nothing_else_is(asked: dict[str, Any]) -> None:
    assert why_not(asked, METHOD)
