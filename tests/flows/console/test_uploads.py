"""What may be delivered to a console, by whom, and what is refused: over the wire, as a hostile worker would."""

import base64
import gzip
import hashlib
import json
import secrets
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chaos.analysis.judgement import judge
from chaos.events import Event
from chaos.history import deliveries
from chaos.history.models import Token
from chaos.history.store import History
from tests.flows.console.alone import alone
from tests.flows.console.replaying import lines_of
from tests.flows.console.served import BASE, Console, token
from tests.lab import ROOT

HELD, DEVIATED = (ROOT / f"tests/journals/{name}.ndjson" for name in ("held", "deviated_during_the_fault"))


class Delivery:
    """One run as a worker delivers it."""

    def __init__(self, console: Console, opened: str, journal: Path = HELD) -> None:
        self.run_id = f"20261130-120000-shop-{secrets.token_hex(3)}"
        self.base = f"{BASE}/uploads/runs/{self.run_id}"
        self.client = console.client
        self.opened = {"authorization": f"Bearer {opened}"}
        self.lines = lines_of(journal, self.run_id)
        self.journal = b"".join(self.lines)
        events = [Event.from_line(each) for each in self.lines]
        self.result: dict[str, Any] = json.loads(judge(events).model_dump_json())

    def open(self, **more: Any) -> httpx.Response:
        return self.client.put(self.base, json={"experiment": "shop", **more}, headers=self.opened)

    def send(self, offset: int, data: bytes, **headers: str) -> httpx.Response:
        said = {
            "upload-offset": str(offset),
            "content-type": "application/x-ndjson",
            **self.opened,
            **headers,
        }
        return self.client.patch(f"{self.base}/journal", content=data, headers=said)

    def put(self, name: str, data: bytes, digest: str | None = None) -> httpx.Response:
        made = base64.b64encode(hashlib.sha256(data).digest()).decode()
        said = {
            "repr-digest": digest or f"sha-256=:{made}:",
            "content-type": "application/octet-stream",
            **self.opened,
        }
        return self.client.put(f"{self.base}/artifacts/{name}", content=data, headers=said)

    def whole(self, journal: bytes | None = None) -> httpx.Response:
        data = self.journal if journal is None else journal
        said = {"journal_bytes": len(data), "journal_sha256": hashlib.sha256(data).hexdigest()}
        return self.client.post(f"{self.base}/whole", json=said, headers=self.opened)

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path, headers=self.opened)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Deliveries, sessions and lists need no Prefect."""
    with alone(tmp_path_factory.mktemp("alone")) as console:
        yield console


@pytest.fixture(scope="module")
def worker(console: Console) -> str:
    return token("worker")


@pytest.fixture
def delivery(console: Console, worker: str) -> Delivery:
    return Delivery(console, worker)


def test_it_goes_on_where_it_is_and_says_so(console: Console, delivery: Delivery) -> None:
    assert delivery.open().json()["offset"] == 0
    half = len(b"".join(delivery.lines[:100]))
    assert delivery.send(0, delivery.journal[:half]).headers["upload-offset"] == str(half)
    for wrong in (0, half - 1, half + 1):
        answer = delivery.send(wrong, delivery.journal[wrong:])
        assert (answer.status_code, answer.headers["upload-offset"]) == (409, str(half))
    assert delivery.whole().headers["upload-offset"] == str(half)
    packed = gzip.compress(delivery.journal[half:])
    assert delivery.send(half, packed, **{"content-encoding": "gzip"}).status_code == 204
    assert delivery.whole().json()["type"] == "/problems/conflict"  # it has no result
    assert delivery.put("result.json", json.dumps(delivery.result).encode()).status_code == 204
    done = delivery.whole()
    assert (done.status_code, done.json()["whole"], done.json()["differs"]) == (200, True, None)
    assert delivery.whole().json() == done.json() == delivery.open().json()
    run = console.get(f"/runs/{delivery.run_id}")
    assert (run["state"], run["verdict"], run["delivery"]["journal"]) == ("ended", "held", "whole")
    assert delivery.send(len(delivery.journal), b"").status_code == 409  # it is over


def test_another_journal_than_the_workers_is_sent_anew(delivery: Delivery) -> None:
    """The worker's disk refused half a batch that we had read already, and it was rolled back."""
    delivery.open()
    delivery.send(0, delivery.journal)
    other = b"".join(delivery.lines[:-1])
    answer = delivery.whole(other)
    assert (answer.status_code, answer.headers["upload-offset"]) == (409, "0")
    assert delivery.send(0, other).status_code == 204


