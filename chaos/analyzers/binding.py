"""What the words right beside a number make of it: a part of a whole, the end of a change, a difference, a bound."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chaos.analyzers.measurements import Measurement
from chaos.analyzers.naming import DOWN, UP, Named

_BOUND_BEFORE = re.compile(
    r"\b(?:more than|over|above|exceed\w*|beyond|past|less than|under|below|fewer than|at least|at most|up to|within|"
    r"as much as|nearly|almost|between|(?:great|high|low|small|larg|fast|slow)er than|minimum of|maximum of|every|"
    r"each|per)\s*$",
    re.I,
)
_BOUND_AFTER = re.compile(
    r"\s*(?:or (?:more|less)|more|less|fewer|extra|longer|shorter|\+|-|percentage)", re.I
)
_PART_OF = re.compile(r"\s*(?:\w+\s+){0,2}?(?:out )?of (?:the |all |its )?$", re.I)


@dataclass(frozen=True, slots=True)
class Number:
    """One number in a segment: the measurements that it may be, and what stands before and after it."""

    may_be: Sequence[Measurement]
    start: int
    end: int
    before: str
    after: str
    clause: Named


def role_of(number: Number, between: str | bool) -> str:
    """`of`: a whole; `to`, `from`: the ends of a change; `by`: a difference; `bound`: nothing that can be verified."""
    before = re.sub(
        r"\b(?:about|around|approximately|roughly|only|just)\s*$|~$",
        "",
        number.before.rstrip(),
        flags=re.I,
    )
    before = before.rstrip() + " "
    if _BOUND_BEFORE.search(before) or _BOUND_AFTER.match(number.after):
        return "bound"
    if isinstance(between, str) and _PART_OF.fullmatch(between):
        return "of"
    if isinstance(between, str) and re.fullmatch(
        r"\s*(?:\([^)]*\)\s*)?to\s*(?:about |around |roughly )?", between
    ):
        return "to"
    if re.search(r"\bfrom\s$", before):
        return "from"
    return "by" if re.search(r"\b(?:by|factor of)\s$", before) else ""


def starts_are_ended(numbers: Sequence[Number], segment: str) -> bool:
    """Every `from` has its `to`: half of a change says nothing."""
    roles = [
        role_of(each, index > 0 and segment[numbers[index - 1].end : each.start])
        for index, each in enumerate(numbers)
    ]
    return all(roles[index + 1 : index + 2] == ["to"] for index, role in enumerate(roles) if role == "from")


def stat_fits(m: Measurement, said: frozenset[str], role: str) -> bool:
    if m.quantity == "latency":
        percentile, _, change = m.stat.partition(" ")
        if (change == "rise") != (role == "by" and m.unit != "x"):
            return False
        return said == {percentile}
    if m.stat == "peak":
        return said <= {"peak"} and role != "by"
    return said <= ({"total"} if not m.phase else set()) and role != "by"


def kind_fits(m: Measurement, said: frozenset[str]) -> bool:
    if m.quantity == "errors":
        said = said - {"asked", "delivered"}
        return said == ({m.kind} if m.kind else frozenset())
    return not said & {"asked", "delivered"} or not m.kind or m.kind in said


def phase_fits(m: Measurement, where: frozenset[str], role: str) -> bool:
    if role in ("from", "to") or not m.phase:
        return True
    return where == {m.phase} or (not where and m.phase == "fault")


def ordered(was: Measurement, now: Measurement, segment: str) -> bool:
    """Whether `from was to now` is one quantity at two times, in order, in the direction that the words say."""
    order = ("baseline", "fault", "recovery")
    same = replace(was, id="", value=0, phase="", whole="") == replace(
        now, id="", value=0, phase="", whole=""
    )
    if not same or was.phase not in order or now.phase not in order:
        return False
    if order.index(was.phase) >= order.index(now.phase):
        return False
    if UP.search(segment):
        return now.value > was.value
    return now.value < was.value if DOWN.search(segment) else True
