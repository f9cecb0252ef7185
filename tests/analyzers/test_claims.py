"""Numbers in a model's prose: true ones stay, and of two hundred wrong answers not one wrong number is shown."""

import random
from collections.abc import Iterator

import pytest

from chaos.analyzers.answer import Advice, Answer, Gate
from chaos.analyzers.claims import Claims
from chaos.analyzers.measurements import Measurement, measurements
from chaos.analyzers.prompt import Cited
from chaos.events import Event
from chaos.measure import judge
from chaos.verdict import Verdict
from tests.journals import build


@pytest.fixture(scope="module")
def run() -> list[Event]:
    return build.deviated_fast_errors_are_not_fast()


@pytest.fixture(scope="module")
def known(run: list[Event]) -> dict[str, Measurement]:
    return dict(measurements(judge(run), run))


@pytest.fixture(scope="module")
def claims(known: dict[str, Measurement]) -> Claims:
    return Claims(known, ["fast", "slow network", "web", "/tmp"])


TRUE = """
p95 latency rose from 12 ms to 330 ms.
p95 latency rose from {baseline.latency_p95} to {fault.latency_p95} during the fault.
During “slow network”, 20 of 41 requests failed.
{fault.errors} of {fault.requests} requests failed under the fault.
The error rate was 49 %.
The median latency under the fault was 330 ms, and memory peaked at 50 %.
CPU peaked at {cpu_peak}.
In the baseline, p95 latency was 12 ms.
“fast” had 5 bad samples under the fault.
20 requests were refused during the fault.
The app recovered in {recovery_time}.
The injected delay was 301 ms.
The injected delay was 0.301 seconds.
p95 latency rose by {rise.latency_p95}.
Median latency rose by a factor of {ratio.latency_p50}.
The delay delivered was {step1.delivered_delay_ms}, and it lasted {step1.held}.
Requests were refused at once.
Throughput was {fault.throughput} under the fault.
Median latency grew by 318 ms.
Under the 300 ms delay, p95 latency rose to 330 ms.
Memory reached {memory_peak_bytes} (50 %).
p95 latency was {fault.latency_p95} s under the fault.
The app has no fallback, and every call waits for the network.
""".strip().splitlines()

FALSE = """
p95 latency was 50 %.
p95 latency was {memory_peak}.
p95 latency rose from 330 ms to 12 ms.
p95 latency fell from 12 ms to 330 ms.
p95 latency was 320 ms.
p95 latency was 340 ms.
In the baseline, p95 latency was 330 ms.
In the baseline p95 latency was {fault.latency_p95}.
41 of 20 requests failed.
41 requests failed.
20 requests succeeded.
Memory peaked at 86 %.
CPU peaked at 50 %.
It peaked at 50 %.
p95 latency fell to 330 ms.
p95 latency was less than 330 ms.
Average latency was 330 ms.
Twenty requests failed.
Half of the requests failed.
20 requests timed out.
The error rate was 49 ms.
The app recovered in 1.5 s.
p95 latency was ２０ ms.
p95 latency was ½ s.
All requests failed.
No requests failed.
The error rate was 0 %.
p95 latency doubled.
“healthy” had 5 bad samples under the fault.
p95 latency under memory peaks was 50 %.
The app recovered in {fault.latency_p95}.
The 20 failures began at 18:03:11Z.
p99 latency was 2e3 ms.
p95 latency under the fault would be 330 ms.
p95 latency was not 330 ms.
There were 12 refused requests out of 41.
Latency was 330 ms.
20.5 requests failed.
2000 ms was the p95 latency in the recovery phase.
Memory peaked at 50 ms.
p95 latency rose by 318 ms and 20 of 20 requests failed.
p95 latency was 2 minutes.
p95 latency was 2k ms.
p95 latency was 2.0-second.
p95 latency was {fault.latency_p95} %.
{nothing} happened.
""".strip().splitlines()


@pytest.mark.parametrize("sentence", TRUE)
def test_a_true_sentence_stays_and_is_filled_in(sentence: str, claims: Claims) -> None:
    filled = claims.filled(sentence)
    assert filled is not None
    assert "{" not in filled


@pytest.mark.parametrize("sentence", FALSE)
def test_a_sentence_with_an_unverified_number_goes(sentence: str, claims: Claims) -> None:
    assert claims.filled(sentence) is None


def test_a_unit_that_is_written_again_is_not_shown_twice(claims: Claims) -> None:
    assert claims.filled("p95 latency was {fault.latency_p95} ms.") == "p95 latency was 330 ms."