def test_a_torn_last_line_is_one_only_at_the_end(delivery: Delivery) -> None:
    delivery.open()
    torn = b"".join(delivery.lines[:3]) + delivery.lines[3][:20]
    assert delivery.send(0, torn).headers["upload-offset"] == str(len(torn))
    answer = delivery.send(len(torn), delivery.lines[3][20:])
    assert answer.status_code in (400, 409)
    assert delivery.send(len(torn), delivery.lines[4]).headers["upload-offset"] == str(
        len(b"".join(delivery.lines[:3]))
    )


def test_a_verdict_that_the_journal_does_not_come_to_is_not_believed(console: Console, worker: str) -> None:
    delivery = Delivery(console, worker, DEVIATED)
    lie = {**delivery.result, "verdict": "held", "why": "all is well"}
    delivery.open()
    delivery.send(0, delivery.journal)
    delivery.put("result.json", json.dumps(lie).encode())
    said = delivery.whole().json()
    assert said["differs"].startswith(
        "its worker says completed, held; its journal comes to completed, deviated"
    )
    run = console.get(f"/runs/{delivery.run_id}")
    assert (run["verdict"], run["delivery"]["why"]) == ("deviated", said["differs"])
    result = console.get(f"/runs/{delivery.run_id}/result")
    assert (result["verdict"], result["doubts"][-1]) == ("deviated", said["differs"])
    assert [each["verdict"] for each in console.get(f"/runs?q={delivery.run_id}")["items"]] == ["deviated"]


def test_a_run_belongs_to_who_brings_it(console: Console, delivery: Delivery) -> None:
    delivery.open()
    other = Delivery(console, token("worker"))
    other.base = delivery.base
    for answer in (
        other.open(),
        other.send(0, delivery.journal),
        other.put("report.html", b"<p>"),
        other.whole(),
    ):
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")
    operator = Delivery(console, token("operator"))
    operator.base = delivery.base
    assert operator.send(0, delivery.journal).status_code == 204
    viewer = Delivery(console, token("viewer"))
    assert [viewer.open().status_code, viewer.send(0, b"").status_code, viewer.whole().status_code] == [
        403
    ] * 3
    for path in ("/runs", "/runs/count", f"/runs/{delivery.run_id}", "/workers", "/metrics", "/halt"):
        assert delivery.get(BASE + path).status_code == 403, path


BAD_JOURNALS = {
    "no JSON": b"nothing\n",
    "no event": b"[]\n",
    "data that is none": b'{"type":"run.started","at":1,"data":[]}\n',
    "a time that is none": b'{"type":"x","at":NaN,"data":{}}\n',
    "nested": b'{"type":"x","at":1,"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    "a long line": b'{"type":"x","at":1,"data":{"a":"' + b"a" * 2**20 + b'"}}\n',
}


@pytest.mark.parametrize("what", BAD_JOURNALS)
def test_what_is_no_journal_is_refused(delivery: Delivery, what: str) -> None:
    delivery.open()
    answer = delivery.send(0, BAD_JOURNALS[what])
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-request")
    assert delivery.get(delivery.base).json()["offset"] == 0


