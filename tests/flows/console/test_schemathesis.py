"""The API as it is documented, asked by schemathesis with the token of each role: no 500, only documented answers."""

import json
import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from flows.console.app import create_app
from flows.console.problems import TYPES
from tests.flows.console.served import Console, token

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "2"))
"""`make fuzz` asks more."""
ROLES = ("viewer", "operator", "worker")
HARMFUL = {"start_run", "mission_start", "repeat_run", "halt", "resume", "stream_lists", "log_in"}
"""What would begin or end something for real, and what never ends; what they refuse is asked elsewhere."""
STATUSES = {200, 202, 204, 206} | {status for status, _, _ in TYPES.values()} - {500}


@schemathesis.serializer("application/x-ndjson")
def lines(_: Any, value: Any) -> bytes:
    """A piece of a journal: one line of JSON."""
    return json.dumps(value).encode() + b"\n"


def never_a_mistake_of_ours(ctx: Any, response: Any, case: Any) -> None:
    """503 and 507 say that something else is away or full; 500 is ours."""
    assert response.status_code in STATUSES, response.status_code


CHECKS = [
    never_a_mistake_of_ours,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(create_app().openapi())
OPERATIONS = [
    each.ok()
    for each in SCHEMA.get_all_operations()
    if each.ok().definition.raw["operationId"] not in HARMFUL
]


@pytest.fixture(scope="module")
def tokens(console: Console) -> dict[str, str]:
    return {role: token(role) for role in ROLES}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.label)
def test_every_answer_is_documented(
    console: Console, tokens: dict[str, str], operation: Any, role: str
) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        opened = {"Authorization": f"Bearer {tokens[role]}"}
        case.call_and_validate(base_url=console.url, headers=opened, timeout=20, checks=CHECKS)

    ask()
