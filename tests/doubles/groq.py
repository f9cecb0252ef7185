"""A server that speaks Groq's API, or OpenAI's, to the real SDK: scripted answers, all failures, and all it was sent.

It is as strict as the real one where that was documented: a bearer key, the path, a known model, closed schemas
in strict mode, a schema only for models that have it. What arrives is kept as the bytes that came over the socket.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "gsk_double0000000000000000000000000000000000000000000000"
MODELS = ("openai/gpt-oss-120b", "openai/gpt-oss-20b", "qwen/qwen3.8-27b")
STRICT = MODELS[:2]


@dataclass(frozen=True)
class Asked:
    """One request as it came over the wire."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def text(self) -> str:
        """Everything that the messages say."""
        return "\n".join(message["content"] for message in self.json["messages"])


Play = Callable[["_Handler", Asked], None]


@dataclass
class Double:
    """One server. `plays` are taken one a chat request, the last one again and again."""

    url: str
    plays: list[Play] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    models: Sequence[str] = MODELS
    prefix: str = "/openai/v1"
    """Where its API is: Groq's path; of others it is `/v1`, and part of their address."""
    key: str | None = KEY
    """None: it asks for none, and must not be given one."""
    forms: Sequence[str] = ("json_schema", "json_object", "")
    """The forms of answer that it knows."""
    flooded: int = 0
    busiest: int = 0
    """How many chat requests were under way at once, at most."""
    ending: threading.Event = field(default_factory=threading.Event)

    def play(self, *plays: Play) -> None:
        """What the next requests get."""
        self.plays[:] = plays

    def next(self) -> Play:
        return self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]


def answer(content: str | Mapping[str, Any] | None, **said: Any) -> Play:
    """A chat completion: `finish_reason`, `refusal`, `usage`, `after_s` may be given."""

    def play(handler: "_Handler", asked: Asked) -> None:
        handler.double.ending.wait(said.get("after_s", 0.0))
        text = content if isinstance(content, str | None) else json.dumps(content)
        handler.reply(200, completion(text, asked, **said))

    return play


def obeying(words: Callable[[str], Mapping[str, Any]]) -> Play:
    """A model that does what it was told: `words` makes its answer from the whole prompt."""
    return lambda handler, asked: handler.reply(200, completion(json.dumps(words(asked.text)), asked))


def failure(
    status: int, code: str = "", headers: Mapping[str, str] | None = None, message: str = "no"
) -> Play:
    """An error of the API's own form."""
    body = {"error": {"message": message, "type": "invalid_request_error", "code": code or None}}
    return lambda handler, _: handler.reply(status, body, headers)


def raw(
    body: bytes,
    status: int = 200,
    kind: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Play:
    """Any bytes."""
    return lambda handler, _: handler.send(status, body, kind, headers)


def redirect(to: str, status: int = 307) -> Play:
    """Somewhere else, with the same body."""
    return lambda handler, _: handler.send(status, b"", "text/plain", {"Location": to})


def too_large_above(size: int, then: Play) -> Play:
    """413 until the request is small enough."""

    def play(handler: "_Handler", asked: Asked) -> None:
        (failure(413, "request_too_large") if len(asked.body) > size else then)(handler, asked)

    return play


def flood(most: int = 64 * 2**20) -> Play:
    """A body without an end, in chunks; `Double.flooded` is how much of it was taken."""

    def play(handler: "_Handler", _: Asked) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        part = b" " * 65536
        while handler.double.flooded < most:
            handler.wfile.write(b"10000\r\n" + part + b"\r\n")
            handler.double.flooded += len(part)

    return play


def drip() -> Play:
    """A byte now and then, for as long as somebody reads."""

    def play(handler: "_Handler", _: Asked) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not handler.double.ending.wait(0.05):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    return play


def babble(data: bytes) -> Play:
    """Bytes that are no HTTP."""

    def play(handler: "_Handler", _: Asked) -> None:
        handler.wfile.write(data)
        handler.close_connection = True

    return play


def silence() -> Play:
    """No answer for as long as the server lives."""
    return lambda handler, _: bool(handler.double.ending.wait(60)) and None


def hang_up(after: bytes = b"") -> Play:
    """The connection ends, perhaps in the middle of an answer."""

    def play(handler: "_Handler", _: Asked) -> None:
        if after:
            handler.send_response(200)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(after) + 1000))
            handler.end_headers()
            handler.wfile.write(after)
        handler.close_connection = True

    return play


