"""A web page of a stranger, in a real browser, against a console that needs no login: nothing gets through."""

import pytest
from playwright.sync_api import Page

from tests.browser_fixture import Browser, Seen
from tests.browser_fixture import browser as browser
from tests.flows.console.served import BASE, Console
from tests.flows.door.attack import ELSEWHERE, stranger

_TRIES = """async ([server]) => {
  // What came back of each attempt; an attempt that was stopped is not in it.
  const api = server + "/api/v1", got = {};
  const run = async (name, what) => {
    try { const answer = await what(); if (answer) got[name] = answer; } catch (error) { /* stopped */ }
  };
  const within = (ms, promise) =>
    Promise.race([promise, new Promise((_, no) => setTimeout(no, ms, "too late"))]);
  const start = JSON.stringify({ad_hoc: {scenario: "disk_full"}}), json = {"content-type": "application/json"};
  const blind = (path, init) => fetch(server + path, {mode: "no-cors", ...init}).then(() => "");
  const framed = markup => within(4000, new Promise(done => {
    const frame = document.createElement("iframe");
    frame.onload = () => setTimeout(done, 500, "");
    Object.assign(frame, markup);
    document.body.append(frame);
  }));
  const form = (action, type) => `<form method=post enctype="${type}" action="${server}${action}">
    <input name='{"ad_hoc": {"scenario": "disk_full"}, "x": "' value='"}'></form>
    <script>document.forms[0].submit()</scr` + "ipt>";

  await run("read", () => fetch(api + "/runs").then(r => r.text()));
  await run("start", () => fetch(api + "/runs", {method: "POST", headers: json, body: start}).then(r => r.text()));
  await run("mission", () => fetch(server + "/api/experiment/start",
      {method: "POST", headers: json, body: '{"scenario": "disk_full"}'}).then(r => r.text()));
  await run("halt", () => fetch(api + "/halt", {method: "PUT", headers: json, body: "{}"}).then(r => r.text()));
  await run("resume", () => fetch(api + "/halt", {method: "DELETE"}).then(r => r.text()));
  await run("untyped", () => blind("/api/v1/runs", {method: "POST", body: new Blob([start])}));
  await run("text", () => blind("/experiment/start", {method: "POST", body: '{"scenario": "disk_full"}'}));
  await run("beacon", async () => { navigator.sendBeacon(api + "/runs", new Blob([start])); });
  await run("event source", () => within(4000, new Promise((yes, no) => {
    const source = new EventSource(api + "/runs/x/events");
    source.onopen = () => yes("open");
    source.onerror = () => { source.close(); no(); };
  })));
  await run("socket", () => within(4000, new Promise((yes, no) => {
    const line = new WebSocket(api.replace("http", "ws") + "/runs");
    line.onopen = () => yes("open");
    line.onerror = line.onclose = no;
  })));
  await run("script", () => within(4000, new Promise((yes, no) => {
    const tag = document.createElement("script");
    [tag.onload, tag.onerror] = [() => yes("run"), no];
    tag.src = api + "/faults";
    document.head.append(tag);
  })));
  await run("style", () => within(4000, new Promise((yes, no) => {
    const tag = document.createElement("link");
    [tag.onload, tag.onerror] = [() => yes("used"), no];
    Object.assign(tag, {rel: "stylesheet", href: server + "/style.css"});
    document.head.append(tag);
  })));
  await run("form", () => framed({srcdoc: form("/api/v1/runs", "text/plain")}));
  await run("frame", () => framed({src: server + "/"}));
  await run("origin null", () => framed(
      {sandbox: "allow-scripts allow-forms", srcdoc: form("/api/v1/runs", "text/plain")}));
  return got;
}"""


def attempted(server: str, page: Page) -> tuple[dict[str, str], set[int]]:
    """What came back, and with which statuses the console answered."""
    statuses: list[int] = []
    page.on(
        "response", lambda answer: statuses.append(answer.status) if answer.url.startswith(server) else None
    )
    got: dict[str, str] = page.evaluate(_TRIES, [server])
    return got, set(statuses)


def left_behind(console: Console) -> list[str]:
    """What a page has started."""
    return [each["id"] for each in console.get("/runs?fault=disk_full")["items"]] + [
        each["id"] for each in console.get("/runs?experiment=ad-hoc-disk-full")["items"]
    ]


@pytest.mark.parametrize("origin", ["http://127.0.0.1", f"http://{ELSEWHERE}", "http://localhost"])
def test_a_page_of_another_origin_reaches_nothing(browser: Browser, console: Console, origin: str) -> None:
    before = left_behind(console)

    def look(page: Page, seen: Seen) -> tuple[dict[str, str], set[int]]:
        return attempted(console.url, page)

    with stranger() as port:
        got, statuses = browser.visit(f"{origin}:{port}/", look)

    assert got == {}
    assert statuses
    assert statuses <= {403}
    assert left_behind(console) == before
    assert not console.get("/halt")["halted"]


def test_a_host_name_of_a_stranger_that_leads_here_reaches_nothing(
    browser: Browser, console: Console
) -> None:
    """DNS rebinding: for the browser the page and the console are of one origin."""
    here, before = f"http://{ELSEWHERE}:{console.port}", left_behind(console)

    def look(page: Page, seen: Seen) -> tuple[set[int], list[str]]:
        _, statuses = attempted(here, page)
        read: str = page.evaluate("path => fetch(path).then(r => r.text())", f"{BASE}/runs")
        return statuses, [read]

    statuses, read = browser.visit(f"{here}{BASE}/health", look)
    assert statuses == {421}
    assert all("/problems/misdirected" in each for each in read)
    assert left_behind(console) == before
