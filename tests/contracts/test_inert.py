"""Every way out, with hostile words in every place that others write: what leaves is text, and nothing else."""

import io
import json
import logging
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

from chaos.analysis.chart import series
from chaos.analysis.judgement import judge
from chaos.analysis.result import Metrics, Result
from chaos.cli.main import cli
from chaos.errors import ChaosLabError
from chaos.events import Event
from chaos.game_days.learnt import DayReport
from chaos.gitops.account import LastRun, LastSync, Stall
from chaos.gitops.forges import Forge
from chaos.gitops.observed import Observed
from chaos.gitops.status import statuses
from chaos.gitops.status_text import heading, page, table
from chaos.publish import dashboards
from chaos.publish.notifications.bodies import generic, slack
from chaos.publish.notifications.notice import of_result
from chaos.report import day as day_page
from chaos.report import day_junit, day_lines, day_markdown, html
from chaos.report.console import TerminalProgress, closing_lines, words
from chaos.report.terminal import inert_output
from chaos.run_spec.model import RunSpec
from chaos.text.inert import in_json, inert
from flows.experiment import artifacts
from tests.game_days import a_day
from tests.publish.dashboards.known import EXPERIMENT
from tests.report.a_run import PLAN, events

HOSTILE = (
    "\x1b]0;OWNED\x07\x1b[2J\x1b[31mRED",
    "\x9b31mC1\x85next \x7fdel\x00nul\rback",
    "\u202egnp.exe\u2066x\u2069 \u061c\u200e\u200f",
    "zero\u200b\u200d\ufeff\u00adwidth\u2028line\u2029par \U000e0041tag",
    "lone \ud800 surrogate \udc80",
    "</script><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>]]>",
    "[click](javascript:alert(3)) ![x](http://h.example/leak.png) [r]: http://h.example <http://h.example>",
    "see http://h.example/x www.h.example evil@h.example # head | cell | `code` **bold** ~~gone~~ __b__",
    "<!channel> <http://h.example|bank> @channel &lt; *b* \"'><a href='javascript:alert(1)'>x</a>",
    "[red]markup[/red] [link=http://h.example]x[/link] ${__user.email} [[run]] {{ 7*7 }} %s %(x)s\n# h\n- l\n---",
)
_OURS = re.compile(
    r"run_id|digest|what|verdict|outcome|.*_at|start|end|ended|ended_because|severity|analyzer|kind|mechanism|fault|unit|type|at|"
    r"go|by|id|holds|report|prefect|dashboard|since|commit|source"
)


def poisoned(value: Any, text: str, key: str = "") -> Any:
    """Plain data with those words at the end of every text that others have a hand in."""
    if isinstance(value, str):
        return value if _OURS.fullmatch(key) or not value else value + " " + text
    if isinstance(value, dict):
        return {name: poisoned(each, text, name) for name, each in value.items()}
    return [poisoned(each, text, key) for each in value] if isinstance(value, list) else value


@cache
def _judged() -> dict[str, Any]:
    return judge(events()).model_dump(mode="json")


def result(text: str) -> Result:
    """A run of which everything is hostile."""
    text = _unicode(text)
    found = poisoned(_judged(), text)
    found["analysis"] = {
        "analyzer": "rules",
        "summary": text,
        "severity": "low",
        "recommendations": [text],
        "metrics": dict.fromkeys(Metrics.model_fields, 0.0),
        "note": text,
    }
    return Result.model_validate(found)


def day(text: str) -> DayReport:
    """The same of a game day."""
    return DayReport.model_validate(poisoned(a_day.report().model_dump(mode="json"), _unicode(text)))


def _unicode(text: str) -> str:
    """Results hold no lone surrogates: their models refuse them."""
    return text.encode(errors="replace").decode()


def told(text: str) -> list[Event]:
    """The events of a run, with hostile logs, reasons and names."""
    return [
        Event(e.type, e.at, e.data if e.type.endswith("sampled") else _poisoned(e, text), e.source)
        for e in events()
    ]


def _poisoned(event: Event, text: str) -> Any:
    data = poisoned(event.data, text)
    return data if event.type != "phase.started" else event.data


def _account(text: str) -> tuple[LastSync, Any]:
    runs = {"a": LastRun(id="1", state="Deviated", why=text, ended=1.0, push_digest="")}
    stalls = (Stall(text, "Broken", text),)
    known = LastSync(
        repository=f"/srv/{text}", branch=text, path=text, commit="c0ffee", at=1.0, stalls=stalls
    )
    found = known.with_runs(runs, {"a"})
    return found, statuses(found, {}, Observed(), 2.0)


