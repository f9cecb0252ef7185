"""A secret is known by its name, its look or its value, in whatever spelling it comes along."""

import base64
import html
import json
import re
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.planning.secret_env import shown
from chaos.run_spec.codec import encode
from chaos.run_spec.model import RunSpec
from chaos.run_spec.secrets import known
from chaos.text.masker import Masker
from chaos.text.secrecy import is_secret_name, spotted

VALUE = 'hunter2 Very+Secret/é"x'


def an_order(**process: Any) -> dict[str, Any]:
    """An order of one process, as an agent gets it."""
    web = {"name": "web", "command": ["python3", "web.py"], "env": {}, "ready": None, **process}
    return {
        "experiment": "shop",
        "setup": [],
        "processes": [web],
        "load": None,
        "steady_state": [],
        "stop_when": [],
    }


@pytest.mark.parametrize(
    "spelling",
    [
        VALUE,
        json.dumps({"a": VALUE}),
        json.dumps({"a": VALUE}, ensure_ascii=False),
        json.dumps(json.dumps(VALUE)),
        quote(VALUE),
        re.sub("%..", lambda found: found[0].lower(), quote(VALUE, safe="")),
        quote_plus(VALUE),
        html.escape(VALUE),
        repr(VALUE),
        repr(VALUE.encode()),
        VALUE.encode().hex(),
        base64.b64encode(VALUE.encode()).decode(),
        base64.urlsafe_b64encode(VALUE.encode()).decode(),
        *(base64.b64encode(f"{'u' * many}:{VALUE}:tail".encode()).decode() for many in range(1, 5)),
    ],
)
def test_every_spelling_of_a_value_is_masked(spelling: str) -> None:
    masked = Masker({VALUE: "[secret DB_PASSWORD]"})(f"before {spelling} after")
    assert "[secret DB_PASSWORD]" in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    for part in ("hunter2", "Very", base64.b64encode(VALUE.encode()).decode()[6:-6]):
        assert part not in masked


@given(st.text(min_size=4, max_size=40).filter(lambda text: len(text.strip()) >= 4), st.text(max_size=20))
def test_any_value_is_masked_and_twice_is_once(value: str, beside: str) -> None:
    masker = Masker({value: "[masked]"})
    masked = masker.known(f"{beside}{value}{beside}")
    assert "[masked]" in masked
    assert value.strip() in "[masked]" or value.strip() not in masked or value.strip() in beside


def test_each_line_of_a_key_is_a_value() -> None:
    key = "-----BEGIN X-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END X-----\n"
    masker = Masker({key: "[secret KEY]"})
    assert masker("read MIIEvQIBADANBgkq ok") == "read [secret KEY] ok"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("token=ghp_abcdefghijklmnopqrstuvwxyz0123456789", "token=[masked]"),
        ("cloned with glpat-AAAAbbbbCCCCdddd", "cloned with [masked]"),
        ("GET / Authorization: Bearer abc.def-123", "GET / Authorization: [masked]"),
        ("to postgres://app:s3cr3t@db:5432/x", "to postgres://app:[masked]@db:5432/x"),
        ('{"password": "correct horse", "user": "bob"}', '{"password": "[masked]", "user": "bob"}'),
        ("DB_PASSWORD=correct user=bob", "DB_PASSWORD=[masked] user=bob"),
        ("unexpected token: foo", "unexpected token: foo"),
        ("SyntaxError: unexpected token '}'", "SyntaxError: unexpected token '}'"),
        ("401 Basic realm, digest mismatch", "401 Basic realm, digest mismatch"),
        ("password=$DB_PASSWORD token=none", "password=$DB_PASSWORD token=none"),
        ("ERROR pool exhausted after 30 s", "ERROR pool exhausted after 30 s"),
    ],
)
def test_what_looks_like_a_secret_is_masked_and_prose_is_not(text: str, masked: str) -> None:
    assert Masker()(text) == masked
    assert Masker()(masked) == masked


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "PGPASSWORD", "apiKey", "AUTH_TOKEN", "SECRET_KEY_BASE", "x-api-key"]
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD_FILE", "PUBLIC_KEY", "TOKEN_URL", "MAX_TOKENS", "MONKEY", "PWD", "DSN"]
)
def test_names_that_only_speak_of_secrets(name: str) -> None:
    assert not is_secret_name(name)


def test_command_lines_tell_theirs() -> None:
    words = ["app", "--token", "tok-en-77", "--password=pass-88", "http://u:pw-99@h/", "DB_PASSWORD=pg-11"]
    order = an_order(command=words)
    assert set(known(RunSpec.of_journal(order))) == {"tok-en-77", "pass-88", "pw-99", "pg-11"}
    hidden = [
        "app",
        "--token",
        "[masked]",
        "--password=[masked]",
        "http://u:[masked]@h/",
        "DB_PASSWORD=[masked]",
    ]
    assert list(shown(RunSpec.of_journal(order)).processes[0].command or ()) == hidden
    assert list(spotted("curl -u bob https://h/?api_key=abcd1234")) == ["abcd1234"]


def test_an_order_is_shown_with_names_only() -> None:
    env = {
        "DB_PASSWORD": "hunter2",
        "PIN_SECRET": "ab",
        "REF": {"secret": "NAME"},
        "PORT": "8000",
        "TOKEN": "true",
    }
    assert encode(shown(RunSpec.of_journal(an_order(env=env))).processes[0].env) == {
        "DB_PASSWORD": "[masked]",
        "PIN_SECRET": "[masked]",
        "REF": {"secret": "NAME"},
        "PORT": "8000",
        "TOKEN": "true",
    }


def test_a_password_that_is_the_users_name_blots_out_no_log() -> None:
    env = {"POSTGRES_USER": "postgres", "POSTGRES_PASSWORD": "postgres"}
    assert known(RunSpec.of_journal(an_order(env=env))) == {}


def test_names_that_a_run_goes_by_stay() -> None:
    masker = Masker({"baseline": "[masked]"})
    data = {
        "phase": "baseline",
        "line": "baseline",
        "value": {"body": "x token=abcd1234"},
        "n": 1.5,
        "none": None,
    }
    assert masker.data(data) == {**data, "line": "[masked]"}


def test_a_pattern_still_matches_the_masked_text() -> None:
    masker = Masker({"hunter2": "[secret X]"})
    pattern, body = masker.data({"matches": "^ok hunter2$", "body": "ok hunter2"}).values()
    assert re.search(pattern, body)
