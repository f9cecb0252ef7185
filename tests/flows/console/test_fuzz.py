"""Whatever is sent to a route of the OpenAPI: an answer that is documented, never a 500, and none that hangs."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.console.app import create_app
from flows.console.problems import TYPES
from tests.flows.console.served import Console

OPENAPI = create_app().openapi()
OPERATIONS = [(verb, path) for path, verbs in sorted(OPENAPI["paths"].items()) for verb in verbs]
ELSEWHERE = {"resume", "stream_lists", "log_in"}
"""What never ends, or has everybody at this address wait when it is asked in vain."""
CHANGES = {"start_run", "mission_start", "repeat_run", "halt", "resume"}
"""What would begin or end something for real, when by chance it is meant."""
_WORDS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["a", "-", "..", "%2e%2e", "%00", "0", "-1", "1e9", "2026-13-45", "a:b", ":", "NaN", "x" * 900]
    ),
    st.uuids().map(str),
    st.integers().map(str),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference leads to."""
    while "$ref" in schema:
        schema = OPENAPI["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def like(schema: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that mostly look like what is documented, and now and then do not."""
    schema = resolved(schema)
    if "properties" in schema and depth < 3:
        fields = {name: like(each, depth + 1) | _JSON for name, each in schema["properties"].items()}
        return st.fixed_dictionaries({}, optional=fields)
    if "anyOf" in schema:
        return st.one_of([like(each, depth + 1) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": st.text(max_size=60), "integer": st.integers(), "boolean": st.booleans(), "null": st.none(),
    }  # fmt: skip
    return kinds.get(str(schema.get("type")), _JSON)


@pytest.mark.parametrize(("verb", "path"), OPERATIONS, ids=str)
def test_no_answer_is_a_mistake_of_ours(console: Console, verb: str, path: str) -> None:
    about = OPENAPI["paths"][path][verb]
    body = about.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")

    @settings(max_examples=12, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.data())
    def send(data: st.DataObject) -> None:
        where, query, headers = path, {}, {}
        for each in about.get("parameters", ()):
            if each["in"] == "path":
                value = data.draw(_WORDS.filter(lambda text: text not in ("", ".", "..")))
                where = where.replace(f"{{{each['name']}}}", _quoted(value))
            elif each["in"] == "query":
                query[each["name"]] = data.draw(_WORDS)
            else:
                headers[each["name"]] = data.draw(
                    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)
                )
        if not data.draw(st.booleans()):
            query = {}
        content = None
        if body is not None:
            said = data.draw(like(body) | _JSON)
            if about["operationId"] in CHANGES:
                said = {**said, "unknown": 1} if isinstance(said, dict) else said
            content = json.dumps(said).encode()
            headers["content-type"] = "application/json"
        answer = console.client.request(verb, where, params=query, headers=headers, content=content)
        documented(answer)

    if about["operationId"] not in ELSEWHERE:
        send()


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe="")


def documented(answer: Any) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        said = answer.json()
        assert TYPES[said["type"].rpartition("/")[2]][0] == said["status"] == answer.status_code
        assert "Traceback" not in answer.text
