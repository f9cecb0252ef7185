"""Who is asked: Groq, or the OpenAI-compatible address that the environment names. A manifest names neither."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr

from chaos.errors import AnalyzerError
from chaos.settings import Settings

STRICT = frozenset({"openai/gpt-oss-120b", "openai/gpt-oss-20b"})
"""Models of Groq that keep to a JSON schema. Source: console.groq.com/docs/structured-outputs."""
GROQ = "https://api.groq.com"

Form = Literal["schema", "object", "bare"]
"""How an answer is asked for: by a JSON schema, as any JSON object, or in words alone."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of chat completions."""

    name: Literal["groq", "llm"]
    called: str
    """As people call it, in notes."""
    base_url: str
    prefix: str
    """The path before `/chat/completions`."""
    model: str
    key: str
    """Empty: none is sent."""
    timeout_s: float
    variables: Mapping[str, str]
    """What to set, by `key` and `model`."""

    @property
    def forms(self) -> tuple[Form, ...]:
        """The forms to try, the most binding first; Groq says which of its models know a schema."""
        if self.name == "groq":
            return ("schema",) if self.model in STRICT else ("object",)
        return ("schema", "object", "bare")


def endpoint(name: Literal["groq", "llm"], settings: Settings) -> Endpoint:
    """Where that analyzer asks. Raises AnalyzerError when it is not set up."""
    if name == "llm":
        if not settings.llm_base_url:
            raise AnalyzerError("LLM_BASE_URL is not set")
        if not settings.llm_model:
            raise AnalyzerError("LLM_MODEL is not set: it is the model to ask at LLM_BASE_URL")
        variables = {"key": "LLM_API_KEY", "model": "LLM_MODEL"}
        address = _address("LLM_BASE_URL", settings.llm_base_url)
        called = f"the model server at {urlsplit(address).hostname}"
        key, timeout_s = _plain("LLM_API_KEY", settings.llm_api_key), settings.llm_timeout_s
        return Endpoint("llm", called, address, "", settings.llm_model, key, timeout_s, variables)
    if not (key := _plain("GROQ_API_KEY", settings.groq_api_key)):
        raise AnalyzerError("GROQ_API_KEY is not set")
    variables = {"key": "GROQ_API_KEY", "model": "GROQ_MODEL"}
    address = _address("GROQ_BASE_URL", settings.groq_base_url or GROQ)
    model, timeout_s = settings.groq_model, settings.groq_timeout_s
    return Endpoint("groq", "Groq", address, "/openai/v1", model, key, timeout_s, variables)


def _plain(variable: str, key: SecretStr | None) -> str:
    """The key as it is sent. Raises AnalyzerError for what fits into no header."""
    plain = key.get_secret_value().strip() if key is not None else ""
    if not (plain.isascii() and plain.isprintable()):
        raise AnalyzerError(f"{variable} holds signs that no key has")
    return plain


def _address(variable: str, url: str) -> str:
    """The address without a slash at its end. Raises AnalyzerError."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username is not None:
        raise AnalyzerError(
            f"{variable} is no address: http:// or https://, a host, perhaps a port and a path"
        )
    return url.strip().rstrip("/")