def completion(content: str | None, asked: Asked, **said: Any) -> dict[str, Any]:
    """What a chat completion looks like."""
    sent = sum(len(message["content"]) for message in asked.json["messages"]) // 4
    usage = {"prompt_tokens": sent, "completion_tokens": 120, "total_tokens": sent + 120, "total_time": 0.4}
    message = {"role": "assistant", "content": content, "refusal": said.get("refusal")}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1763834590,
        "model": asked.json["model"],
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": said.get("finish_reason", "stop"),
            }
        ],
        "usage": said.get("usage", usage),
        "x_groq": {"id": "req_1"},
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    double: Double
    _turn = threading.Lock()
    _under_way = 0

    def do_GET(self) -> None:
        self._note(b"")
        if self.path == f"{self.double.prefix}/models":
            data = [{"id": id, "object": "model", "created": 1, "owned_by": "x"} for id in self.double.models]
            self.reply(200, {"object": "list", "data": data})
        else:
            self.reply(
                404, {"error": {"message": f"Unknown request URL: GET {self.path}", "code": "unknown_url"}}
            )

    def do_POST(self) -> None:
        asked = self._note(self.rfile.read(int(self.headers["Content-Length"])))
        if (wrong := _refusal(asked, self.double)) is not None:
            self.reply(*wrong)
            return
        with self._counted():
            self.double.next()(self, asked)

    def reply(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        """A JSON answer."""
        self.send(status, json.dumps(body).encode(), "application/json", headers)

    def send(self, status: int, body: bytes, kind: str, headers: Mapping[str, str] | None = None) -> None:
        """Any answer."""
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """What came is in `asked`."""

    def _note(self, body: bytes) -> Asked:
        asked = Asked(self.path, dict(self.headers), body, time.monotonic())
        self.double.asked.append(asked)
        return asked

    @contextmanager
    def _counted(self) -> Iterator[None]:
        kind = type(self)
        with self._turn:
            kind._under_way += 1
            self.double.busiest = max(self.double.busiest, kind._under_way)
        try:
            yield
        finally:
            with self._turn:
                kind._under_way -= 1


def _refusal(asked: Asked, double: Double) -> tuple[int, dict[str, Any]] | None:
    """Why the real API would not take this request."""
    if asked.path != f"{double.prefix}/chat/completions":
        return 404, {"error": {"message": f"Unknown request URL: POST {asked.path}", "code": "unknown_url"}}
    if asked.headers.get("Authorization") != (f"Bearer {double.key}" if double.key else None):
        return 401, {"error": {"message": "Invalid API Key", "code": "invalid_api_key"}}
    body = asked.json
    if body["model"] not in double.models:
        return 404, {
            "error": {"message": f"The model `{body['model']}` does not exist", "code": "model_not_found"}
        }
    form = body.get("response_format") or {}
    if form.get("type", "") not in double.forms:
        return 400, {"error": {"message": "response_format is not supported", "code": None}}
    if form.get("type") == "json_schema":
        strict, schema = form["json_schema"]["strict"], form["json_schema"]["schema"]
        known = double.prefix != "/openai/v1" or body["model"] in STRICT
        if not known or (strict and not _closed(schema)):
            return 400, {"error": {"message": "invalid schema", "code": "json_schema_invalid"}}
    if form.get("type") == "json_object" and "JSON" not in asked.text:
        return 400, {"error": {"message": "'messages' must contain the word 'json'", "code": "invalid"}}
    return None


def _closed(schema: Mapping[str, Any]) -> bool:
    """Whether every object of a schema requires all its properties and allows no others."""
    if schema.get("type") == "array":
        return _closed(schema["items"])
    if schema.get("type") != "object":
        return True
    properties = schema["properties"]
    whole = set(schema["required"]) == set(properties) and schema["additionalProperties"] is False
    return whole and all(map(_closed, properties.values()))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that hung up is what some plays are about."""


@contextmanager
def groq() -> Iterator[Double]:
    """A double on a port of its own."""
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    double = Double(f"http://127.0.0.1:{server.server_address[1]}")
    handler.double = double  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield double
    finally:
        double.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()
