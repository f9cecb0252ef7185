"""Words that a model picks, at Groq or another address. The numbers are ours, the time is bounded, and whatever goes
wrong, the rules' words stay.

1. evidence -> what may be said, by id (`claims`, `catalogue`), and a prompt within the token budget, without secrets
2. wait for one of the machine's seats, ask, and once more when the answer is not of the agreed form; a prompt that is
   too large is cut
3. accept of the answer what the gate lets through (`answer`); nothing of the rest is shown
"""

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import SecretStr, ValidationError

from chaos.analysis.record import Record
from chaos.analysis.result import Analysis, Result, Tokens, Written
from chaos.analysis.trials import shown
from chaos.errors import AnalyzerError
from chaos.events import Event
from chaos.explain import catalogue, rules
from chaos.explain.answer import Accepted, Answer, Gate, all_advice, schema
from chaos.explain.claims import claims
from chaos.explain.comparison import told
from chaos.explain.completion import Reply
from chaos.explain.conversation import Conversation, Told, TooLargeError
from chaos.explain.digest import READ_OF_LINE, Redact, clean
from chaos.explain.endpoint import Endpoint, endpoint
from chaos.explain.prompt import BUDGET, Choice, Prompt, prompt
from chaos.explain.propositions import propositions
from chaos.explain.prose import Known
from chaos.explain.redaction import Redactor, given
from chaos.runs.semaphore import seat
from chaos.settings import Settings

