"""The gate, by properties: what the agent wrote passes as it is, and nothing else does, whatever it looks like."""

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.errors import JournalTampered
from chaos.events import Event
from chaos.events.signing import MARK_BYTES
from chaos.runner.gate import AHEAD_S, JOURNAL_BYTES, LINE_BYTES, Gate, Taken
from tests.wire import KEY, signed

BEGAN = 1_700_000_000.0
NOW = BEGAN + 100.0
STARTED: dict[str, Any] = {
    "pid": 7,
    "python": "3.11.7",
    "kernel": "6.1",
    "memory_limit_bytes": 2**27,
    "memory_kind": "real",
}
FEW: list[tuple[str, dict[str, Any]]] = [
    ("agent.started", STARTED),
    ("process.started", {"process": "web", "pid": 10, "restarts": 0}),
    ("log.captured", {"process": "web", "stream": "stdout", "line": "hello \x1b[31m"}),
    ("phase.started", {"phase": "baseline"}),
    ("fault.measured", {"step": "s", "delay_ms": 30.2, "seen": [1, [2.0, None]], "by": {"a": True}}),
    ("load.sampled", {"late_ms": 0.1, "took_ms": 1, "status": 200, "error": None, "bytes": 2}),
    ("agent.ended", {"outcome": "completed", "why": "every phase ran to its end"}),
]


def lines(count: int = len(FEW)) -> list[bytes]:
    return [
        Event(type_, BEGAN + 0.1 * seq, data, "agent", seq).to_line()
        for seq, (type_, data) in enumerate(FEW[:count], start=1)
    ]


def gate() -> Gate:
    return Gate(KEY, BEGAN)


def refused(journal: bytes, *words: str, now: float = NOW) -> int:
    """The number of lines before the one that is refused for that reason."""
    mine = gate()
    with pytest.raises(JournalTampered) as caught:
        list(mine.take(journal, now))
    assert str(caught.value).startswith(f"the journal was tampered with: line {mine.seq + 1}: ")
    assert str(caught.value).isprintable()
    for word in words:
        assert word in str(caught.value)
    return mine.seq


def gate_of(journal: bytes, now: float = NOW) -> Iterator[Taken]:
    return gate().take(journal, now)


def raw(seq: int, type_: str = "target.failed", data: str = '{"why":"x"}', at: str = "1700000001.0") -> bytes:
    return f'{{"seq":{seq},"at":{at},"source":"agent","type":"{type_}","data":{data}}}\n'.encode()


def test_what_the_agent_wrote_passes_without_its_marks() -> None:
    taken = list(gate_of(signed(lines())))
    assert [each.line for each in taken] == lines()
    assert [each.event.type for each in taken] == [type_ for type_, _ in FEW]


@given(cuts=st.lists(st.integers(0, 2000), max_size=6))
def test_it_passes_in_whatever_pieces_it_comes_and_by_whoever_goes_on(cuts: list[int]) -> None:
    journal = signed(lines())
    mine, seen = gate(), []
    for end in [*sorted(cut % len(journal) for cut in cuts), len(journal)]:
        seen += [each.line for each in mine.take(journal[mine.offset : end], NOW)]
        again = gate()
        for line in seen:
            again.resume(Event.from_line(line), line)
        assert (again.offset, again.seq, again.over) == (mine.offset, mine.seq, mine.over)
        mine = again
    assert seen == lines()
    assert mine.offset == len(journal)


@given(at=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_no_byte_can_be_another(at: int, byte: int) -> None:
    journal = bytearray(signed(lines()))
    at %= len(journal)
    if journal[at] == byte:
        return
    journal[at] = byte
    with pytest.raises(JournalTampered):
        list(gate_of(bytes(journal) + b"\n"))


@given(data=st.data())
def test_no_line_can_be_left_out_moved_or_sent_twice(data: st.DataObject) -> None:
    whole = signed(lines()).splitlines(keepends=True)
    index = data.draw(st.integers(0, len(whole) - 2))
    other = data.draw(st.integers(0, len(whole) - 2))
    kind = data.draw(st.sampled_from(["left out", "twice", "moved"]))
    changed = list(whole)
    line = changed.pop(index)
    if kind == "twice":
        changed[other:other] = [line, line]
    elif kind == "moved":
        changed.insert(other, line)
    if changed != whole:
        refused(b"".join(changed), "not signed by the agent")


@given(st.binary(max_size=200))
def test_whatever_somebody_appends_is_refused(more: bytes) -> None:
    assert refused(signed(lines(4)) + more.replace(b"\n", b"") + b"\n") == 4


@given(st.binary(max_size=400))
def test_not_even_with_the_key_do_bytes_pass_that_are_no_events(line: bytes) -> None:
    refused(signed([*lines(1), line.replace(b"\n", b"") + b"\n"]))


def json_values() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    )


