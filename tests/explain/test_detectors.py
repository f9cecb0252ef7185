"""Forms of secrets by the hundred: none of half of them was looked at while patterns were written. And what is none."""

import base64
import json
import re
import time
from collections.abc import Callable, Sequence
from itertools import product
from urllib.parse import quote

import pytest

from chaos.explain.redaction import Redactor, given
from chaos.run_spec.model import RunSpec
from chaos.text.detectors.vendors import rules
from chaos.text.masker import Masker
from tests.explain.secret_forms import forms, forms_of, innocent, planted

SETS = (("secret_forms_anew.txt", 0.97), ("secret_forms_second.txt", 0.93), ("secret_forms_third.txt", 0.98))
"""And how many are found in a journal, where a word that merely looks random stays: it may be an id."""
VALUE = 'hunter2 Very+Secret/é"x'


@pytest.mark.parametrize("held_out", [False, True])
def test_of_many_forms_nearly_all_are_found(held_out: bool) -> None:
    found = forms(held_out=held_out)
    assert len(found) >= 300
    left, share = _left(Redactor(addresses=False), found)
    assert share <= 0.02, left


@pytest.mark.parametrize(("name", "in_journals"), SETS)
def test_of_forms_by_somebody_else_nearly_all_are_found_in_journals_too(
    name: str, in_journals: float
) -> None:
    found = forms_of(name)
    assert len(found) >= 300
    left, share = _left(Redactor(addresses=False), found)
    assert share <= 0.02, left
    left, share = _left(Masker(), found)
    assert share <= 1 - in_journals, left


def _left(mask: Callable[[str], str], found: Sequence[str]) -> tuple[list[str], float]:
    lines = list(planted(found, seed=0))
    left = [each.form for each in lines if each.leaks(mask(each.line))]
    return left, len(left) / len(lines)


@pytest.mark.parametrize("name", ["innocent_lines.txt", "innocent_lines_anew.txt"])
@pytest.mark.parametrize("mask", [Redactor(addresses=False), Masker()])
def test_innocent_lines_stay_as_they_are(name: str, mask: Callable[[str], str]) -> None:
    lines = innocent(name)
    changed = [line for line in lines if mask(line) != line]
    assert len(lines) >= 100
    assert len(changed) <= 0.02 * len(lines), changed


def test_twice_is_once() -> None:
    for mask in (Redactor(addresses=False), Masker()):
        for each in planted(forms(held_out=True) + forms_of("secret_forms_third.txt"), seed=3):
            once = mask(each.line)
            assert mask(once) == once


def test_every_vendors_pattern_is_one_of_pythons() -> None:
    assert len(rules()) > 200
    for rule in rules():
        assert rule.pattern.search("nothing of interest") is None, rule.name
        assert all(rule.words), rule.name


@pytest.mark.parametrize(
    "line",
    [
        "password=x",
        "pw=x",
        "password is: x",
        '{\\"password\\": \\"x\\"}',
        "mysql -px",
        "curl -u bob:x",
        "api key x",
        "GET /?sig=x",
        "mysql -u root -p x shop",
        "Passwort ist x",
        'passwords: ["a", "x"]',
        "bob:$6$salt$abcdefghijklmnopqrst.ABCDEFGHIJ",
    ],
)
def test_a_value_need_not_look_like_one(line: str) -> None:
    masked = Redactor()(line)
    assert "<secret>" in masked
    assert not re.search(r"\bx\b|\$6", masked)


@pytest.mark.parametrize(
    "spelling",
    [
        VALUE,
        json.dumps(VALUE),
        quote(VALUE, safe=""),
        base64.b64encode(VALUE.encode()).decode(),
        base64.b64encode(f"bob:{VALUE}".encode()).decode(),
    ],
)
def test_a_value_that_is_known_goes_in_any_spelling(spelling: str) -> None:
    masked = Redactor([VALUE])(f"it said {spelling} here")
    assert "hunter2" not in masked
    assert spelling[8:20] not in masked


def test_values_of_the_environment_are_known_by_the_names_in_a_plan() -> None:
    env = {"DB": {"secret": "SHOP_DB"}, "API_KEY": "plainvalue", "PORT": "8000", "TOKEN": "[masked]"}
    plan = {"processes": [{"name": "web", "env": env}, {"name": "db"}]}
    assert list(given(RunSpec.of_journal(plan), {"SHOP_DB": "fromoutside"})) == ["fromoutside", "plainvalue"]
    assert list(given(RunSpec(), {})) == []


@pytest.mark.parametrize(
    "part",
    [
        "password ",
        "password=a,",
        "api key ",
        "AUTH ",
        "mysql -p",
        'password="',
        'x"authorization',
        "aws_secret ",
        "<password ",
        "://a:b@",
        "a:b@",
        "a1B2",
        "--a",
        "&key=",
    ],
)
def test_the_time_is_bounded_by_the_length(part: str) -> None:
    """CPU time: four times as long a line takes about four times as long, sixteen when it is squared."""
    redact = Redactor()
    redact(part * 50)
    small, large = (min(_took_s(redact, part * many) for _ in range(3)) for many in (400, 1600))
    assert large < 14 * small + 0.02


def _took_s(redact: Redactor, text: str) -> float:
    began = time.process_time()
    redact(text)
    return time.process_time() - began


NAMES = """
password passwd pass pw pwd DB_PASSWORD dbPassword db.password passphrase secret clientSecret CLIENT_SECRET token
access_token accessToken api_key apiKey apikey api-key access_key secret_key private_key auth_token credentials
encryption_key webhook_secret admin_pass root_pw user_pwd passcode pin jwt_secret key_password refresh_token
"""
JOINED = """
=%|: %| = %| : %|=>%| -> %| := %| is %| is: %| was %|: '%'|:"%"| = '%'|": "%"|': '%'|\\": \\"%\\"|(%)|[%]| '%'| %|=%&x=1
=%;x=1|=%,x=1|: %, x: 1|=%)|='%')| equals %| set to %|=`%`|=%\\n|=b'%'| value %|='%'|=Some("%")|=<%>|[0]=%|==%
"""


def test_any_name_with_any_sign() -> None:
    redact = Redactor(addresses=False)
    values = ("hunter2", "correcthorse", "Tr0ub4dor&3", "x9")
    lines = [
        (f"ERROR user=bob {name}{joined.replace('%', values[number % 4])}", values[number % 4])
        for number, (name, joined) in enumerate(product(NAMES.split(), re.split(r"[|\n]", JOINED.strip())))
    ]
    left = [line for line, value in lines if value in redact(line)]
    assert len(left) <= 0.01 * len(lines), left
