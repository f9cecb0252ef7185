"""The report: whole, self-contained, small, and unmoved by hostile words."""

import re
import time
from html.parser import HTMLParser

import pytest

from chaos.analysis import judge, series
from chaos.analysis.result import LogLine
from chaos.events import Event
from chaos.report import html
from tests.report.a_run import PLAN, START, events
from tests.report.conftest import Judged

HOSTILE = (
    "</script></style><img src=x onerror=alert(1)> {{ 7*7 }} {% raw %} \"'& \n\u202e\x1b[31m\x00\ud800 שלום "
    + "x" * 5000
)


class Tags(HTMLParser):
    """Every element of a page, with its attributes, and whether all were closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "rect", "line", "path", "circle"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(run: Judged) -> str:
    return html.render(*run)


def hostile(run: Judged) -> Judged:
    """The same run with hostile words in everything that a person or an app can write."""
    result, _, started = run
    step = result.steps[0].model_copy(
        update={"name": HOSTILE, "why": HOSTILE, "residue": [HOSTILE], "asked": {HOSTILE: HOSTILE}}
    )
    state = result.steady_state[0].model_copy(update={"name": HOSTILE, "why": HOSTILE, "tolerance": HOSTILE})
    analysis = (
        result.analysis.model_copy(update={"summary": HOSTILE, "recommendations": [HOSTILE]})
        if result.analysis
        else None
    )
    line = LogLine(at="not a moment", process=HOSTILE, stream="stderr", line=HOSTILE)
    words = {key: HOSTILE for key in ("run_id", "experiment", "digest", "why", "hypothesis", "started_at")}
    links = result.links.model_copy(
        update={"dashboard": "javascript:alert(1)", "prefect": f'http://x/"{HOSTILE}'}
    )
    parts = {
        "steps": [step],
        "steady_state": [state],
        "analysis": analysis,
        "log": [line],
        "labels": {HOSTILE: HOSTILE},
    }
    process = {"name": HOSTILE, "command": [HOSTILE]}
    plan = PLAN | {"processes": [process], "load": PLAN["load"] | {"url": HOSTILE}}
    named = series(events())
    named.probes = [(HOSTILE, looks) for _, looks in named.probes]
    named.faults = [(HOSTILE, start, end) for _, start, end in named.faults]
    named.disk = {HOSTILE: [(START, 1.0), (START + 50, 99.0)]}
    changed = result.model_copy(update=words | parts | {"doubts": [HOSTILE], "links": links})
    return Judged(
        changed, named, dict(started) | {"plan": plan, "versions": {HOSTILE: HOSTILE}, "seed": HOSTILE}
    )


def test_says_what_matters_first(page: str) -> None:
    text = re.sub(r"<[^>]+>", " ", page[page.index("<body") :])
    top = ["shop-network-delay", "Checkout answers within", "Held", "exit code 0", "Recovered in", "Timeline"]
    rest = ["Steady states", "Asked and delivered", "Analysis", "Log excerpt", "What was run", "Repeat it"]
    order = top + rest
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_shows_asked_and_delivered_with_the_interval(page: str) -> None:
    row = page[page.index("<td>delay</td>") :][:300].replace("\u00a0", " ")
    assert "300 ms" in row
    assert re.search(r"300\.\d ms .*95 %: 300\.\d–300\.\d ms, 299 samples", row)


def test_says_first_that_something_never_came_back(run: Judged) -> None:
    changes = {"recovery_time_seconds": None, "recovery_bad": 9}
    lost = run.result.steady_state[0].model_copy(update=changes)
    page = html.render(run.result.model_copy(update={"steady_state": [lost]}), run.series, run.started)
    assert '<dd class="value">not by the end</dd><dd class="beside">healthy</dd>' in page


def test_says_how_it_was_run_in_units(page: str) -> None:
    assert "network_delay (delay 300ms, process web), held for 60" in page
    assert "error_rate is not “at most 50%” for 3" in page
    assert "web: python3 web.py (port 8000)" in page
    assert "chaoslab analyze journal.ndjson" in page


def test_needs_no_network_no_script_and_nothing_beside_it(page: str) -> None:
    tags = Tags(page)
    assert tags.open == []
    names = {name for name, _ in tags.found}
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form"}
    addresses = [
        v
        for _, a in tags.found
        for k, v in a.items()
        if k in {"src", "href", "xlink:href", "action", "srcset"}
    ]
    assert addresses == []
    assert not any(key.startswith("on") for _, attributes in tags.found for key in attributes)
    assert "default-src &#39;none&#39;" not in page
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"" in page
    assert not re.search(r"url\(|@import", page)


def test_is_small(page: str) -> None:
    assert len(page.encode()) < 400_000


def test_hostile_words_stay_words(run: Judged) -> None:
    page = html.render(*hostile(run))
    tags = Tags(page)
    assert tags.open == []
    assert not {name for name, _ in tags.found} & {"script", "img"}
    assert "{{ 7*7 }}" in page
    assert "49" not in re.findall(r"raw %} .{0,3}49", page)
    assert [a["href"] for _, a in tags.found if a.get("href")] == [
        next(a["href"] for _, a in tags.found if a.get("href"))
    ]
    assert not any((a.get("href") or "").startswith("javascript") for _, a in tags.found)
    assert "\u202e" not in page
    assert "\x00" not in page
    page.encode()  # no lone surrogate is left
    assert len(page.encode()) < 1_000_000


@pytest.mark.parametrize(
    "found",
    [
        [],
        [Event("run.started", START, {"run_id": "r", "experiment": "e", "plan": PLAN}, "host")],
        events()[:40],
        [event for event in events() if event.at < START + 5],
        [event for event in events() if event.at < START + 30],
        [event for event in events() if event.type not in {"load.sampled", "usage.sampled", "probe.sampled"}],
    ],
    ids=["nothing", "only started", "no phase", "died in the baseline", "died under the fault", "no samples"],
)
def test_a_run_that_went_nowhere_is_still_reported(found: list[Event]) -> None:
    page = html.render(
        judge(found), series(found), next((e.data for e in found if e.type == "run.started"), None)
    )
    assert Tags(page).open == []
    assert "Held" not in page
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).lower().replace("financ", "")


def test_is_quick(run: Judged) -> None:
    html.render(*run)
    took = []
    for _ in range(5):
        began = time.process_time()
        html.render(*run)
        took.append(time.process_time() - began)
    assert min(took) < 0.1
