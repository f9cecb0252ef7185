"""The attempts are real: in the same sandbox without a wall they reach what they are for."""

import os
from collections.abc import Mapping
from typing import Any

import pytest

from tests.escape import plain
from tests.escape.attempts import ATTEMPTS
from tests.escape.attempts.core import ANYBODY, ROOT, USER

WHO = (ANYBODY, ROOT if os.geteuid() == 0 else USER)
OPEN = sorted(name for name, each in ATTEMPTS.items() if each.open_to in WHO)


@pytest.fixture(scope="module")
def answers() -> Mapping[str, Mapping[str, Any]]:
    return plain.answers()


@pytest.mark.parametrize("name", OPEN)
def test_without_a_wall_it_reaches_what_it_is_for(
    answers: Mapping[str, Mapping[str, Any]], name: str
) -> None:
    assert answers[name]["reached"] is True, answers[name]["said"]


def test_they_are_enough_to_tell_a_wall_from_none() -> None:
    assert len(OPEN) >= 50
