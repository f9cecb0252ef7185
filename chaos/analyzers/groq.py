"""Words by a model at Groq. The numbers are ours, the time is bounded, and whatever goes wrong, the rules' words stay.

1. evidence -> prompt within the token budget (`prompt`), secrets and addresses taken out (`redaction`)
2. wait for one of the machine's seats, ask, and once more when the answer is not of the agreed form
3. accept of the answer what is verified (`answer`); nothing of the rest is shown
"""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr, ValidationError

from chaos.analyzers import rules
from chaos.analyzers.answer import Answer, Gate
from chaos.analyzers.claims import Claims
from chaos.analyzers.comparison import told
from chaos.analyzers.conversation import Conversation, Reply, Told
from chaos.analyzers.measurements import measurements
from chaos.analyzers.prompt import Cited, prompt
from chaos.analyzers.redaction import Redactor, given
from chaos.errors import AnalyzerError
from chaos.events import Event
from chaos.measure.record import Record
from chaos.measure.result import Analysis, Result, Tokens
from chaos.measure.trials import shown
from chaos.seats import seat
from chaos.settings import Settings

if TYPE_CHECKING:
    from chaos.analyzers.prompt import Prompt

PRICES: Mapping[str, tuple[float, float]] = {
    "openai/gpt-oss-120b": (0.15, 0.60),
    "openai/gpt-oss-20b": (0.075, 0.30),
}
"""US dollars for a million tokens in and out, of groq.com/pricing by litellm 1.109."""


async def analyze(result: Result, events: Sequence[Event], settings: Settings) -> Analysis:
    """The analysis in a model's words, or the rules' with a note that says why. Never raises for Groq's sake."""
    began = time.monotonic()
    own = result.analysis or rules.analyze(result, events)
    try:
        async with asyncio.timeout(settings.groq_timeout_s) as bound:
            until = bound.when() or 0.0
            said = await _explained(result, shown(events, result), own, settings, until)
    except TimeoutError:
        note = f"Groq gave no whole answer within {settings.groq_timeout_s:g} s; these are the rules' words"
    except (AnalyzerError, OSError) as error:
        note = f"{error}; these are the rules' words"
    else:
        return said.model_copy(update={"seconds": round(time.monotonic() - began, 3)})
    return own.model_copy(update={"note": note, "seconds": round(time.monotonic() - began, 3)})


async def _explained(
    result: Result, events: Sequence[Event], own: Analysis, settings: Settings, until: float
) -> Analysis:
    known = measurements(result, events)
    findings = {f"F{n}": Cited(*pair) for n, pair in enumerate(rules.cited(result, events), start=1)}
    redact = Redactor(_secrets(settings, events), addresses=settings.groq_redact_ips)
    gate = Gate(Claims(known, _names(result, events)), findings, result.verdict, own.severity)
    # Reading a flood of logs takes a second or two; the bound holds meanwhile, too.
    asked = await asyncio.to_thread(prompt, result, events, known, findings, redact)
    async with (
        seat(_seats(settings), settings.groq_concurrency),
        Conversation(settings, redact, until) as conversation,
    ):
        reply, answer = await _answer(conversation, asked)
    accepted = gate.accept(answer)
    if not accepted.summary and not accepted.recommendations:
        raise AnalyzerError(f"nothing that {reply.model} wrote could be verified")
    return own.model_copy(
        update={
            "analyzer": "groq",
            "summary": _summary(result, accepted.summary, own),
            "severity": accepted.severity,
            "recommendations": accepted.recommendations or own.recommendations,
            "model": reply.model,
            "tokens": Tokens(prompt=conversation.prompt_tokens, completion=conversation.completion_tokens),
            "cost_usd": cost_usd(
                settings.groq_model, conversation.prompt_tokens, conversation.completion_tokens
            ),
            "sentences_dropped": accepted.dropped,
            "note": _note(asked, conversation),
        }
    )


def _summary(result: Result, accepted: str, own: Analysis) -> str:
    """Our reason first, the model's words between, our comparison last."""
    if not accepted:
        return own.summary
    return " ".join([result.why, accepted, *([told(own.previous)] if own.previous else [])])


async def _answer(conversation: Conversation, asked: "Prompt") -> tuple[Reply, Answer]:
    """What the model says, in the agreed form; it gets one chance to mend that. Raises AnalyzerError."""
    told = [Told("system", asked.system), Told("user", asked.evidence)]
    reply = await conversation.ask(told)
    try:
        return reply, Answer.model_validate_json(reply.content)
    except ValidationError as error:
        wrong = _what_is_wrong(reply, error)
    told += [
        Told("assistant", reply.content[:2000] or "(nothing)"),
        Told("user", f"{wrong}. Answer again: only the JSON object."),
    ]
    reply = await conversation.ask(told)
    try:
        return reply, Answer.model_validate_json(reply.content)
    except ValidationError as error:
        raise AnalyzerError(
            f"{reply.model} did not answer in the agreed form, twice: {_what_is_wrong(reply, error)}"
        ) from error


def _what_is_wrong(reply: Reply, error: ValidationError) -> str:
    if reply.finish_reason == "length":
        return "The answer was cut off for its length"
    if reply.refused:
        return "The model refused to answer"
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"Not valid{f' at {where}' if where else ''}: {first['type']}"


def cost_usd(model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
    """An estimate; None for a model whose price we do not know."""
    if (price := PRICES.get(model)) is None:
        return None
    return round((prompt_tokens * price[0] + completion_tokens * price[1]) / 1e6, 6)


def _note(asked: "Prompt", conversation: Conversation) -> str | None:
    """What a reader should know of how this came about."""
    said = []
    if asked.left_out:
        said.append(f"{asked.left_out} lines of evidence did not fit into the prompt")
    if conversation.first_prompt_tokens > asked.tokens:
        said.append(
            f"the prompt cost {conversation.first_prompt_tokens} tokens, more than the {asked.tokens} estimated"
        )
    return "; ".join(said) or None


def _names(result: Result, events: Sequence[Event]) -> list[str]:
    processes = (str(p.get("name", "")) for p in Record(events).plan.get("processes") or ())
    return [
        *(state.name for state in result.steady_state),
        *(step.name for step in result.steps),
        *result.usage.disk_peak_percent,
        *processes,
    ]


def _secrets(settings: Settings, events: Sequence[Event]) -> list[str]:
    """Values that are secret whatever they look like: our own keys, and what processes get as such."""
    own = [v.get_secret_value() for _, v in settings if isinstance(v, SecretStr)]
    return [*own, *given(Record(events).plan, os.environ)]


def _seats(settings: Settings) -> Path:
    """Where the seats of this machine are."""
    state = settings.chaoslab_state_dir or Path.home() / ".local/state/chaoslab"
    return state / "groq"
