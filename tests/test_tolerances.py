"""A sample is good only when everything that was asked, and what goes without saying, is well."""

from collections.abc import Mapping
from typing import Any

import pytest

from chaos.tolerances import Tolerance


@pytest.mark.parametrize(
    ("said", "value", "good"),
    [
        ({"status": 200}, {"status": 200}, True),
        ({"status": 200}, {"status": 204}, False),
        ({"status": [200, 503]}, {"status": 503}, True),
        ({"status": 503}, {"status": 503}, True),
        ({}, {"status": 204}, True),
        ({}, {"status": 500}, False),
        ({"contains": "ok"}, {"status": 200, "body": "all ok"}, True),
        ({"contains": "ok"}, {"status": 500, "body": "all ok"}, False),
        ({"contains": "ok"}, {"status": 200}, False),
        ({"matches": "^a+$"}, {"exit_code": 0, "output": "aaa"}, True),
        ({"matches": "^a+$"}, {"exit_code": 0, "output": "aab"}, False),
        ({"exit_code": 3}, {"exit_code": 3}, True),
        ({}, {"exit_code": 1}, False),
        ({}, {"connected": True}, True),
        ({}, {"connected": False}, False),
        ({"connected": False}, {"connected": False}, True),
        ({"connected": False}, {"connected": True}, False),
        ({}, {"running": False, "restarts": 0}, False),
        ({"max_restarts": 1}, {"running": True, "restarts": 1}, True),
        ({"max_restarts": 1}, {"running": True, "restarts": 2}, False),
        ({"max_restarts": 1}, {"running": False, "restarts": 0}, False),
        ({"running": False}, {"running": False, "restarts": 0}, True),
        ({"max": 1.0}, {"value": 1.0}, True),
        ({"max": 1.0}, {"value": 1.001}, False),
        ({"min": 40.0}, {"value": 39.9}, False),
        ({"min": 0.1, "max": 0.2}, {"value": 0.15}, True),
        ({"max": 1.0}, {"value": None}, False),
        ({"max": 1.0}, {}, False),
    ],
)
def test_values_are_judged_against_what_was_said(
    said: Mapping[str, Any], value: Mapping[str, Any], good: bool
) -> None:
    assert Tolerance(**said).accepts(value, None, 0.01) is good


def test_a_failed_look_is_never_good_unless_failing_is_what_is_wanted() -> None:
    assert not Tolerance(status=200).accepts(None, "timed out", 1.0)
    assert not Tolerance(max=1.0).accepts(None, None, 0.0)
    assert not Tolerance(status=200).accepts({"status": 200}, "cut off", 1.0)
    assert Tolerance(connected=False).accepts(None, "refused", 0.0)
    assert Tolerance(running=False).accepts(None, "gone", 0.0)
    assert not Tolerance(connected=True).accepts(None, "refused", 0.0)


def test_a_good_answer_that_came_too_late_is_bad() -> None:
    tolerance = Tolerance(status=200, max_latency=0.2)
    assert tolerance.accepts({"status": 200}, None, 0.2)
    assert not tolerance.accepts({"status": 200}, None, 0.201)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"status": 200}, "status 200"),
        ({"status": [200, 204]}, "status 200 or 204"),
        ({"max": 1.0, "unit": "duration"}, "at most 1s"),
        ({"max": 0.5, "unit": "share"}, "at most 50%"),
        ({"min": 40.0, "unit": "rate"}, "at least 40/s"),
        ({"max": 3.5}, "at most 3.5"),
        ({"exit_code": 0, "contains": "ok"}, "exit code 0 and text containing 'ok'"),
        ({"running": True, "max_restarts": 1}, "running and at most 1 restart"),
        ({"connected": False}, "not connected"),
        ({"max_latency": 0.2}, "answered within 200ms"),
        ({}, "healthy"),
    ],
)
def test_a_tolerance_says_itself_in_plain_words(said: Mapping[str, Any], words: str) -> None:
    assert str(Tolerance(**said)) == words


def test_a_tolerance_survives_json_without_what_was_not_said() -> None:
    tolerance = Tolerance(status=(200, 204), max_latency=0.2)
    assert tolerance.to_json() == {"status": [200, 204], "max_latency": 0.2}
    assert Tolerance(**tolerance.to_json()).accepts({"status": 204}, None, 0.1)
    assert Tolerance(matches="x").reads_text
    assert not tolerance.reads_text
