"""What goes in comes out, in SQLite and in Postgres alike; a lost index comes back as it was."""

import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaos.history import writing
from chaos.history.errors import BadCursor, BadQuestion, HistoryError, RunNotIndexed, Unknown
from chaos.history.models import AuditRow, Filters, RunRow, Token
from chaos.history.store import History
from tests.history.folders import day_folder, run_folder

FLOW = "98d4a5e1-18c5-42b4-9f9f-b2c6e5d0b38b"


def everything(store: History) -> list[Any]:
    """Every line but who did what."""
    return [json.loads(line) for line in store.export() if '"kind": "audit"' not in line]


def some(under: Path, count: int = 12) -> list[Path]:
    kinds = ["held", "deviated_slow", "fault_did_not_land", "trials_held"]
    return [
        run_folder(under, each, f"shop-{each % 3}", kinds[each % 4], labels={"team": f"t{each % 2}"})
        for each in range(1, count + 1)
    ]


def test_a_run_goes_in_and_comes_out(store: History, tmp_path: Path) -> None:
    folder = run_folder(
        tmp_path, origin={"flow_run": FLOW, "repository": "shop", "commit": "3a1f", "machine": "m"}
    )
    assert store.put(folder) == "added"
    assert store.put(folder) == "unchanged"
    found = store.get(FLOW)
    assert found is not None
    assert found == store.get(folder.name)
    assert found.run.id == FLOW
    assert (found.run.repository, found.run.commit, found.run.verdict) == ("shop", "3a1f", "held")
    assert [(each.fault, each.landed) for each in found.steps] == [("network_delay", True)]
    assert found.steps[0].asked is not None
    assert {each.name for each in found.artifacts} == {"journal.ndjson", "result.json", "report.html"}
    assert store.result(FLOW) == (folder / "result.json").read_text()
    assert store.get("nobody") is None
    assert store.result("nobody") is None


def test_a_list_goes_on_where_it_was_while_runs_are_added(store: History, tmp_path: Path) -> None:
    folders = some(tmp_path / "a")
    assert store.import_([tmp_path / "a"]).added == len(folders)
    first = store.page(limit=5)
    store.put(run_folder(tmp_path / "b", 500))
    second = store.page(limit=5, cursor=first.next)
    third = store.page(limit=5, cursor=second.next)
    names = [each.run.run_id for page in (first, second, third) for each in page.items]
    assert names == [each.name for each in reversed(folders)]
    assert third.next is None


def test_runs_of_one_moment_are_each_listed_once(store: History, tmp_path: Path) -> None:
    for each in range(7):
        store.put(run_folder(tmp_path, each, started_at="2026-11-30T10:00:00.000Z"))
    seen, cursor = [], None
    while True:
        page = store.page(limit=2, cursor=cursor)
        seen += [each.run.id for each in page.items]
        if (cursor := page.next) is None:
            break
    assert len(seen) == len(set(seen)) == 7


COUNTED = [
    (Filters(), 12),
    (Filters(experiment="shop-1"), 4),
    (Filters(verdict="deviated"), 3),
    (Filters(outcome="completed", experiment="shop-1"), 4),
    (Filters(fault="network_delay"), 12),
    (Filters(fault="cpu_stress"), 0),
    (Filters(labels=(("team", "t1"),)), 6),
    (Filters(labels=(("team", "t1"), ("team", "t0"))), 0),
    (Filters(state="live"), 0),
    (Filters(state="ended", q="SHOP-2"), 4),
    (Filters(q="100%_"), 0),
    (Filters(since_ms=1796040002000, until_ms=1796040005000), 0),
    (Filters(repository="nobody's"), 0),
]


def test_filters_and_counts_agree(store: History, tmp_path: Path) -> None:
    some(tmp_path)
    store.import_([tmp_path])
    for filters, count in COUNTED:
        assert len(store.page(filters, 200).items) == count, filters
        assert store.counts(filters).total == count, filters
        assert sum(store.counts(filters).verdicts.values()) == count, filters


def test_what_is_counted_is_what_is_there(store: History, tmp_path: Path) -> None:
    some(tmp_path)
    store.import_([tmp_path])
    by_scan = store.counts(Filters(since_ms=0))
    assert store.counts() == by_scan
    assert by_scan.verdicts == {"held": 6, "deviated": 3, "inconclusive": 3}


ODD = [
    Filters(q="a\0b"),
    Filters(experiment="\ud800"),
    Filters(since_ms=2**70),
    Filters(state="dead"),
    Filters(labels=(("a\0", "b"),)),
]


