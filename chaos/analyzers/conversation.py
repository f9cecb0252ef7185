"""Talk to Groq's API: the only file that imports its SDK, and the one place through which anything leaves for it.

Every text is redacted here, just before it is sent. The SDK's own retries are off: it would wait as long as a server
says, while we have only so many seconds. What fails is told as one sentence that says what to do about it.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from chaos.analyzers.answer import SCHEMA
from chaos.analyzers.digest import Redact
from chaos.errors import AnalyzerError
from chaos.settings import Settings

if TYPE_CHECKING:
    from groq import APIStatusError

STRICT = frozenset({"openai/gpt-oss-120b", "openai/gpt-oss-20b"})
"""Models that keep to a JSON schema. Source: console.groq.com/docs/structured-outputs."""
MOST_TOKENS_BACK = 1500
TRIES = 3
FIRST_PAUSE_S = 0.2
LEAVE_S = 1.0
"""A wait that leaves less time than this for the answer is not begun."""

_SECONDS = re.compile(r"\d{1,6}(\.\d+)?", re.ASCII)
_MODEL = re.compile(r"[\w./:-]{1,80}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Told:
    """One message."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; nothing of it is trusted."""

    content: str
    finish_reason: str
    refused: bool
    model: str


class Conversation:
    """A client for one analysis; `async with`. Counts what it cost."""

    def __init__(self, settings: Settings, redact: Redact, until: float) -> None:
        """`until`: the event loop's time by which all must be over."""
        self._settings = settings
        self._until = until
        self._redact = redact
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.first_prompt_tokens = 0
        """What the first question cost, to be compared with its estimate."""

    async def __aenter__(self) -> Self:
        key = self._settings.groq_api_key
        if key is None or not key.get_secret_value().strip():
            raise AnalyzerError("GROQ_API_KEY is not set")
        from groq import AsyncGroq

        self._client: AsyncGroq = AsyncGroq(
            api_key=key.get_secret_value().strip(),
            base_url=self._settings.groq_base_url,
            max_retries=0,
            timeout=self._settings.groq_timeout_s,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def ask(self, told: Sequence[Told], schema: Mapping[str, Any] = SCHEMA) -> Reply:
        """The next message of the model, by that schema. Raises AnalyzerError with what to do, in time."""
        from groq import GroqError

        messages = [{"role": each.role, "content": self._redact(each.text)} for each in told]
        model = self._settings.groq_model
        try:
            found = await self._patiently(lambda: self._create(model, messages, schema))
        except (GroqError, ValueError, TypeError) as error:
            raise AnalyzerError(f"Groq's answer cannot be read ({type(error).__name__})") from error
        return self._read(found, model)

    async def _create(self, model: str, messages: list[dict[str, str]], schema: Mapping[str, Any]) -> object:
        # Typed by the SDK for each model's own parameters; these are chosen by name.
        create: Callable[..., Awaitable[object]] = self._client.chat.completions.create
        return await create(
            model=model,
            messages=messages,
            temperature=0,
            seed=1,
            max_completion_tokens=MOST_TOKENS_BACK,
            **_options(model, schema),
        )

    async def _patiently(self, attempt: Callable[[], Awaitable[object]]) -> object:
        """Try again what may go better, for as long as there is time. Raises AnalyzerError."""
        from groq import APIConnectionError, APIStatusError, APITimeoutError

        for number in range(1, TRIES + 1):
            try:
                return await attempt()
            except APITimeoutError as error:
                raise AnalyzerError("Groq did not answer in time") from error
            except APIConnectionError as error:
                wait_s, why = FIRST_PAUSE_S * 2**number, AnalyzerError("the connection to Groq failed")
                why.__cause__ = error
            except APIStatusError as error:
                wait_s, why = _wait_s(error, number), await self._explained(error)
            if wait_s is None or number == TRIES or wait_s > self._left_s() - LEAVE_S:
                raise why
            await asyncio.sleep(wait_s)
        raise AssertionError("unreachable")

    def _left_s(self) -> float:
        return self._until - asyncio.get_running_loop().time()

    async def _explained(self, error: "APIStatusError") -> AnalyzerError:
        """One sentence that says what to do; nothing of the body but its code."""
        code, status, model = _code(error), error.status_code, self._settings.groq_model
        if status == 401:
            return AnalyzerError("Groq refused the key (401): check GROQ_API_KEY")
        if status == 403:
            return AnalyzerError(f"Groq does not let this key use “{model}” (403)")
        if code == "model_decommissioned" or status == 404:
            return AnalyzerError(f"Groq does not serve “{model}” ({code or status}): {await self._served()}")
        if status == 413:
            return AnalyzerError("the prompt is too large for this key's limits at Groq (413)")
        if status == 429:
            return AnalyzerError(f"Groq's rate limit is used up (429){_asks_to_wait(error)}")
        if status >= 500:
            return AnalyzerError(f"Groq failed ({status})")
        return AnalyzerError(f"Groq refused the request ({status}{f', {code}' if code else ''})")

    async def _served(self) -> str:
        """Which models to use instead: those that it serves, as far as it says."""
        from groq import GroqError

        use = f"set GROQ_MODEL to {' or '.join(sorted(STRICT))}"
        try:
            listed = await self._client.with_options(
                timeout=max(0.1, min(2.0, self._left_s() / 2))
            ).models.list()
            ids = sorted(str(each.id) for each in listed.data)
        except (GroqError, AttributeError, TypeError, ValueError):
            return use
        served = [id for id in ids if _MODEL.fullmatch(id)]
        good = [id for id in sorted(STRICT) if id in served] or served[:5]
        return f"set GROQ_MODEL to {' or '.join(good)}, which it serves now" if good else use

    def _read(self, found: object, model: str) -> Reply:
        """What a completion says, whatever it looks like. Raises AnalyzerError."""
        self._count(getattr(found, "usage", None))
        choices = getattr(found, "choices", None)
        first = choices[0] if isinstance(choices, list) and choices else None
        message = getattr(first, "message", None)
        if message is None:
            raise AnalyzerError("Groq's answer is no chat completion")
        content = getattr(message, "content", None)
        return Reply(
            content=content if isinstance(content, str) else "",
            finish_reason=str(getattr(first, "finish_reason", "")),
            refused=bool(getattr(message, "refusal", None)),
            model=model,
        )

    def _count(self, usage: object) -> None:
        there, back = (_whole(getattr(usage, f"{kind}_tokens", None)) for kind in ("prompt", "completion"))
        self.first_prompt_tokens = self.first_prompt_tokens or there
        self.prompt_tokens += there
        self.completion_tokens += back


def _options(model: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The most binding form of answer that a model offers."""
    if model not in STRICT:
        return {"response_format": {"type": "json_object"}}
    named = {"name": "answer", "strict": True, "schema": schema}
    return {
        "response_format": {"type": "json_schema", "json_schema": named},
        "reasoning_effort": "low",
        "include_reasoning": False,
    }


def _wait_s(error: "APIStatusError", number: int) -> float | None:
    """How long to wait before another try; None when none will help."""
    if error.status_code == 429:
        said = str(error.response.headers.get("retry-after", ""))
        return float(said) if _SECONDS.fullmatch(said) else FIRST_PAUSE_S * 2**number
    return FIRST_PAUSE_S * 2**number if error.status_code >= 500 or error.status_code == 408 else None


def _asks_to_wait(error: "APIStatusError") -> str:
    said = str(error.response.headers.get("retry-after", ""))
    return f"; it asks to wait {said} s" if _SECONDS.fullmatch(said) else ""


def _code(error: "APIStatusError") -> str:
    """The error's code as the API names it, when it is one word."""
    body = error.body if isinstance(error.body, dict) else {}
    inner = body.get("error")
    code = inner.get("code") if isinstance(inner, dict) else None
    return code if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,40}", code) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
