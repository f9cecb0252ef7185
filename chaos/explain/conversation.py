"""Talk to a model's server: the only file that imports Groq's SDK, and the one place through which evidence leaves.

Every text is redacted here, just before it is sent. The SDK's own retries are off: it would wait as long as a server
says, while we have only so many seconds. What fails is told as one sentence that says what to do about it.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

import httpx

from chaos.errors import AnalyzerError
from chaos.explain import wire
from chaos.explain.completion import Reply, listed, reply, usage
from chaos.explain.digest import Redact
from chaos.explain.endpoint import STRICT, Endpoint, Form

if TYPE_CHECKING:
    from groq import APIConnectionError, APIStatusError

MOST_TOKENS_BACK = 1500
TRIES = 3
FIRST_PAUSE_S = 0.2
LEAVE_S = 1.0
"""A wait that leaves less time than this for the answer is not begun."""
BAD_JSON = "json_validate_failed"
"""The model wrote something that its server found to be no JSON: another try may go better."""


class TooLargeError(AnalyzerError):
    """The prompt is larger than the server takes; a shorter one may do."""


class _OtherFormError(Exception):
    """The server does not know this way to ask for JSON."""


@dataclass(frozen=True, slots=True)
class Told:
    """One message."""

    role: Literal["system", "user", "assistant"]
    text: str


class Conversation:
    """A client for one analysis; `async with`. Counts what it cost."""

    def __init__(self, at: Endpoint, redact: Redact, until: float) -> None:
        """`until`: the event loop's time by which all must be over."""
        self._at = at
        self._until = until
        self._redact = redact
        self._forms = list(at.forms)
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.first_prompt_tokens = 0
        """What the first question cost, to be compared with its estimate."""

    async def __aenter__(self) -> Self:
        try:
            from groq import AsyncGroq, Omit
        except ImportError as error:
            raise AnalyzerError(
                "the package `groq` is not installed: pip install 'chaoslab[groq]'"
            ) from error
        headers = {} if self._at.key else {"Authorization": Omit()}
        self._client: AsyncGroq = AsyncGroq(
            api_key=self._at.key or "none",
            base_url=self._at.base_url,
            default_headers=headers,  # type: ignore[arg-type]
            max_retries=0,
            http_client=wire.client(self._at.timeout_s),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def ask(self, told: Sequence[Told], schema: Mapping[str, Any]) -> Reply:
        """The next message of the model, by that schema. Raises AnalyzerError with what to do, in time."""
        from groq import GroqError

        messages = [{"role": each.role, "content": self._redact(each.text)} for each in told]
        while True:
            options = _options(self._at, self._forms[0], schema)
            body = {"model": self._at.model, "messages": messages, **options}
            try:
                found = await self._patiently(partial(self._post, body))
                return self._told(wire.parsed(found.content))
            except _OtherFormError:
                self._forms.pop(0)
            except (GroqError, ValueError, TypeError, RecursionError) as error:
                raise AnalyzerError(f"the answer of {self._at.called} cannot be read as JSON") from error

    def _told(self, found: object) -> Reply:
        there, back = usage(found)
        self.first_prompt_tokens = self.first_prompt_tokens or there
        self.prompt_tokens += there
        self.completion_tokens += back
        if (told := reply(found, self._at.model)) is None:
            raise AnalyzerError(f"the answer of {self._at.called} is no chat completion")
        return told

    async def _post(self, body: Mapping[str, Any]) -> httpx.Response:
        # As the SDK's README says under "Making custom/undocumented requests": its own path is Groq's alone.
        path = f"{self._at.prefix}/chat/completions"
        return await self._client.post(path, body=body, cast_to=httpx.Response)

    async def _patiently(self, attempt: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        """Try again what may go better, for as long as there is time. Raises AnalyzerError."""
        from groq import APIConnectionError, APIStatusError, APITimeoutError

        invalid = 0
        for number in range(1, TRIES + 1):
            try:
                return await attempt()
            except APITimeoutError as error:
                raise AnalyzerError(f"{self._at.called} did not answer in time") from error
            except APIConnectionError as error:
                wait_s, why = self._lost(error, number)
            except APIStatusError as error:
                invalid += _code(error) == BAD_JSON
                wait_s, why = self._wait_s(error, number, invalid), await self._explained(error)
            if wait_s is None or number == TRIES or wait_s > self._left_s() - LEAVE_S:
                raise why
            await asyncio.sleep(wait_s)
        raise AssertionError("unreachable")

    def _left_s(self) -> float:
        return self._until - asyncio.get_running_loop().time()

    def _lost(self, error: "APIConnectionError", number: int) -> tuple[float | None, AnalyzerError]:
        """How long to wait before another try, and what to say if there is none."""
        said, wait_s = f"the connection to {self._at.called} failed", FIRST_PAUSE_S * 2**number
        if isinstance(error.__cause__, wire.TooLongError):
            said, wait_s = f"{self._at.called} sent more than an answer can be; it was not read", None
        elif isinstance(error.__cause__, wire.PackedError):
            said, wait_s = f"{self._at.called} sent a packed answer, which nobody asked for", None
        why = AnalyzerError(said)
        why.__cause__ = error
        return wait_s, why

    def _wait_s(self, error: "APIStatusError", number: int, invalid: int) -> float | None:
        """How long to wait before another try; None when none will help."""
        pause_s = FIRST_PAUSE_S * 2.0**number
        if error.status_code == 429:
            said = wire.retry_after_s(error.response.headers.get("retry-after", ""))
            return pause_s if said is None else said
        if error.status_code >= 500 or error.status_code == 408:
            said = wire.retry_after_s(error.response.headers.get("retry-after", ""))
            return pause_s if said is None else max(said, pause_s)
        return FIRST_PAUSE_S if invalid == 1 and _code(error) == BAD_JSON else None

    async def _explained(self, error: "APIStatusError") -> AnalyzerError:
        """One sentence that says what to do; nothing of the body but its code."""
        code, status, who, model = _code(error), error.status_code, self._at.called, self._at.model
        if status in (400, 422) and len(self._forms) > 1 and code != BAD_JSON:
            raise _OtherFormError
        if 300 <= status < 400:
            return AnalyzerError(f"{who} points to another address ({status}); nothing is sent there")
        if status == 401:
            return AnalyzerError(f"{who} refused the key (401): check {self._at.variables['key']}")
        if status == 403:
            return AnalyzerError(f"{who} does not let this key use “{model}” (403)")
        if status == 404 and code in ("", "unknown_url") and self._at.name == "llm":
            return AnalyzerError(
                f"{who} has nothing there (404): LLM_BASE_URL ends with /v1 for most servers"
            )
        if code == "model_decommissioned" or status == 404:
            return AnalyzerError(f"{who} does not serve “{model}” ({code or status}): {await self._served()}")
        if status == 413:
            return TooLargeError(f"the prompt is too large for this key's limits at {who} (413)")
        if status == 429:
            return AnalyzerError(f"the rate limit of {who} is used up (429){_asks_to_wait(error)}")
        if status >= 500:
            return AnalyzerError(f"{who} failed ({status})")
        return AnalyzerError(f"{who} refused the request ({status}{f', {code}' if code else ''})")

    async def _served(self) -> str:
        """Which models to use instead: those that it serves, as far as it says."""
        from groq import GroqError

        good = sorted(STRICT) if self._at.name == "groq" else []
        use = f"set {self._at.variables['model']} to {' or '.join(good) or 'one that it serves'}"
        try:
            patience_s = max(0.1, min(2.0, self._left_s() / 2))
            client, path = self._client.with_options(timeout=patience_s), f"{self._at.prefix}/models"
            served = listed(wire.parsed((await client.get(path, cast_to=httpx.Response)).content))
        except (GroqError, ValueError, TypeError, RecursionError):
            return use
        good = [id for id in good if id in served] or served[:5]
        return (
            f"set {self._at.variables['model']} to {' or '.join(good)}, which it serves now" if good else use
        )


def _options(at: Endpoint, form: Form, schema: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked for beside the messages."""
    if form == "bare":
        return {}
    limit = "max_tokens" if at.name == "llm" and form == "object" else "max_completion_tokens"
    common = {"temperature": 0, "seed": 1, limit: MOST_TOKENS_BACK}
    if form == "object":
        return {"response_format": {"type": "json_object"}, **common}
    named = {"name": "answer", "strict": True, "schema": schema}
    of_groq = {"reasoning_effort": "low", "include_reasoning": False} if at.name == "groq" else {}
    return {"response_format": {"type": "json_schema", "json_schema": named}, **common, **of_groq}


def _asks_to_wait(error: "APIStatusError") -> str:
    wait_s = wire.retry_after_s(error.response.headers.get("retry-after", ""))
    return f"; it asks to wait {wait_s:.0f} s" if wait_s is not None else ""


def _code(error: "APIStatusError") -> str:
    """The error's code as the API names it, when it is one word."""
    body = error.body if isinstance(error.body, dict) else {}
    inner = body.get("error")
    code = inner.get("code") if isinstance(inner, dict) else None
    return code if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,40}", code) else ""
