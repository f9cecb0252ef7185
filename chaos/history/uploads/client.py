"""The console elsewhere, as whoever delivers a run sees it: the only file that speaks its upload routes.

PUT   /uploads/runs/RUN                  who it is                -> how far it is there
PATCH /uploads/runs/RUN/journal          bytes from Upload-Offset -> where the next one goes; 409: where it does
PUT   /uploads/runs/RUN/artifacts/NAME   a file, with its digest
POST  /uploads/runs/RUN/whole            digest of the journal    -> judged there; 409: send it again
"""

import base64
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from chaos import __version__
from chaos.errors import ChaosLabError
from chaos.settings import Settings
from chaos.text.inert import one_line

CONNECT_S = 2.0
OFFSET = "Upload-Offset"
JOURNAL_TYPE = "application/x-ndjson"
FILE_TYPE = "application/octet-stream"


class NotDelivered(ChaosLabError):
    """The console did not take it; `final` when trying again is no use, `unknown` when it does not know the run."""

    def __init__(self, why: str, *, final: bool = False, unknown: bool = False) -> None:
        super().__init__(why)
        self.final = final
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class Standing:
    """What the console has of a run."""

    offset: int
    """Bytes of its journal."""
    files: Mapping[str, str]
    """Name -> SHA-256 of what was delivered under it."""
    here: bool
    """It reads the run's folder itself: nothing is to be sent."""
    whole: bool


class Console:
    """One address; for one thread, in a `with` block. Methods raise NotDelivered."""

    def __init__(self, url: str, token: str | None) -> None:
        self.shown = _address(url)
        headers = {"User-Agent": f"chaoslab/{__version__}"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(headers=headers, trust_env=False)

    @classmethod
    def configured(cls, settings: Settings) -> Self:
        """The one that the environment names."""
        token = settings.chaoslab_console_token
        if settings.chaoslab_console_url is None:
            raise NotDelivered("no console is named: set CHAOSLAB_CONSOLE_URL", final=True)
        return cls(settings.chaoslab_console_url, token.get_secret_value() if token else None)

    def open(self, run_id: str, facts: Mapping[str, Any], within_s: float) -> Standing:
        """Say which run comes; what the console has of it."""
        answer = self._ask("PUT", f"/{run_id}", within_s, json=dict(facts))
        said = self._json(answer)
        try:
            return Standing(int(said["offset"]), dict(said["files"]), bool(said["here"]), bool(said["whole"]))
        except (KeyError, TypeError, ValueError) as error:
            raise NotDelivered(f"{self.shown} does not answer as a console", final=True) from error

    def send(self, run_id: str, offset: int, data: bytes, within_s: float) -> int:
        """A piece of the journal from that byte on; where the next one begins, whatever was taken."""
        headers = {OFFSET: str(offset), "Content-Type": JOURNAL_TYPE, "Content-Encoding": "gzip"}
        body = gzip.compress(data, 5, mtime=0)
        answer = self._ask("PATCH", f"/{run_id}/journal", within_s, headers=headers, content=body)
        return self._offset(answer)

    def put(self, run_id: str, name: str, data: bytes, within_s: float) -> None:
        """A file, whole."""
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        headers = {"Repr-Digest": f"sha-256=:{digest}:", "Content-Type": FILE_TYPE}
        self._ask("PUT", f"/{run_id}/artifacts/{name}", within_s, headers=headers, content=data)

    def whole(self, run_id: str, size: int, sha256: str, within_s: float) -> int | None:
        """That was all: None when the console has it all, else from where the journal is to be sent again."""
        answer = self._ask(
            "POST", f"/{run_id}/whole", within_s, json={"journal_bytes": size, "journal_sha256": sha256}
        )
        return None if answer.is_success else self._offset(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End its connections."""
        self._client.close()

    def _ask(self, verb: str, path: str, within_s: float, **more: Any) -> httpx.Response:
        timeout = httpx.Timeout(within_s, connect=min(CONNECT_S, within_s))
        try:
            answer = self._client.request(
                verb, f"{self.shown}/api/v1/uploads/runs{path}", timeout=timeout, **more
            )
        except httpx.TimeoutException as error:
            raise NotDelivered(f"{self.shown} did not answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotDelivered(f"{self.shown} cannot be reached: {one_line(str(error))[:200]}") from error
        if answer.is_success or (answer.status_code == 409 and OFFSET in answer.headers):
            return answer
        final = answer.status_code < 500 and answer.status_code not in (408, 409, 425, 429)
        raise NotDelivered(self._words(answer), final=final, unknown=answer.status_code == 404)

    def _words(self, answer: httpx.Response) -> str:
        said = one_line(answer.text[:500])
        if answer.headers.get("content-type", "").startswith("application/problem+json"):
            said = one_line(str(self._json(answer).get("detail")))
        return f"{self.shown} said {answer.status_code}: {said[:300]}"

    def _json(self, answer: httpx.Response) -> Mapping[str, Any]:
        try:
            found = answer.json()
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {}

    def _offset(self, answer: httpx.Response) -> int:
        said = answer.headers.get(OFFSET, "")
        if not (said.isascii() and said.isdigit() and len(said) < 16):
            raise NotDelivered(f"{self.shown} does not answer as a console", final=True)
        return int(said)


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        plain = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        plain = plain and not parts.username and parts.path in ("", "/") and not parts.query
    except ValueError:
        plain = False
    if not plain:
        raise NotDelivered("CHAOSLAB_CONSOLE_URL is no address: http(s)://host:port", final=True)
    return url.rstrip("/")
