"""Whether every number in a sentence is one that was measured, of the quantity that the sentence names.

A number is a reference `{id}`, which is filled in, or written out; then it must equal a measurement, rounded as it is
written, in its unit. Either way the words around it must name that measurement's quantity, and no other: percentile,
kind, phase, steady state, direction of a change. What is not understood is not verified: the sentence goes. So a
hypothetical, a negation, a bound (`less than`), a clock time or a number in words lose their sentence, true or not.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from chaos.analyzers.binding import (
    Number,
    kind_fits,
    ordered,
    phase_fits,
    role_of,
    starts_are_ended,
    stat_fits,
)
from chaos.analyzers.measurements import Measurement
from chaos.analyzers.naming import DOWN, UP, Named, extra_words, named, phases
from chaos.analyzers.numerals import AFTER_COUNT, NUMBER, UNIT, equal, numeric, without_units

_REFERENCE = re.compile(r"\{([^{}\s]+)\}")
_SEGMENTS = re.compile(
    r",(?!\d)|[;:()—–]|\s-\s|\b(?:and|but|while|whereas|which|when|then|so|yet|although|though|because|since|until|as)\b"
)
_CLAUSES = re.compile(r"\b(?:under|during|despite|with)\b(?!\s*[\d\ue002])", re.I)
_UNSURE = re.compile(
    r"\b(?:not|never|no longer|without|cannot|neither|nor|instead of|rather than|except|avoid\w*|prevent\w*|would|"
    r"could|should|might|may|if|unless|expected|predicted|likely|probably|previous(?:ly)?|earlier|last)\b|n['’]t\b",
    re.I,
)
_NEAR = re.compile(r"\s*(?:the|a|an|about|only|roughly|around)?\s*", re.I)


class Claims:
    """Judges sentences against one run's measurements. `names` are its steady states', steps', processes' names."""

    def __init__(self, known: Mapping[str, Measurement], names: Sequence[str]) -> None:
        self._known = known
        self._letters = {_letters(index): each for index, each in enumerate(known.values())}
        self._ids = {each.id: letters for letters, each in self._letters.items()}
        self._extra = extra_words({each.quantity for each in known.values()})
        self._statuses = {each.kind for each in known.values() if each.kind.startswith("http_")}
        self._states = {each.subject for each in known.values() if each.quantity == "samples"}
        self._names = sorted({name for name in names if name}, key=len, reverse=True)

    def filled(self, sentence: str) -> str | None:
        """The sentence with its references filled in; None when a number in it is not verified."""
        masked = self._masked(sentence)
        if masked is None or not self._verified(masked):
            return None
        return _REFERENCE.sub(lambda found: self._known[found[1]].shown, without_units(sentence, self._known))

    def without_names(self, sentence: str) -> str:
        """The sentence without this run's own names in quotes, which may be any words."""
        for name in self._names:
            sentence = re.sub(rf"[“\"'‘]{re.escape(name)}[”\"'’]", "it", sentence)
        return sentence

    def _masked(self, sentence: str) -> str | None:
        """With names, percentiles and statuses as letters, and references as marks; None when one is unknown."""
        text = without_units(unicodedata.normalize("NFC", sentence), self._known)
        if any(mark in text for mark in "\ue000\ue001\ue002\ue003"):
            return None
        if any(found[1] not in self._ids for found in _REFERENCE.finditer(text)):
            return None
        text = _REFERENCE.sub(lambda found: f"\ue002{self._ids[found[1]]}\ue003", text)
        if "{" in text or "}" in text:
            return None
        for index, name in enumerate(self._names):
            text = self._mask_name(text, name, f"\ue000{_letters(index)}\ue001")
        return self._mask_words(text)

    def _mask_name(self, text: str, name: str, mark: str) -> str:
        text = re.sub(rf"[“\"'‘]{re.escape(name)}[”\"'’]", mark, text)
        if named(name, self._extra).quantities or named(name, self._extra).stats:
            return text  # a state called “p95 latency” is told from the quantity by its quotes
        return re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", mark, text)

    def _mask_words(self, text: str) -> str:
        for digits, word in (("50", "pfifty"), ("95", "pninetyfive"), ("99", "pninetynine")):
            text = re.sub(rf"\bp{digits}\b|\b{digits}th[ -]percentile\b", word, text, flags=re.I)
        for kind in self._statuses:
            code = kind.removeprefix("http_")
            hidden = "httpstatus" + "".join("abcdefghij"[int(digit)] for digit in code)
            text = re.sub(
                rf"\b(?:HTTP (?:status )?|http_|status (?:code )?){code}\b", hidden, text, flags=re.I
            )
        return text

    def _verified(self, text: str) -> bool:
        rest = NUMBER.sub(lambda found: " ", UNIT.sub(" ", text))
        if numeric(rest):
            return False
        if NUMBER.search(text) and re.search(r"[“”\"]", text):
            return False  # a name that nobody in this run has
        inherited = Named(frozenset(), frozenset(), frozenset(), frozenset())
        segments = _SEGMENTS.split(text)
        aside = " ; ".join(segment for segment in segments if not NUMBER.search(segment))
        for segment in segments:
            found = list(self._numbers(segment, inherited))
            if found and not self._segment_holds(segment, aside, found):
                return False
            whole = named(segment, self._extra)
            inherited = whole if whole.quantities or whole.wholes else inherited
        return True

    def _numbers(self, segment: str, inherited: Named) -> Iterator[Number]:
        offset, last, whole = 0, inherited, named(segment, self._extra)
        for clause in _CLAUSES.split(segment):
            offset = segment.index(clause, offset)
            own = named(clause, self._extra)
            if own.quantities or own.wholes:
                last = own
            for found in NUMBER.finditer(clause):
                start, end = offset + found.start(), offset + found.end()
                may_be, end = self._candidates(found, segment, end)
                says = last if _NEAR.fullmatch(clause[: found.start()]) or offset == 0 else whole
                yield Number(may_be, start, end, segment[:start], segment[end:], says)
            offset += len(clause)

    def _candidates(
        self, found: "re.Match[str]", segment: str, end: int
    ) -> tuple[Sequence[Measurement], int]:
        if found["ref"]:
            return ([] if UNIT.match(segment, end) else [self._letters[found["ref"]]]), end
        unit = UNIT.match(segment, end)
        if unit is None and not AFTER_COUNT.match(segment, end):
            return [], end
        return list(equal(self._known.values(), found["free"], unit[1] if unit else "")), (
            unit.end() if unit else end
        )

    def _segment_holds(self, segment: str, aside: str, numbers: Sequence[Number]) -> bool:
        """`aside` are the parts of the sentence without numbers: they say when and of whom for all others."""
        if _UNSURE.search(segment) or _UNSURE.search(aside):
            return False
        where = phases(segment) or phases(aside)
        fit: list[list[Measurement]] = []
        for index, each in enumerate(numbers):
            previous = fit[-1] if fit else []
            second = index > 0 and segment[numbers[index - 1].end : each.start]
            role = role_of(each, second)
            if role == "bound":
                return False
            found = [m for m in each.may_be if self._fits(m, each.clause, (segment, aside), role, where)]
            if role == "of":
                found = [m for m in found if any(part.whole == m.id for part in previous)]
            if role == "to":
                found = [m for m in found if any(ordered(was, m, segment) for was in previous)]
            elif role == "":
                found = [m for m in found if self._direction_fits(m, each, segment)]
            if not found:
                return False
            fit.append(found)
        return starts_are_ended(numbers, segment)

    def _fits(
        self, m: Measurement, clause: Named, text: tuple[str, str], role: str, where: frozenset[str]
    ) -> bool:
        """Whether the words around a number name this measurement and nothing else."""
        if role == "of":
            return m.quantity in ("requests", "samples")
        strong = clause.quantities
        if m.quantity in ("requests", "samples"):
            if strong or m.quantity not in clause.wholes or clause.kinds:
                return False
        elif strong != {m.quantity}:
            return False
        return (
            stat_fits(m, clause.stats, role)
            and kind_fits(m, clause.kinds)
            and phase_fits(m, where, role)
            and self._subject_fits(m, *text)
        )

    def _subject_fits(self, m: Measurement, segment: str, aside: str) -> bool:
        said = self._named_in(segment) or self._named_in(aside)
        rivals = {
            each.subject for each in self._known.values() if each.quantity == m.quantity and each.subject
        }
        if m.subject and (said & rivals or len(rivals) > 1):
            return said & rivals == {m.subject}
        return bool(m.subject) or not said & (self._states | rivals)

    def _named_in(self, text: str) -> set[str]:
        return {name for index, name in enumerate(self._names) if f"\ue000{_letters(index)}\ue001" in text}

    def _direction_fits(self, m: Measurement, number: Number, segment: str) -> bool:
        """`rose to 320 ms` only when it was less before."""
        up, down = UP.search(segment), DOWN.search(segment)
        if not (up or down) or m.stat.endswith(("rise", "ratio")):
            return not (down and m.stat.endswith(("rise", "ratio")))
        before = {"fault": "baseline", "recovery": "fault"}.get(m.phase)
        was = next(
            (
                e
                for e in self._known.values()
                if before and replace(m, id=e.id, value=e.value, phase=before, whole=e.whole) == e
            ),
            None,
        )
        return was is not None and (m.value > was.value if up else m.value < was.value)


def _letters(index: int) -> str:
    """An index without digits."""
    return "".join("abcdefghij"[int(digit)] for digit in str(index))
