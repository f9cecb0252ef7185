"""What a model answers, and what of it is accepted: sentences with verified numbers and plain words.

It cannot touch the metrics or the verdict, which are ours. Its severity is never below the rules', and at most one
level above it. Each recommendation must name a finding of ours and begins with that finding's evidence.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field

from chaos.analyzers.claims import Claims
from chaos.analyzers.prompt import Cited
from chaos.analyzers.prose import advises, refused, sentences
from chaos.measure.result import Severity
from chaos.verdict import Verdict

MOST_SENTENCES = 5
MOST_RECOMMENDATIONS = 6
MOST_ADVICE = 3
"""Sentences of one recommendation."""
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class Advice(_Part):
    """What to change, and the finding that calls for it."""

    finding: str = Field(max_length=100)
    advice: str = Field(max_length=4000)


class Answer(_Part):
    """The whole of what a model may say."""

    summary: str = Field(max_length=8000)
    severity: Severity
    recommendations: list[Advice] = Field(max_length=50)


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    """An object of exactly these properties, as strict structured output asks for."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


SCHEMA = _closed(
    {
        "summary": {"type": "string"},
        "severity": {"type": "string", "enum": list(SEVERITIES)},
        "recommendations": {
            "type": "array",
            "items": _closed({"finding": {"type": "string"}, "advice": {"type": "string"}}),
        },
    }
)
"""Source: console.groq.com/docs/structured-outputs: in strict mode all properties are required, objects closed."""


@dataclass(slots=True)
class Accepted:
    """What is left of an answer."""

    summary: str = ""
    severity: Severity = "low"
    recommendations: list[str] = field(default_factory=list)
    dropped: int = 0
    """Sentences that were not."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What an answer is held against."""

    claims: Claims
    findings: Mapping[str, Cited]
    verdict: Verdict
    severity: Severity
    """The rules'."""

    def accept(self, answer: Answer) -> Accepted:
        """The part of an answer that may be shown."""
        left = Accepted(severity=self._bounded(answer.severity))
        left.summary = " ".join(self._kept(answer.summary, MOST_SENTENCES, left))
        left.recommendations = list(self._advice(answer.recommendations, left))
        return left

    def _bounded(self, said: Severity) -> Severity:
        floor = SEVERITIES.index(self.severity)
        return SEVERITIES[min(max(SEVERITIES.index(said), floor), floor + 1, len(SEVERITIES) - 1)]

    def _kept(self, text: str, most: int, left: Accepted) -> Iterator[str]:
        kept = 0
        for sentence in sentences(text):
            whole = self._filled(sentence) if kept < most else None
            if whole is None:
                left.dropped += 1
            else:
                kept += 1
                yield whole

    def _filled(self, sentence: str) -> str | None:
        if refused(self.claims.without_names(sentence), self.verdict):
            return None
        return self.claims.filled(_ended(sentence))

    def _advice(self, given: list[Advice], left: Accepted) -> Iterator[str]:
        """One a finding, in its order."""
        used: set[str] = set()
        for each in given:
            cited = self.findings.get(each.finding.strip())
            kept = list(self._kept(each.advice, MOST_ADVICE, left)) if cited else []
            words = " ".join(kept)
            if cited is None:
                left.dropped += len(sentences(each.advice))
            elif not advises(words) or each.finding in used or len(used) == MOST_RECOMMENDATIONS:
                left.dropped += len(kept)
            else:
                used.add(each.finding)
                yield f"{cited.evidence} {words}"


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
