"""gRPC's transport as Node speaks it: a front that keeps one connection of HTTP/2 to what it calls."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import lab as labs
from tests.lab import Lab

pytestmark = pytest.mark.e2e

BACK = """
const server = require("http2").createServer();
server.on("stream", (stream) => {
  stream.on("error", () => {});
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end("answer");
});
server.listen(9000, "127.0.0.1");
"""
FRONT = """
const http2 = require("http2");
let session = null;
function connected() {
  if (session === null || session.closed || session.destroyed) {
    session = http2.connect("http://127.0.0.1:9000");
    session.on("error", () => {});
  }
  return session;
}
function call(answer) {
  const stream = connected().request({ ":path": "/shop.Stock/Get", ":method": "POST" });
  let status = null;
  stream.on("response", (headers) => (status = headers["grpc-status"] || status));
  stream.on("trailers", (headers) => (status = headers["grpc-status"]));
  stream.on("data", () => {});
  stream.on("error", () => {});
  stream.on("close", () => answer(status));
  stream.end();
}
require("http").createServer((asked, answer) => {
  call((status) => {
    answer.statusCode = status === "0" || asked.url === "/safe" ? 200 : 502;
    answer.end(`grpc-status ${status}`);
  });
}).listen(8000, "127.0.0.1");
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with labs.lab(tmp_path) as made:
        yield made


def test_a_call_of_grpc_is_answered_with_its_status(lab: Lab) -> None:
    (lab.folder / "app/back.js").write_text(BACK)
    (lab.folder / "app/front.js").write_text(FRONT)
    front = {"name": "front", "command": ["node", "front.js"], "port": 8000}
    back = {"name": "back", "command": ["node", "back.js"], "port": 9000}
    away = {"type": "http_fault", "process": "back", "protocol": "http2", "grpcStatus": 14}

    def answers(name: str, path: str) -> dict[str, object]:
        probe = {"type": "http", "url": f"http://127.0.0.1:8000{path}", "every": "50ms", "timeout": "1s"}
        return {"name": name, "probe": probe, "tolerance": {"status": 200}}

    done = lab.run(
        "--json",
        lab.manifest(
            target={"app": "app", "processes": [back, front]},
            sandbox={"type": "local", "memory": "256MiB", "ttl": "2m"},
            steadyState=[answers("calls", "/"), answers("copes", "/safe")],
            method=[{"name": "away", "fault": away, "hold": "3s", "reconnect": True}],
            phases={"baseline": "2s", "recovery": "2s"},
        ),
    )
    result = done.result
    (step,) = result.steps
    assert step.landed, step.why
    assert "requests of ours ended with grpc-status 14" in step.why
    assert "HTTP/2 was read on" in step.why
    assert step.met is not None
    assert step.met.count, step.met
    assert {state.name: state.verdict.value for state in result.steady_state} == {
        "calls": "deviated",
        "copes": "held",
    }, result.why