def test_what_nobody_can_be_asked_is_refused(store: History) -> None:
    for filters in ODD:
        with pytest.raises(BadQuestion):
            store.page(filters)
        with pytest.raises(BadQuestion):
            store.counts(filters)
    for cursor in ("a", "", "====", "x" * 5000, "\ud800", "AAAAAAAAAAAAAAAA", "é"):
        with pytest.raises(BadCursor):
            store.page(cursor=cursor)


def test_a_cursor_is_of_its_filters(store: History, tmp_path: Path) -> None:
    some(tmp_path, 3)
    store.import_([tmp_path])
    cursor = store.page(limit=1).next
    with pytest.raises(BadCursor):
        store.page(Filters(verdict="held"), 1, cursor)
    with pytest.raises(BadQuestion):
        store.page(limit=0)


def test_the_trend_of_an_experiment(store: History, tmp_path: Path) -> None:
    folders = some(tmp_path)
    store.import_([tmp_path])
    points = store.trend("shop-1", 3)
    assert [each.run_id for each in points] == [each.name for each in folders if "shop-1" in each.name][-3:]
    assert all(each.latency_p95 is not None for each in points)


def test_experiments_with_their_last_runs(store: History, tmp_path: Path) -> None:
    for number in range(1, 24):
        store.put(run_folder(tmp_path, number, "shop", "held" if number % 3 else "deviated_slow"))
    store.observe(RunRow(id=FLOW, flow_run=FLOW, experiment="new", state="queued", created_ms=1))
    found = {each.experiment: each for each in store.experiments()}
    assert found["new"].of == 0
    assert (found["shop"].runs, found["shop"].of, found["shop"].proven, found["shop"].held) == (
        23,
        20,
        20,
        14,
    )
    assert found["shop"].last.run_id is not None


def test_a_queued_run_becomes_the_run_that_ended(store: History, tmp_path: Path) -> None:
    queued = RunRow(
        id=FLOW,
        flow_run=FLOW,
        experiment="shop",
        state="queued",
        created_ms=1795990000000,
        started_by="console: anna",
    )
    store.observe(queued)
    assert [each.id for each in store.live()] == [FLOW]
    folder = run_folder(tmp_path, origin={"flow_run": FLOW})
    running = replace(queued, run_id=folder.name, state="running", phase="baseline", started_by=None)
    assert store.observe(running).started_by == "console: anna"
    assert store.put(folder) == "added"
    assert store.live() == ()
    found = store.get(folder.name)
    assert found is not None
    assert (found.run.id, found.run.state, found.run.started_by) == (FLOW, "ended", "console: anna")
    late = store.observe(replace(running, phase="recovery"))
    assert (late.state, late.phase, late.verdict) == ("ended", None, "held")
    assert store.counts().total == 1


