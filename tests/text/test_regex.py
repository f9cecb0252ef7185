"""Regular expressions: they mean what Python's mean, and take no longer than the text is long."""

import re
import time
import warnings
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.analysis.judgement import judge
from chaos.errors import ManifestError
from chaos.events import Event
from chaos.manifests.load import load
from chaos.text.automaton import PatternError
from chaos.text.regex import LONGEST_TEXT, MOST_WORK, Pattern, TooMuch
from tests.journals.telling import HEALTHY, Telling
from tests.lab import HEALTHY as LAB_HEALTHY
from tests.lab import Lab

BACKTRACKING = (
    r"^(a+)+$",
    r"(a|aa)+$",
    r"(.*)*x",
    r"(a|a?)+$",
    r"([a-zA-Z]+)*$",
    r"(x+x+)+y",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(\w+\s?)*$",
    r"(?:a?){30}a{30}",
    r"^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))$",
)
HOSTILE = ("a" * 40 + "b", "a" * (LONGEST_TEXT - 1) + "!", "x" * LONGEST_TEXT, "ab " * 20_000, "aA" * 32_000)

ATOMS = st.sampled_from(
    [
        *"abAé_ 1\n",
        *(r"\w", r"\W", r"\d", r"\s", ".", "[ab]", "[^a]", "[a-c1]", r"[\w ]", r"[^\n]", "[^ab]"),
        *(r"\b", r"\B", "^", "$", r"\A", r"\Z", ""),
        *("(?i:a)", "(?s:.)", "(?a:é)", r"(?a:\w)", "(?i:[A-Z])", "(?i:É)"),
    ]
)
REPEATS = st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "{,2}", "*?", "+?", "??", "{0}"])


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda ways: f"(?:{'|'.join(ways)})"),
        st.tuples(inner, REPEATS).map(lambda both: f"(?:{both[0]}){both[1]}"),
        inner.map(lambda one: f"({one})"),
    )


PATTERNS = st.tuples(
    st.sampled_from(["", "(?i)", "(?m)", "(?s)", "(?a)", "(?im)", "(?x)"]),
    st.recursive(ATOMS, _joined, max_leaves=10),
).map("".join)


@settings(max_examples=400)
@given(PATTERNS, st.lists(st.text("abcAÉé_ 1\n\x0b", max_size=8), min_size=1, max_size=4))
def test_it_means_what_python_means(pattern: str, texts: list[str]) -> None:
    ours = Pattern(pattern)
    for text in texts:
        assert ours.found_in(text) is (re.search(pattern, text) is not None), (pattern, text)


@pytest.mark.parametrize("pattern", BACKTRACKING)
def test_what_backtracks_elsewhere_is_answered_at_once(pattern: str) -> None:
    ours = Pattern(pattern)
    began = time.process_time()
    for text in HOSTILE:
        ours.found_in(text)
    assert time.process_time() - began < 2  # 0.1 s on a quiet machine; `re` would take centuries


@pytest.mark.parametrize(
    "text", ["ab" * 30_000, "a" * LONGEST_TEXT, "好" * 9 + "".join(map(chr, range(0x4E00, 0x9FFF)))]
)
@pytest.mark.parametrize("pattern", [r".*a.{900}b$", r"(?i)(\w.)*a(\w){300}x", "(a|b|c)*a(a|b){200}c"])
def test_what_no_automaton_does_quickly_is_given_up(pattern: str, text: str) -> None:
    ours = Pattern(pattern)
    began = time.process_time()
    said = set()
    for _ in range(3):  # with what is known from before, and without
        try:
            said.add(str(ours.found_in(text)))
        except TooMuch as error:
            said.add(str(error))
    assert time.process_time() - began < 2
    assert len(said) == 1
    assert ours._kept <= 2 * MOST_WORK + 10_000


def test_giving_up_is_possible() -> None:
    ours = Pattern(".*a.{900}b$")
    with pytest.raises(TooMuch, match="too much work"):
        ours.found_in("ab" * 30_000)
    with pytest.raises(TooMuch, match="characters"):
        ours.found_in("a" * (LONGEST_TEXT + 1))
    assert ours.found_in("a" * 9 + "." * 900 + "b")


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        (r"(a)\1", "backreferences"),
        ("(?P<x>a)(?P=x)", "backreferences"),
        ("(?=a)", "look-around"),
        ("(?<!a)b", "look-around"),
        ("(?:(?!a).)*", "look-around"),
        ("(a)?(?(1)b|c)", "conditions"),
        ("(?>a+)", "atomic"),
        ("a++", "possessive"),
        ("(", "not a regular expression"),
        ("a{99999999999}", "not a regular expression"),
        ("(((a{50}){50}){50}){50}", "too large"),
        ("(?:" * 4000 + ")" * 4000, "not a regular expression"),
        ("a{0,4000}", "too large"),
        ("((a?){1000}){1000}", "too large"),
    ],
)
def test_what_is_refused_and_why(pattern: str, word: str) -> None:
    began = time.process_time()
    with warnings.catch_warnings(), pytest.raises(PatternError, match=word):
        Pattern(pattern)
    assert time.process_time() - began < 1


def test_nothing_repeated_however_often_costs_nothing() -> None:
    assert Pattern("(?:(?:){1000000}){1000000}a").found_in("a")


@pytest.mark.parametrize("pattern", BACKTRACKING)
def test_a_journal_of_hostile_bodies_is_judged_in_time(pattern: str) -> None:
    """One of before, too, in which the agent has not written down whether they match."""
    state = HEALTHY | {"tolerance": {"status": 200, "matches": pattern}}
    events = [
        Event(
            e.type, e.at, {**e.data, "value": {"status": 200, "body": body[: 4096 + e.seq]}}, e.source, e.seq
        )
        if e.type == "probe.sampled"
        else e
        for e, body in zip(Telling(states=[state]).events(), cycle(HOSTILE), strict=False)
    ]
    began = time.process_time()
    (judged,) = judge(events).steady_state
    assert judged.samples
    assert time.process_time() - began < 2


def test_a_pattern_that_is_no_longer_accepted_proves_nothing() -> None:
    state = HEALTHY | {"tolerance": {"status": 200, "matches": "(?=ok)"}}
    assert judge(Telling(states=[state]).events()).verdict == "inconclusive"


@pytest.mark.parametrize("pattern", BACKTRACKING)
def test_a_manifest_with_it_is_valid_and_planned_in_time(pattern: str, tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    path = lab.manifest(steadyState=[{**LAB_HEALTHY, "tolerance": {"status": 200, "matches": pattern}}])
    began = time.process_time()
    (loaded,) = load(str(path))
    assert loaded.manifest.spec.steady_state[0].tolerance.matches == pattern
    assert time.process_time() - began < 2


def test_a_manifest_that_asks_for_more_says_what_is_refused_and_where(tmp_path: Path) -> None:
    path = Lab(tmp_path).manifest(steadyState=[{**LAB_HEALTHY, "tolerance": {"matches": "(?!x)ok"}}])
    with pytest.raises(ManifestError, match=r"one.yaml:\d+:\d+ .*matches: look-around.* in linear time"):
        load(str(path))