@given(type_=st.sampled_from([type_ for type_, _ in FEW[1:-1]]), data=json_values())
def test_with_the_key_only_what_fits_the_schema_passes(type_: str, data: Any) -> None:
    body = {"seq": 2, "at": BEGAN + 1, "source": "agent", "type": type_, "data": data}
    line = json.dumps(body).encode() + b"\n"
    try:
        taken = list(gate_of(signed([*lines(1), line])))
    except JournalTampered:
        return
    assert json.dumps(taken[1].event.data, allow_nan=False)
    assert isinstance(data, dict)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (raw(3), "not the one with the number 2"),
        (raw(2, "run.ended", "{}"), "of a type that the agent does not write"),
        (raw(2, "sandbox.opened", '{"ref":{}}'), "of a type that the agent does not write"),
        (raw(2).replace(b'"agent"', b'"host"'), "somebody else's"),
        (raw(2).replace(b'"source":"agent",', b""), "no event"),
        (raw(2).replace(b'"seq"', b'"more":1,"seq"'), "no event"),
        (raw(2).replace(b'"seq"', b'"type":"agent.ended","seq"'), "not a whole JSON object"),
        (raw(2, data='{"why":"a","why":"b"}'), "not a whole JSON object"),
        (raw(2, data='{"why":"x","more":1}'), "not known: 'more'"),
        (raw(2, data='{"why":"x","\\u001b[2J":1}'), "not known: '\\x1b[2J'"),
        (raw(2, data="{}"), "lacks why"),
        (raw(2, data='{"why":7}'), "why is a number, not a text"),
        (raw(2, data='{"why":"\\ud800"}'), "not Unicode text"),
        (raw(2, data="[]"), "data is no mapping"),
        (raw(2, "agent.started", json.dumps(STARTED)), "agent.started is the first event"),
        (raw(2, "phase.started", '{"phase":"lunch"}'), "none of warmup, baseline, fault, recovery"),
        (raw(2, "process.started", '{"process":"w","pid":true,"restarts":0}'), "pid is true or false"),
        (raw(2, "target.ready", '{"took_s":NaN}'), "not a whole JSON object"),
        (raw(2, "target.ready", '{"took_s":-Infinity}'), "not a whole JSON object"),
        (raw(2, "target.ready", '{"took_s":1e999}'), "not a whole JSON object"),
        (raw(2, "target.ready", '{"took_s":' + "9" * 5000 + "}"), "not a whole JSON object"),
        (raw(2, "target.ready", '{"took_s":' + "9" * 400 + "}"), "not between"),
        (raw(2, "target.ready", '{"took_s":-2}'), "not between"),
        (raw(2, "fault.measured", '{"step":"s","a":' + "[" * 9 + "]" * 9 + "}"), "nested deeper"),
        (raw(2, "fault.measured", '{"step":"s","a":' + "[" * 10**5 + "]" * 10**5 + "}"), "whole JSON"),
        (raw(2, "fault.measured", '{"step":"s","a":[' + "1," * 20000 + "1]}"), "more than 16,384 values"),
        (raw(2, "fault.measured", '{"step":"s","gap_s":1.0}'), "lacks gap_over_s_ago"),
        (raw(2, "fault.measured", '{"step":"s","seen_ms":"soon"}'), "seen_ms is a text"),
        (raw(2, at='"now"'), "without a moment"),
        (raw(2, at="true"), "without a moment"),
        (raw(2, at="1" + "0" * 300), "without a moment"),
        (raw(2, at="1699999990.0"), "before the agent was started"),
        (raw(2, at="1700000400.0"), "the host's clock has not reached"),
        (raw(2).replace(b'"x"', '"ü"'.encode()), "no line of JSON as the agent writes it"),
        (b'"a text"\n', "no event"),
        (b"[" * 10**5 + b"\n", "not a whole JSON object"),
        (b"\n", "not a whole JSON object"),
    ],
)
def test_with_the_key_a_line_is_refused_for_what_it_is(line: bytes, words: str) -> None:
    assert refused(signed([*lines(1), line]), words) == 1


def test_a_line_without_an_end_is_refused_before_it_fills_memory() -> None:
    assert refused(signed(lines(2)) + b"x" * (LINE_BYTES + 1), "too long") == 2
    assert refused(signed(lines(2)) + b"x" * (LINE_BYTES + 1) + b"\n", "too long") == 2


def test_no_more_is_taken_than_the_limit() -> None:
    mine = gate()
    mine.offset = JOURNAL_BYTES - 10
    with pytest.raises(JournalTampered, match="beyond the 258 MiB"):
        list(mine.take(signed(lines(1)), NOW))


def test_nothing_after_the_end_is_taken() -> None:
    journal = signed(lines()) + b"whatever\n"
    assert len(list(gate_of(journal))) == len(FEW)


@given(skew=st.floats(-1e8, 1e8), late=st.floats(0.0, 3.0))
def test_a_clock_of_another_machine_may_be_set_otherwise(skew: float, late: float) -> None:
    """Its first event came at most `late` after its start: so much may be ahead and not be seen to be."""

    def at(offset: float) -> bytes:
        return signed(
            Event(type_, BEGAN + skew + late + 10 * seq + offset * seq, data, "agent", seq + 1).to_line()
            for seq, (type_, data) in enumerate(FEW[:2])
        )

    mine = gate()
    assert len(list(mine.take(at(0.0), BEGAN + late + 10.01))) == 2
    assert mine.ahead_s <= 0.0 + 1e-3
    refused(at(AHEAD_S + late + 0.1), "has not reached", now=BEGAN + late + 10.0)


def test_the_mark_is_as_long_as_it_is_said_to_be() -> None:
    assert len(signed([b"{}\n"])) == len(b"{}\n") + MARK_BYTES


def test_numbers_are_finite_wherever_they_are() -> None:
    for value in (math.nan, math.inf, -math.inf):
        body = {
            "seq": 2,
            "at": BEGAN,
            "source": "agent",
            "type": "fault.measured",
            "data": {"step": "s", "a": [value]},
        }
        refused(signed([*lines(1), json.dumps(body).encode() + b"\n"]), "not a whole JSON object")