def on_terminal(*lines: str) -> str:
    """What a terminal gets when a command prints these."""
    stream, before = io.StringIO(), sys.stdout
    sys.stdout = stream
    try:
        with inert_output():
            for line in lines:
                click.echo(line)
    finally:
        sys.stdout = before
    return stream.getvalue()


def _progress(text: str) -> str:
    stream = io.StringIO()
    with TerminalProgress(text, 5.0, stream) as progress:
        for event in told(text):
            progress(event)
        progress.line(text)
    return stream.getvalue()


def _status(text: str) -> str:
    account, rows = _account(text)
    return on_terminal(heading(account), *table(rows))


def _refused(text: str) -> str:
    """Errors of ours that quote names and files."""
    return str(ChaosLabError(f"{text}: cannot be read"))


def _log(text: str) -> str:
    """A line and an error with its traceback in the log of a flow run."""
    logger, stream = logging.getLogger("prefect.flow_runs"), io.StringIO()
    before, logger.handlers = logger.handlers, [logging.StreamHandler(stream)]  # there is no run to log of
    try:
        logger.error("%s ended: %s", "web", text)
        try:
            raise ValueError(text)
        except ValueError:
            logger.exception("failed")
    finally:
        logger.handlers = before
    return stream.getvalue()


def _forge(text: str) -> str:
    forge = Forge.of("https://github.com/a/b")
    assert forge is not None
    return str(forge._request("c0ffee", "shop", "held", text, None)[1]["description"])


def no_hidden(text: str) -> None:
    """No character that acts, hides or cannot be written."""
    found = {hex(ord(each)) for each in text if _hides(each)}
    assert not found


def _hides(sign: str) -> bool:
    return sign not in "\n\t" and unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def in_markdown(text: str) -> None:
    """No link, picture, HTML or code of theirs; headings, emphasis and lists are as without them."""
    no_hidden(text)
    harmless = _shape(artifacts.markdown(result("harmless"), "")) if text.startswith("# shop") else None
    tokens = _shape(text)
    assert not [each for each in tokens if each.startswith(("image", "html", "code", "s_open"))]
    assert "link_open" not in [
        each.partition(" ")[0] for each in tokens if "h.example" in each or "javascript" in each
    ]
    assert not re.search(r"(?<!\\)(?:https?:)//h\.example|(?<![\\.])www\.h|evil@h", text)
    if harmless is not None:
        assert [each for each in tokens if each.startswith(("heading", "list", "hr"))] == [
            each for each in harmless if each.startswith(("heading", "list", "hr"))
        ]


def _shape(text: str) -> list[str]:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    found = []
    for token in parser.parse(text):
        for each in (token, *(token.children or ())):
            found.append(f"{each.type} {each.attrs.get('href', '')}{each.attrs.get('src', '')[:60]}")
    return [each for each in found if "data:image/svg+xml" not in each]


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def in_html(text: str) -> None:
    """No element or attribute of theirs, no address that runs."""
    no_hidden(text)
    parser = _Elements()
    parser.feed(text)
    assert not {"script", "img", "iframe", "object", "embed"} & {tag for tag, _ in parser.found}
    for _, attributes in parser.found:
        assert not [name for name in attributes if name.startswith("on")]
        addresses = [attributes.get(name) or "" for name in ("href", "src", "action", "xlink:href")]
        assert not [
            each for each in addresses if re.match(r"\s*(javascript|data|vbscript):", each, re.IGNORECASE)
        ]


def in_xml(text: str) -> None:
    """Well-formed, and only elements of JUnit's."""
    no_hidden(text)
    known = {
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "error",
        "system-out",
        "properties",
        "property",
    }
    assert {each.tag for each in ElementTree.fromstring(text.partition("?>")[2]).iter()} <= known


def in_dashboard(text: str) -> None:
    """No hidden character in any text of it, and the text panel is Markdown of ours only."""
    for each in texts(json.loads(text)):
        no_hidden(each)
    for panel in json.loads(text).get("panels", ()):
        if panel["type"] == "text":
            in_markdown(panel["options"]["content"])
            assert "${__user" not in panel["options"]["content"]


def in_slack(text: str) -> None:
    """Only links of ours, nobody called, nothing linked by itself."""
    body = json.loads(text)
    for each in texts(body):
        no_hidden(each)
    marked = [body["text"], *(each["text"] for each in _marked(body))]
    assert all(each["verbatim"] is True for each in _marked(body))
    for each in marked:
        assert not re.search(r"<(?!https?://127|https?://grafana|file:)", each)
        assert not re.search(r"@channel|\]\(", each)