PRICES: Mapping[str, tuple[float, float]] = {
    "openai/gpt-oss-120b": (0.15, 0.60),
    "openai/gpt-oss-20b": (0.075, 0.30),
}
"""US dollars for a million tokens in and out, of groq.com/pricing by litellm 1.109."""
Name = Literal["groq", "llm"]
BUDGETS = (BUDGET, BUDGET // 2, BUDGET // 4)
"""Of the prompt; the next one when a server finds it too large."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One run, and all that may be said of it."""

    result: Result
    events: Sequence[Event]
    choice: Choice
    gate: Gate
    redact: Redact


async def analyze(
    result: Result, events: Sequence[Event], settings: Settings, name: Name = "groq"
) -> Analysis:
    """The analysis in words that a model picked, or the rules' with a note that says why. Never raises for its sake."""
    began = time.monotonic()
    own = result.analysis or rules.analyze(result, events)
    timeout_s = settings.llm_timeout_s if name == "llm" else settings.groq_timeout_s
    try:
        at = endpoint(name, settings)
        async with asyncio.timeout(timeout_s) as bound:
            until = bound.when() or 0.0
            said = await _explained(at, result, events, own, settings, until)
    except TimeoutError:
        note = f"{at.called} gave no whole answer within {timeout_s:g} s; these are the rules' words"
    except (AnalyzerError, OSError) as error:
        note = f"{error}; these are the rules' words"
    else:
        return said.model_copy(update={"seconds": round(time.monotonic() - began, 3)})
    return own.model_copy(update={"note": note, "seconds": round(time.monotonic() - began, 3)})


async def _explained(
    at: Endpoint, result: Result, events: Sequence[Event], own: Analysis, settings: Settings, until: float
) -> Analysis:
    redact = Redactor(_secrets(settings, shown(events, result)), addresses=settings.groq_redact_ips)
    # Reading a flood of logs takes a second or two; the bound holds meanwhile, too.
    case = await asyncio.to_thread(_case, result, events, redact)
    async with (
        seat(_seats(settings, at), settings.groq_concurrency),
        Conversation(at, redact, until) as conversation,
    ):
        asked, reply, answer = await _answer(conversation, case)
    accepted = case.gate.accept(answer)
    if not accepted.summary and not accepted.recommendations:
        raise AnalyzerError(f"nothing that {reply.model} wrote could be verified")
    dropped = +accepted.dropped
    return own.model_copy(
        update={
            "analyzer": at.name,
            "summary": _summary(result, accepted, own),
            "recommendations": all_advice(accepted.recommendations, own.recommendations),
            "model": reply.model,
            "written": Written(
                by_model=accepted.own,
                chosen=len(accepted.summary) - len(accepted.own),
                advice_chosen=len(accepted.recommendations),
                dropped=dict(sorted(dropped.items())),
            ),
            "tokens": Tokens(prompt=conversation.prompt_tokens, completion=conversation.completion_tokens),
            "cost_usd": cost_usd(at.model, conversation.prompt_tokens, conversation.completion_tokens)
            if at.name == "groq"
            else None,
            "sentences_dropped": dropped.total(),
            "note": _note(asked, conversation),
        }
    )


def _case(result: Result, events: Sequence[Event], redact: Redact) -> _Case:
    choice, held = what_may_be_said(result, events), gate(result, events, redact)
    return _Case(result, shown(events, result), choice, held, redact)


def what_may_be_said(result: Result, events: Sequence[Event]) -> Choice:
    """All that may be picked; `events` are of the whole run, all its trials."""
    stated, causes = claims(result, shown(events, result)), catalogue.causes(result, events)
    advice = {id: each.text for id, each in catalogue.recommendations(result, events).items()}
    return Choice({id: e.text for id, e in stated.items()}, {id: e.text for id, e in causes.items()}, advice)


def gate(result: Result, events: Sequence[Event], redact: Redact) -> Gate:
    """What an answer about a run is held against."""
    own = shown(events, result)
    known = {**claims(result, own), **catalogue.causes(result, events)}
    advice = {id: each.text for id, each in catalogue.recommendations(result, events).items()}
    names = frozenset(process.name for process in Record(own).plan.processes)
    lines = Record(own).of("log.captured")
    names |= {str(line.data.get("process", "")) for line in lines}
    return Gate(known, advice, propositions(known), Known(names - {""}, _finder(lines, redact)))


def _finder(lines: Sequence[Event], redact: Redact) -> Callable[[str], Iterator[tuple[str, str]]]:
    """Finds what processes wrote: as it was, and as it is sent, for a secret in it is not to be quoted."""

    def written(text: str) -> Iterator[tuple[str, str]]:
        for event in lines:
            line = str(event.data.get("line", ""))[:READ_OF_LINE]
            if text in line and text in (sent := clean(redact(line))):
                yield str(event.data.get("process", "")), sent

    return written


def _summary(result: Result, accepted: Accepted, own: Analysis) -> str:
    """Our reason first, what was accepted between, our comparison last."""
    if not accepted.summary:
        return own.summary
    return " ".join([result.why, *accepted.summary, *([told(own.previous)] if own.previous else [])])


async def _answer(conversation: Conversation, case: _Case) -> tuple[Prompt, Reply, Answer]:
    """What the model says, in the agreed form; it gets one chance to mend that. Raises AnalyzerError."""
    *shorter, last = BUDGETS
    for budget in shorter:
        try:
            return await _asked(conversation, case, budget)
        except TooLargeError:
            continue
    return await _asked(conversation, case, last)


async def _asked(conversation: Conversation, case: _Case, budget: int) -> tuple[Prompt, Reply, Answer]:
    choice = case.choice
    asked = await asyncio.to_thread(prompt, case.result, case.events, choice, case.redact, budget)
    form = schema([*choice.claims, *choice.causes], list(choice.advice))
    told = [Told("system", asked.system), Told("user", asked.evidence)]
    reply = await conversation.ask(told, form)
    try:
        return asked, reply, _read(reply)
    except ValidationError as error:
        wrong = _what_is_wrong(reply, error)
    told += [
        Told("assistant", reply.content[:2000] or "(nothing)"),
        Told("user", f"{wrong}. Answer again: only the JSON object."),
    ]
    reply = await conversation.ask(told, form)
    try:
        return asked, reply, _read(reply)
    except ValidationError as error:
        raise AnalyzerError(
            f"{reply.model} did not answer in the agreed form, twice: {_what_is_wrong(reply, error)}"
        ) from error


def _read(reply: Reply) -> Answer:
    """The answer in a message; of one in words, the object in it. Raises ValidationError."""
    said = reply.content.rpartition("</think>")[2].strip()
    if not said.startswith("{") and (found := re.search(r"\{.*\}", said, re.DOTALL)):
        said = found[0]
    return Answer.model_validate_json(said)


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


def _note(asked: Prompt, conversation: Conversation) -> str | None:
    """What a reader should know of how this came about."""
    said = []
    if asked.left_out:
        said.append(f"{asked.left_out} lines of evidence did not fit into the prompt")
    if conversation.first_prompt_tokens > asked.tokens:
        said.append(
            f"the prompt cost {conversation.first_prompt_tokens} tokens, more than the {asked.tokens} estimated"
        )
    return "; ".join(said) or None


def _secrets(settings: Settings, events: Sequence[Event]) -> list[str]:
    """Values that are secret whatever they look like: our own keys, and what processes get as such."""
    own = [v.get_secret_value() for _, v in settings if isinstance(v, SecretStr)]
    return [*own, *given(Record(events).plan, os.environ)]


def _seats(settings: Settings, at: Endpoint) -> Path:
    """Where the seats of this machine are."""
    state = settings.chaoslab_state_dir or Path.home() / ".local/state/chaoslab"
    return state / at.name