def test_what_judges_badly_is_said_and_shown_without_a_mistake_of_ours(
    console: Console, delivery: Delivery
) -> None:
    """Events as they may be, that mean nothing: no page of the run fails by it."""
    delivery.open()
    lines = [
        {"type": "run.started", "at": 1, "data": {"run_id": delivery.run_id, "plan": {"declared_s": "x", "method": 7}}},
        {"type": "phase.started", "at": 2, "data": {"phase": []}},
        {"type": "load.sampled", "at": "3", "data": {"latency": {}}},
        {"type": "usage.sampled", "at": 4, "data": {"cpu": "x"}},
    ]  # fmt: skip
    delivery.send(0, b"".join(json.dumps(each).encode() + b"\n" for each in lines))
    delivery.put("result.json", json.dumps(delivery.result).encode())
    assert delivery.whole(b"").status_code == 409
    for path in ("", "/plan", "/series", "/logs", "/result", "/artifacts", "/artifacts/journal.ndjson"):
        answer = console.client.get(f"{BASE}/runs/{delivery.run_id}{path}")
        assert answer.status_code < 500, (path, answer.text)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x", {"content-encoding": "gzip"}, 400),
        (gzip.compress(b"x" * 100)[:-3], {"content-encoding": "gzip"}, 400),
        (gzip.compress(b"\n" * (5 * 2**20)), {"content-encoding": "gzip"}, 413),
        (zlib.compress(b"{}\n"), {"content-encoding": "deflate"}, 415),
        (b"x" * (4 * 2**20 + 1), {}, 413),
        (b"{}", {"content-type": "application/json"}, 415),
        (b"", {"upload-offset": "-1"}, 400),
        (b"", {"upload-offset": "x"}, 400),
    ],
    ids=["no gzip", "cut", "a bomb", "deflate", "too long", "JSON", "before the start", "no number"],
)
def test_bodies_that_lie_are_refused(
    delivery: Delivery, body: bytes, headers: dict[str, str], status: int
) -> None:
    delivery.open()
    answer = delivery.send(0, body, **headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_names_lead_nowhere_else(console: Console, delivery: Delivery) -> None:
    for name in (
        "..",
        "%2e%2e",
        "..%2f..%2fx",
        "x",
        "20261130-120000-shop-ABCDEF",
        "20261130-120000-..-abcdef",
    ):
        answer = delivery.client.put(
            f"{BASE}/uploads/runs/{name}", json={"experiment": "shop"}, headers=delivery.opened
        )
        assert answer.status_code in (400, 404, 405), (name, answer.text)
    assert delivery.open(experiment="other").status_code == 400
    delivery.open()
    for name in ("upload.json", "result.sent.json", "journal.ndjson", "..%2fx", "x.html"):
        assert delivery.put(name, b"x").status_code == 404, name
    assert delivery.put("report.html", b"x", "sha-256=:" + "A" * 43 + "=:").status_code == 400
    there = {each.name for each in deliveries.root().iterdir()}
    assert all(deliveries.is_run_id(each) for each in there)
    assert [each.name for each in (deliveries.root() / delivery.run_id).iterdir()] == ["upload.json"]


def test_a_token_that_ends_delivers_no_more(console: Console, delivery: Delivery) -> None:
    made = secrets.token_urlsafe(32)
    with History.open() as history:
        name = f"gone-{secrets.token_hex(4)}"
        history.add_token(Token(name=name, role="worker", sha256=hashlib.sha256(made.encode()).hexdigest()))
        mine = Delivery(console, made)
        assert mine.open().status_code == 200
        history.revoke_token(name, 1)
    assert mine.send(0, mine.journal).status_code == 401


def test_a_delivery_is_written_down_once(console: Console, delivery: Delivery) -> None:
    delivery.open()
    for line in delivery.lines[:5]:
        delivery.send(delivery.open().json()["offset"], line)
    with History.open() as history:
        said = [each for each in history.audit(1000) if delivery.run_id in each.on]
    assert {each.what for each in said} == {"PUT"}