def in_notice(text: str) -> None:
    """The values, as a receiver has them once it has read the JSON."""
    for each in texts(json.loads(text)):
        no_hidden(each)


def one_plain_line(text: str) -> None:
    """A git note's line, a status: one line."""
    no_hidden(text)
    assert "\n" not in text
    assert len(text) <= 140


def texts(value: Any) -> Iterator[str]:
    """Every text in plain data, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from (key, *texts(each))
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def _marked(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value
        for each in value.values():
            yield from _marked(each)
    elif isinstance(value, list):
        for each in value:
            yield from _marked(each)


def _html(text: str) -> str:
    return html.render(result(text), series(told(text)), {"plan": poisoned(PLAN, text)})


def _rows(text: str) -> str:
    rows = [*artifacts.state_rows(result(text)), *artifacts.step_rows(result(text))]
    return "\n\n".join(value for row in artifacts.rendered(rows) for value in row.values())


RENDERERS: dict[str, tuple[Callable[[str], str], Callable[[str], None]]] = {
    "terminal": (lambda text: on_terminal(*closing_lines(result(text), Path("runs"))), no_hidden),
    "terminal of a day": (
        lambda text: on_terminal(*day_lines.closing_lines(day(text), Path("runs"))),
        no_hidden,
    ),
    "terminal, error": (_refused, no_hidden),
    "progress": (_progress, no_hidden),
    "words of events": (lambda text: on_terminal(*filter(None, map(words, told(text)))), no_hidden),
    "status": (_status, no_hidden),
    "json": (
        lambda text: in_json(result(text).model_dump_json()),
        no_hidden,
    ),
    "report": (_html, in_html),
    "report of a day": (lambda text: day_page.render(day(text)), in_html),
    "junit": (lambda text: day_junit.junit(day(text)), in_xml),
    "markdown": (lambda text: artifacts.markdown(result(text), ""), in_markdown),
    "rows of a table": (_rows, in_markdown),
    "markdown of a day": (lambda text: day_markdown.markdown(day(text)), in_markdown),
    "page of a repository": (lambda text: page(*_account(text)), in_markdown),
    "slack": (lambda text: json.dumps(slack(of_result(result(text)))), in_slack),
    "notice": (lambda text: json.dumps(generic(of_result(result(text)))), in_notice),
    "dashboard": (
        lambda text: json.dumps(
            dashboards.render(EXPERIMENT, result(text), RunSpec.of_journal(poisoned(PLAN, text)))
        ),
        in_dashboard,
    ),
    "dashboard of a day": (
        lambda text: json.dumps(
            dashboards.game_day(day(text), day_markdown.summary(day(text)), has_load=True)
        ),
        in_dashboard,
    ),
    "status of a commit": (_forge, one_plain_line),
    "log": (_log, no_hidden),
}


@pytest.mark.parametrize("name", RENDERERS)
def test_what_is_shown_is_inert(name: str) -> None:
    render, check = RENDERERS[name]
    for text in HOSTILE:
        check(render(text))


@pytest.mark.parametrize("check", [no_hidden, in_markdown, in_html, in_xml, in_notice])
def test_the_checkers_see_what_is_not(check: Callable[[str], None]) -> None:
    """A checker that sees nothing would prove nothing."""
    raw = {
        no_hidden: HOSTILE[0],
        in_markdown: HOSTILE[6],
        in_html: HOSTILE[5],
        in_xml: f"<?xml?><testsuite>{HOSTILE[2]}</testsuite>",
        in_notice: json.dumps({"why": HOSTILE[2]}),
    }
    with pytest.raises((AssertionError, ElementTree.ParseError)):
        check(raw[check])


def test_a_file_name_is_quoted_inert(tmp_path: Path) -> None:
    file = tmp_path / "a\x1b[31m\u202e.yaml"
    file.write_text("kind: [\n")
    done = CliRunner().invoke(cli, ["validate", str(file)])
    assert done.exit_code == 2
    no_hidden(done.output)
    assert "\\x1b[31m\\u202e.yaml:" in done.output


def test_json_means_the_same() -> None:
    whole = json.dumps({"a": "".join(HOSTILE[:4])}, ensure_ascii=False)
    assert json.loads(in_json(whole)) == json.loads(whole)
    no_hidden(in_json(whole))


def test_twice_is_once() -> None:
    for text in HOSTILE:
        assert inert(inert(text)) == inert(text)