def test_a_run_that_turns_out_to_be_a_flow_run_is_one_run(store: History, tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    store.put(folder)
    store.observe(
        RunRow(id=FLOW, flow_run=FLOW, run_id=folder.name, experiment="shop", state="running", created_ms=5)
    )
    found = store.get(FLOW)
    assert found is not None
    assert (found.run.id, found.run.run_id, found.run.verdict) == (FLOW, folder.name, "held")
    assert found.steps
    assert store.put(folder) == "unchanged"


def test_two_rows_of_one_run_become_one(store: History, tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    store.put(folder)
    store.observe(RunRow(id=FLOW, flow_run=FLOW, experiment="shop", state="running", created_ms=5))
    (folder / "origin.json").write_text(json.dumps({"flow_run": FLOW}))
    store.put(folder)
    assert [each.run.id for each in store.page().items] == [FLOW]
    assert store.counts().total == 1
    assert store.check(deep=True).problems == ()


def test_a_game_day_and_its_runs_whichever_comes_first(store: History, tmp_path: Path) -> None:
    first, second = run_folder(tmp_path, 1, "shop-a"), run_folder(tmp_path, 2, "shop-b")
    day = day_folder(tmp_path, [first, second])
    store.put(first)
    store.put(day)
    store.put(second)
    assert store.put(day) == "unchanged"
    found = store.day(day.name)
    assert found is not None
    assert [each.run for each in found[1]] == [first.name, second.name]
    assert {each.run.run_id for each in store.page(Filters(game_day=day.name)).items} == {
        first.name,
        second.name,
    }
    assert [(each.id, each.verdict, each.fold) for each in store.days()] == [(day.name, "held", None)]
    assert store.check([tmp_path], deep=True).problems == ()


def test_an_index_that_was_lost_is_rebuilt_as_it_was(url: str, tmp_path: Path) -> None:
    folders = some(tmp_path / "runs")
    (folders[3] / "origin.json").write_text(
        json.dumps({"flow_run": FLOW, "machine": "here", "started_by": "push"})
    )
    day_folder(tmp_path / "runs", folders[:2])
    with History.open(url) as store:
        for each in reversed(sorted((tmp_path / "runs").iterdir())):
            store.put(each)
        before = everything(store)
    with History.open(f"sqlite:///{tmp_path}/again.db") as again:
        done = again.import_([tmp_path / "runs"])
        assert (done.added, done.aside) == (13, ())
        assert everything(again) == before
        assert again.import_([tmp_path]).unchanged == 13


def test_the_check_says_what_differs(store: History, tmp_path: Path) -> None:
    folders = some(tmp_path, 4)
    store.import_([tmp_path])
    assert store.check([tmp_path]).problems == ()
    shutil.rmtree(folders[0])
    (folders[1] / "report.html").unlink()
    shutil.copystat(folders[2] / "result.json", folders[3] / "report.html")
    text = (folders[2] / "journal.ndjson").read_bytes()
    stat = (folders[2] / "journal.ndjson").stat()
    (folders[2] / "journal.ndjson").write_bytes(text.replace(b"seq", b"sEq", 1))
    os.utime(folders[2] / "journal.ndjson", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    new = run_folder(tmp_path, 99)
    said = {each.path: each.why for each in store.check([tmp_path]).problems}
    assert "not there any more" in said[folders[0].name]
    assert "report.html is not there" in said[folders[1].name]
    assert "not in the index" in said[str(new)]
    assert folders[2].name not in said
    assert (
        "not what they were"
        in {each.path: each.why for each in store.check(deep=True).problems}[folders[2].name]
    )


def test_a_key_is_one_request(store: History) -> None:
    def ask(_: int) -> bool:
        return store.claim("anna", "key", "body", 1_000).new

    with ThreadPoolExecutor(8) as many:
        assert sum(many.map(ask, range(32))) == 1
    assert store.claim("anna", "key", "other", 2_000).same_body is False
    store.fulfil("anna", "key", "run")
    store.release("anna", "key")
    assert store.claim("anna", "key", "body", 2_000).run == "run"
    assert store.claim("bob", "key", "body", 2_000).new
    store.release("bob", "key")
    assert store.claim("bob", "key", "body", 2_000).new
    assert store.claim("anna", "key", "body", 1_000 + 24 * 3600 * 1000).new


def test_tokens_and_who_did_what(store: History) -> None:
    store.add_token(Token(name="ci", role="worker", sha256="ab", expires_ms=10))
    with pytest.raises(HistoryError, match="already"):
        store.add_token(Token(name="ci", role="worker", sha256="cd"))
    store.used_token("ci", 100_000)
    store.used_token("ci", 100_001)
    store.revoke_token("ci", 7)
    found = store.token_of("ab")
    assert found is not None
    assert (found.last_used_ms, found.revoked_ms) == (100_000, 7)
    assert store.tokens() == (found,)
    with pytest.raises(Unknown):
        store.revoke_token("ci", 8)
    ids = [
        store.add_audit(
            AuditRow(at_ms=each, who="anna", from_="127.0.0.1", what="halt", on="all", answer="200")
        )
        for each in range(3)
    ]
    assert [each.id for each in store.audit()] == sorted(ids, reverse=True)
    assert [each.at_ms for each in store.audit(before=ids[-1], limit=1)] == [1]
    lines = list(store.export())
    assert [json.loads(line)["from"] for line in lines] == ["127.0.0.1"] * 3
    assert not any('"ab"' in line for line in lines)


def test_readers_do_not_wait_for_a_writer(store: History, tmp_path: Path) -> None:
    some(tmp_path, 3)
    with ThreadPoolExecutor(4) as many:
        work = [many.submit(store.import_, [tmp_path]) for _ in range(2)] + [
            many.submit(store.page) for _ in range(20)
        ]
        for each in work:
            each.result()
    assert store.counts().total == 3


def test_what_a_writer_began_and_did_not_end_is_not_there(
    store: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_folder(tmp_path)
    tally = writing.tally

    def cut(*args: Any) -> Iterator[None]:
        tally(*args)
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(writing, "tally", cut)
        with pytest.raises(RuntimeError):
            store.put(folder)
    assert store.get(folder.name) is None
    assert store.counts().total == 0
    assert store.put(folder) == "added"


def test_another_experiments_run_is_not_replaced(store: History, tmp_path: Path) -> None:
    folder = run_folder(tmp_path, origin={"flow_run": FLOW})
    store.put(folder)
    with pytest.raises(RunNotIndexed, match="another experiment"):
        store.put(run_folder(tmp_path, 2, "other", origin={"flow_run": FLOW}))
    with pytest.raises(RunNotIndexed, match="which is run"):
        store.put(run_folder(tmp_path, 3, origin={"flow_run": FLOW}))
