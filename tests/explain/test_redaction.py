"""What must not leave the machine does not: thirty planted secrets, looked for in the bytes on the socket."""

import asyncio
import dataclasses

import pytest
from pydantic import SecretStr

from chaos.analysis import judge
from chaos.events import Event
from chaos.explain.model import analyze
from chaos.explain.redaction import Redactor
from chaos.settings import Settings
from tests.doubles.groq import Double, answer
from tests.journals.telling import HEALTHY, SLOW_NETWORK, Telling

HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
PEM = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
SECRETS: tuple[tuple[str, str], ...] = (
    # what is planted, and the part of it that must not arrive
    ("connecting with password=hunter2secret", "hunter2secret"),
    ('{"password": "p4ss w0rd", "user": "ann"}', "p4ss w0rd"),
    ("DB_PASSWORD: Tr0ub4dor&3", "Tr0ub4dor"),
    ("the password is correcthorsebattery", "correcthorsebattery"),
    ("postgres://shop:s3cr3tpw@db:5432/shop refused", "s3cr3tpw"),
    ("redis://:onlyapassword@cache:6379/0", "onlyapassword"),
    ("amqp://u:p@ss/word@mq timed out", "ss/word"),
    ("Authorization: Bearer abcdef123456token", "abcdef123456token"),
    ("authorization: Basic YW5uOmh1bnRlcjI=", "YW5uOmh1bnRlcjI="),
    ("retrying with bearer zyx987654321wvu", "zyx987654321wvu"),
    ("Cookie: sid=31d4d96e407aad42; theme=dark", "31d4d96e407aad42"),
    ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N", "eyJzdWIiOiIxIn0"),
    ("key AKIAIOSFODNN7EXAMPLE rejected", "AKIAIOSFODNN7EXAMPLE"),
    ("aws wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1", "wJalrXUtnFEMI"),
    ("push with ghp_16C7e42F292c6912E7710c838347Ae178B4a failed", "ghp_16C7e42F"),
    ("github_pat_11AAAAAAA0abcdefgh_xyz rejected", "11AAAAAAA0abcdefgh"),
    ("glpat-20CharactersLong0 expired", "20CharactersLong0"),
    ("slack xoxb-1234567890-abcdefghij", "xoxb-1234567890"),
    ("stripe sk_live_4eC39HqLyjWDarjtT1zdp7dc", "4eC39HqLyjWDarjtT1zdp7dc"),
    ("maps AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY", "AIzaSyD-9tSrke72"),
    ("npm_1234567890abcdefghijklmnopqrstuvwxyz", "npm_1234567890"),
    ("hf_abcdefghijklmnopqrstuvwx unauthorised", "hf_abcdefghijkl"),
    ("grafana glsa_HOruNAb7SOiCdshU7algkrq7FDsNSLAa_55e2f8be", "HOruNAb7SOiCdshU7"),
    ("vault hvs.CAESIJ1234567890abcdef", "CAESIJ1234567890"),
    ("-----BEGIN RSA PRIVATE KEY-----", PEM),  # its body is on the next lines
    (PEM, PEM[:20]),
    (f"session token {HEX}", HEX[:32]),
    ("mail to ann.smith+shop@example.co.uk bounced", "ann.smith"),
    ("card 4111 1111 1111 1111 declined", "4111 1111 1111 1111"),
    ("login --password Sup3rS3cret --user ann", "Sup3rS3cret"),
    ("peer 10.20.30.40 and fd00:1:2::99 unreachable", "10.20.30.40"),
    ("X-Api-Key: 7c4a8d09ca3762af61e59520943dc26494f8941b", "7c4a8d09ca37"),
)
OURS = "a value that looks like nothing"


def planted() -> list[Event]:
    """A run whose logs, names and environment are full of secrets."""
    log = [(3.0 + index * 0.05, line) for index, (line, _) in enumerate(SECRETS)]
    events = Telling(
        states=[HEALTHY],
        step=SLOW_NETWORK | {"name": "slow with token=abcdefstepname"},
        failing=[(3.0, 4.0)],
        log=[*log, (5.0, f"it said {OURS}"), (5.1, "env said plainlookingvalue")],
    ).events()
    started = events[0]
    plan = dict(started.data["plan"]) | {
        "hypothesis": "It holds with api_key=inthehypothesis too.",
        "processes": [{"name": "web", "env": {"SHOP_SECRET": "plainlookingvalue", "PORT": "8000"}}],
    }
    return [dataclasses.replace(started, data={**started.data, "plan": plan}), *events[1:]]


def test_no_planted_secret_reaches_the_wire(groq: Double, settings: Settings) -> None:
    groq.play(answer("no JSON, so that it is asked a second time"))
    events = planted()
    own = settings.model_copy(update={"e2b_api_key": SecretStr(OURS)})
    asyncio.run(analyze(judge(events), events, own))
    assert len(SECRETS) >= 30
    assert len(groq.asked) == 2
    wire = b"\n".join(asked.body for asked in groq.asked).decode()
    assert "rejected" in wire, "the log did not get into the prompt: this test would prove nothing"
    assert "<secret>" in wire
    hidden = [part for _, part in SECRETS] + [
        OURS,
        "plainlookingvalue",
        "abcdefstepname",
        "inthehypothesis",
        "fd00:1",
    ]
    assert [part for part in hidden if part in wire] == []
    assert own.groq_api_key is not None
    assert own.groq_api_key.get_secret_value() not in wire


@pytest.mark.parametrize(("line", "part"), SECRETS[:24] + SECRETS[26:])
def test_a_line_by_itself(line: str, part: str) -> None:
    redact = Redactor()
    once = redact(line)
    assert part not in once
    assert redact(once) == once


@pytest.mark.parametrize(
    "line",
    [
        "GET /checkout 503 in 312 ms",
        "cannot write /tmp/orders.log (No space left on device): keeping orders in memory",
        "2026-11-23T01:48:30.123Z inventory does not answer (timed out): selling by the last known offer",
        "Traceback (most recent call last): File web.py, line 12, in checkout",
        "fault.latency_p95 = 320 ms: p95 latency under the fault",
        "listening on 127.0.0.1:8000",
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "failed during the fault (02:24:36–02:24:41Z), first at 02:24:36",
        "signal=SIGKILL design: new, spinning: yes, author: ann",
        "1,234,567 bytes of 536870912 in use",
    ],
)
def test_what_is_evidence_stays(line: str) -> None:
    assert Redactor()(line) == line


def test_addresses_go_only_when_they_should() -> None:
    line = "peer 10.20.30.40 refused"
    assert Redactor()(line) == "peer <ip> refused"
    assert Redactor(addresses=False)(line) == line
