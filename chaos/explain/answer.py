"""What a model answers, and what of it is accepted: statements of ours that it picked, few words of its own.

It writes no number, cause or advice: those are ours, chosen by id (`claims`, `catalogue`). What it writes itself is
either another wording of a statement of ours, and shown in our words, or says nothing of how it was (`prose`).
It cannot leave out what the rules recommend, and verdict, metrics and severity are not asked of it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from chaos.explain.claims import Claim
from chaos.explain.propositions import Proposition
from chaos.explain.prose import Known, quoted, sentences

MOST_SENTENCES, MOST_JOINED, MOST_OWN = 6, 3, 3
MOST_READ = 50
"""Sentences of an answer that are looked at: more explain nothing and cost time."""
MOST_RECOMMENDATIONS, MOST_ADDED = 8, 2
JOINS: Mapping[str, str] = {"and": ", and ", "but": ", but ", "whereas": ", whereas ", ";": "; "}
"""How statements may be joined: nothing that makes one the reason of another."""


class Said(BaseModel):
    """One sentence: ids of statements that are joined, or words, or words that lead to statements."""

    model_config = ConfigDict(extra="ignore", strict=True)

    ids: list[str] = Field(default=[], max_length=50)
    join: str = Field(default="and", max_length=20)
    words: str = Field(default="", max_length=8000)


class Answer(BaseModel):
    """The whole of what a model may say."""

    model_config = ConfigDict(extra="ignore", strict=True)

    summary: list[Said] = Field(max_length=50)
    recommendations: list[str] = Field(max_length=200)

    @field_validator("summary", mode="before")
    @classmethod
    def _told_as_text(cls, value: Any) -> Any:
        """A model that keeps to no schema may write text; then it is words, or an id, as all others."""
        parts = [value] if isinstance(value, str) else value
        if not isinstance(parts, list):
            return parts
        return [{"words": each} if isinstance(each, str) else each for each in parts]


def schema(claims: Sequence[str], advice: Sequence[str]) -> dict[str, Any]:
    """What an answer looks like, as strict structured output asks for it: no other id can be written.

    Source: console.groq.com/docs/structured-outputs: all properties are required, objects closed."""
    sentence = _closed(
        {
            "words": {"type": "string"},
            "ids": {"type": "array", "items": _one_of(claims)},
            "join": _one_of(list(JOINS)),
        }
    )
    return _closed(
        {
            "summary": {"type": "array", "items": sentence},
            "recommendations": {"type": "array", "items": _one_of(advice)},
        }
    )


def _one_of(ids: Sequence[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(ids)} if ids else {"type": "string"}


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


@dataclass(slots=True)
class Accepted:
    """What is left of an answer."""

    summary: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    """Those sentences of the summary that the model wrote."""
    recommendations: list[str] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    """Why -> how many sentences or ids were not shown."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What an answer is held against."""

    claims: Mapping[str, Claim]
    advice: Mapping[str, str]
    """Id -> recommendation, those of the rules among them."""
    propositions: Sequence[Proposition]
    known: Known

    def accept(self, answer: Answer) -> Accepted:
        """The part of an answer that may be shown."""
        left = Accepted()
        told: set[str] = set()
        read: list[str] = []
        for said in answer.summary:
            for text, own in self._told(said, told, read, left.dropped):
                if len(left.summary) == MOST_SENTENCES or (own and len(left.own) == MOST_OWN):
                    left.dropped["too many"] += 1
                    continue
                left.summary.append(text)
                left.own += [text] if own else []
        if len(left.own) == len(left.summary):  # words that lead to nothing
            left.dropped["words"] += len(left.own)
            left.summary, left.own = [], []
        left.recommendations = self._chosen(answer.recommendations, left.dropped)
        return left

    def _told(
        self, said: Said, told: set[str], read: list[str], dropped: Counter[str]
    ) -> Iterator[tuple[str, bool]]:
        """The sentences to show, and of each whether the model wrote it."""
        ids, words = self._written_out(said.words)
        for sentence in sentences(words):
            if len(read) >= MOST_READ:
                dropped["too many"] += 1
                continue
            read.append(sentence)
            if (id := self._meant(sentence)) is not None:
                ids.append(id)
            elif why := self._refusal(sentence):
                dropped[why] += 1
            else:
                yield _ended(sentence), True
        for id in said.ids:
            ids += [id.strip()] if id.strip() in self.claims else []
            dropped["unknown id"] += id.strip() not in self.claims
        new = [id for id in dict.fromkeys(ids) if id not in told]
        told.update(new)
        yield from ((text, False) for text in self._joined([self.claims[id] for id in new], said.join))

    def _written_out(self, words: str) -> tuple[list[str], str]:
        """The ids of the statements that stand in a text word by word, in its order, and the text without them."""
        found = {words.find(claim.text): id for id, claim in self.claims.items() if claim.text in words}
        ids = [id for _, id in sorted(found.items())]
        for id in ids:
            words = words.replace(self.claims[id].text, "\n")
        return ids, words

    def _meant(self, sentence: str) -> str | None:
        """The id of the statement that a sentence is, by name or in another wording."""
        if sentence.rstrip(".") in self.claims:
            return sentence.rstrip(".")
        return next((each.claim for each in self.propositions if each.pattern.fullmatch(sentence)), None)

    def _refusal(self, sentence: str) -> str:
        false = [each.pattern for each in self.propositions if each.claim is None]
        if any(each.fullmatch(sentence) or any(map(each.search, quoted(sentence))) for each in false):
            return "contradiction"
        return self.known.refusal(sentence)

    def _joined(self, claims: Sequence[Claim], join: str) -> Iterator[str]:
        """A few in one sentence; what stands alone by itself."""
        yield from (each.text for each in claims if each.alone)
        rest = [each.text for each in claims if not each.alone]
        for start in range(0, len(rest), MOST_JOINED):
            first, *others = rest[start : start + MOST_JOINED]
            parts = [first.rstrip("."), *(_within(each).rstrip(".") for each in others)]
            yield f"{JOINS.get(join.strip(), '; ').join(parts)}."

    def _chosen(self, ids: Sequence[str], dropped: Counter[str]) -> list[str]:
        """Those that were chosen, in that order."""
        chosen = [id for id in dict.fromkeys(each.strip() for each in ids) if id in self.advice]
        dropped["unknown id"] += sum(each.strip() not in self.advice for each in ids)
        return [self.advice[id] for id in chosen]


def all_advice(chosen: Sequence[str], own: Sequence[str]) -> list[str]:
    """What was chosen first, few of it beside what the rules recommend, and all of that."""
    added = [each for each in chosen if each not in own][:MOST_ADDED]
    first = [each for each in chosen if each in own or each in added]
    return [*first, *(each for each in own if each not in first)][:MOST_RECOMMENDATIONS]


def _within(sentence: str) -> str:
    """A sentence as a part of another: `The p95 …` becomes `the p95 …`; a name keeps its capitals."""
    small = sentence[:1].isupper() and sentence[1:2].islower()
    return sentence[:1].lower() + sentence[1:] if small else sentence


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", ":")) else f"{sentence}."
