"""What a model is asked: evidence within its budget, logs as templates, estimates on the safe side."""

import random

from chaos.analysis import judge
from chaos.events import Event
from chaos.explain import tokens
from chaos.explain.digest import LONGEST, clean, digest
from chaos.explain.model import what_may_be_said
from chaos.explain.prompt import BUDGET, Prompt, prompt
from chaos.explain.redaction import Redactor
from chaos.explain.templates import mine
from tests.journals.telling import Telling


def asked(events: list[Event]) -> Prompt:
    result = judge(events)
    return prompt(result, events, what_may_be_said(result, events), Redactor())


def test_it_holds_hypothesis_fault_statements_causes_advice_moments_and_logs() -> None:
    log = [(3.0 + index * 0.01, f"ERROR checkout {index} failed: connection refused") for index in range(50)]
    found = asked(Telling(failing=[(3.0, 5.0)], log=log).events()).evidence
    for words in (
        "hypothesis: The shop stays up.",
        "fault “slow network”: network_delay",
        "C8: The p95 latency of answers rose from 12 ms in the baseline to 330 ms in the fault phase.",
        "H1: A likely cause, by the rules: ",
        "R1: ",
        "fault.injected slow network",
        "50x 18:03:13Z [web] ERROR checkout <*> failed: connection refused",
    ):
        assert words in found


def test_a_flood_of_logs_stays_within_the_budget() -> None:
    chance = random.Random(1)
    words = ["alpha", "Beta_7", "错误", "🔥", "x9Zq" * 30, "failed", "timeout", "{}", "<b>"]
    log = [(2.5 + n * 0.0007, " ".join(chance.choices(words, k=chance.randint(1, 60)))) for n in range(3200)]
    found = asked(Telling(log=log).events())
    assert found.tokens <= BUDGET
    assert found.left_out > 0
    assert "C1: " in found.evidence, "the statements come before the logs"


def test_estimates_err_on_the_side_of_too_many() -> None:
    """Real counts by o200k_base, the vocabulary family of gpt-oss, of bpe-openai 0.1.4."""
    for text, real in (
        ("deadbeef0123456789abcdef " * 50, 401),
        ("错误：连接被拒绝 エラーが発生しました " * 20, 279),
        ("xqzjvkwpb qqqwwzzx zzxqj " * 30, 480),
        ("3.14159 12345678 2026-11-23T01:48:30Z 127.0.0.1:8000 " * 30, 1019),
        ('{"a":[1,2,{"b":null}]} <<>> ==> !!! ' * 30, 511),
    ):
        assert real <= tokens.estimate(text) + 1 <= 4 * real


def test_lines_of_one_kind_become_one_template_with_their_times() -> None:
    lines = [("web", float(n), f"GET /checkout/{n} 200 in {n * 3} ms from 10.0.0.{n}") for n in range(1, 40)]
    lines += [
        ("web", 50.0, "inventory does not answer (timed out)"),
        ("inventory", 51.0, "listening on 9000"),
    ]
    found = mine(lines)
    assert [(each.process, len(each.moments)) for each in found] == [
        ("web", 39),
        ("web", 1),
        ("inventory", 1),
    ]
    assert found[0].text == "GET /checkout/<*> <*> in <*> ms from <*>"
    assert (found[0].moments[0], found[0].moments[-1]) == (1.0, 39.0)


def test_lines_of_different_kinds_stay_apart() -> None:
    found = mine([("web", 1.0, "user ann logged in"), ("web", 2.0, "cache is now empty again")])
    assert len(found) == 2


def test_a_line_cannot_hide_signs_or_run_on() -> None:
    assert clean("a\x1b[31mred\u202e\u200bx\nFENCE") == "a [31mred x FENCE"
    assert len(clean("x" * 5000)) == LONGEST


def test_errors_come_first_then_what_is_new_under_the_fault() -> None:
    log = [(0.5, "hello world again"), (3.0, "something new here now"), (3.5, "ERROR it broke down")]
    told = digest(Telling(log=log).events(), lambda line: line)
    assert [line.split("] ")[1] for line in told[:3]] == [
        "ERROR it broke down",
        "something new here now",
        "hello world again",
    ]