SAYING = {
    "latency": "{stat} latency was {number}{phase}",
    "errors": "the errors were {number}{phase}",
    "good answers": "good answers were {number}{phase}",
    "requests": "{number} requests were sent{phase}",
    "throughput": "throughput was {number}{phase}",
    "memory": "memory peaked at {number}",
    "cpu": "CPU peaked at {number}",
    "disk": "the disk “/tmp” peaked at {number}",
    "recovery time": "it recovered in {number}",
    "resolution": "the resolution is {number}",
    "delay": "the {kind} delay was {number}",
    "hold": "the fault lasted {number}",
    "bad samples": "“fast” had {number} bad samples{phase}",
}
WHEN = {
    "baseline": " in the baseline",
    "fault": " under the fault",
    "recovery": " in the recovery phase",
    "": "",
}


def says(about: Measurement, number: str) -> str:
    """A sentence that gives a number as that measurement's."""
    words = SAYING[about.quantity].format(
        number=number, stat=about.stat, phase=WHEN[about.phase], kind=about.kind or "measured"
    )
    return f"{words[0].upper()}{words[1:]}."


def wrong(known: dict[str, Measurement], chance: random.Random) -> Iterator[str]:
    """Wrong sentences without end: another number, another unit, another quantity's number, another phase's."""
    speakable = [
        m
        for m in known.values()
        if m.quantity in SAYING
        and m.stat in ("", "p50", "p95", "p99", "peak")
        and m.kind in ("", "asked", "delivered")
    ]
    while True:
        about, other = chance.sample(speakable, 2)
        match chance.choice(("number", "unit", "swapped", "reference", "phase")):
            case "number":
                value = about.value * chance.choice((0.5, 0.8, 1.3, 2, 10)) + chance.choice((0, 7))
                lie = Measurement("", value, about.unit, "")
                if lie.shown not in {m.shown for m in known.values()}:
                    yield says(about, lie.shown)
            case "unit":
                digits = about.shown.split(" ")[0].removesuffix("/s")
                unit = chance.choice(
                    [
                        u
                        for u in (" ms", " s", " %", " MiB", " minutes", "")
                        if u.strip() != about.shown[len(digits) :].strip()
                    ]
                )
                if about.value:
                    yield says(about, digits + unit)
            case "swapped" if not _same(about, other):
                yield says(about, other.shown)
            case "reference" if not _same(about, other):
                yield says(about, "{" + other.id + "}")
            case "phase" if about.phase:
                twin = (
                    known[
                        about.id.replace(
                            about.phase, "recovery" if about.phase == "baseline" else "baseline", 1
                        )
                    ]
                    if about.id.startswith(about.phase) and about.quantity != "bad samples"
                    else None
                )
                if twin and twin.shown != about.shown:
                    yield says(about, twin.shown)


def _same(one: Measurement, other: Measurement) -> bool:
    """Whether telling one by the other's number would be no lie."""
    if one.quantity == other.quantity == "bad samples":
        return True  # of its samples, and of a phase: “5 bad samples” may be either
    if one.value == other.value == 0:
        return True  # no errors are 0 errors and 0 %
    return one.shown == other.shown or (one.quantity == other.quantity and one.value == other.value)


def test_of_two_hundred_wrong_answers_not_one_wrong_number_is_shown(
    known: dict[str, Measurement], claims: Claims
) -> None:
    lies = wrong(known, random.Random(20261123))
    gate = Gate(claims, {"F1": Cited("It was seen.", "")}, Verdict.DEVIATED, "high")
    planted: list[str] = []
    for _ in range(200):
        one, two, three = (next(lies) for _ in range(3))
        planted += (one, two, three)
        left = gate.accept(
            Answer(
                summary=f"Requests were refused. {one} {two}",
                severity="high",
                recommendations=[Advice(finding="F1", advice=f"Add a timeout. {three}")],
            )
        )
        assert left.summary == "Requests were refused.", (one, two)
        assert left.recommendations == ["It was seen. Add a timeout."], three
        assert left.dropped == 3
    assert len(set(planted)) > 150


def test_the_same_sentences_with_their_own_numbers_stay(
    known: dict[str, Measurement], claims: Claims
) -> None:
    """What the wrong answers were made from is not refused for its form."""
    true = [
        says(m, number)
        for m in known.values()
        if m.quantity in SAYING
        and m.stat in ("", "p50", "p95", "p99", "peak")
        and m.kind in ("", "asked", "delivered")
        for number in (m.shown, "{" + m.id + "}")
    ]
    lost = [sentence for sentence in true if claims.filled(sentence) is None]
    assert len(true) > 60
    assert len(lost) <= 0.1 * len(true), lost
