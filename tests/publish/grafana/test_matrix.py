"""A matrix of faults, on two doubles of Grafana that were written apart, each through the real mcp-grafana.

What passes by itself is asked again and nobody hears of it; what does not is said in Grafana's words; what is there
already (folder, dashboard, annotation) is there once.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from chaos.errors import PublishError
from chaos.publish.grafana import Annotation, Dispatch, Receipt, Spawned
from chaos.publish.grafana.deliver import deliver
from tests.doubles.grafana import Grafana
from tests.doubles.grafana.sources import described
from tests.doubles.grafana_by_the_book import GENERATIONS, TOKEN, ByTheBook, by_the_book
from tests.publish.grafana.stage import spawned

SAVE, FOLDERS, MARK = "POST /api/dashboards/db", "POST /api/folders", "POST /api/annotations"
SOURCES, SEARCH, LOOK = "GET /api/datasources", "GET /api/search", "GET /api/dashboards/uid/chaoslab-shop"


def drawn(uid: str, title: str) -> dict[str, Any]:
    return {"uid": uid, "title": title, "schemaVersion": 39, "panels": [], "templating": {"list": []}}


DISPATCH = Dispatch(
    dashboard=drawn("chaoslab-shop", "shop"),
    run_id="a-run",
    experiment="shop",
    prometheus_url=None,
    windows=[Annotation("slow network", "network_delay", 1_795_384_991.0, 1_795_384_999.0)],
    besides=[drawn("chaoslab-fleet", "ChaosLab · all experiments")],
)


@pytest.fixture
def book() -> Iterator[ByTheBook]:
    with by_the_book(ByTheBook()) as grafana:
        yield grafana


def delivered(grafana: ByTheBook) -> tuple[Receipt, PublishError | None]:
    return deliver(Spawned(grafana.url, TOKEN), DISPATCH, 30)


@pytest.mark.parametrize(
    ("request_line", "faults"),
    [
        (SAVE, [500, 429]),
        (SAVE, ["reset", "half"]),
        (SAVE, [503, 0, 502]),  # the second dashboard stumbles, too
        (FOLDERS, [500]),
        (FOLDERS, ["reset"]),
        (MARK, [504, "reset"]),
        (SOURCES, [500]),
        (SEARCH, [500, "reset", 429]),
        (SEARCH, [403]),
        (LOOK, [502]),
        ("GET /api/frontend/settings", ["reset"]),
    ],
    ids=lambda each: str(each).replace("/", "."),
)
def test_what_passes_is_asked_again_and_is_there_once(
    book: ByTheBook, request_line: str, faults: list[int | str]
) -> None:
    book.script = {request_line: list(faults)}
    receipt, failure = delivered(book)
    assert failure is None
    assert book.script == {request_line: []}
    assert str(receipt.link).startswith(f"{book.url}/d/chaoslab-shop")
    assert (set(book.folders), len(book.marks)) == ({"chaoslab"}, 1)
    assert {kept["meta"]["folderUid"] for kept in book.dashboards.values()} == {"chaoslab"}


@pytest.mark.parametrize(
    ("request_line", "fault", "tries", "why", "arrived"),
    [
        (SAVE, 500, 3, "[500]", False),
        (SAVE, 429, 3, "429", False),
        (SAVE, "reset", 3, "EOF", False),
        (SAVE, 401, 1, "[401]", False),
        (SAVE, 403, 1, "[403]", False),
        (SAVE, 412, 1, "[412]", False),
        (SAVE, "prose", 1, "invalid character '<'", False),
        (FOLDERS, 403, 1, "[403]", False),
        (MARK, 400, 1, "[400]", True),
        (MARK, 500, 3, "[500]", True),
    ],
)
def test_what_stays_is_said_and_not_asked_for_ever(
    book: ByTheBook, request_line: str, fault: int | str, tries: int, why: str, arrived: bool
) -> None:
    book.script = {request_line: [fault] * 9}
    receipt, failure = delivered(book)
    assert why in str(failure)
    assert book.count(request_line) == tries
    assert (receipt.link is not None) == arrived


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    ("uid", "title", "hidden"),
    [
        ("chaoslab", "ChaosLab", False),
        ("chaoslab", "ChaosLab", True),
        ("chaoslab", "Chaos of the platform team", False),
        ("made-by-hand", "ChaosLab", False),
    ],
    ids=["ours", "ours, not indexed", "renamed", "another uid"],
)
def test_a_folder_that_is_there_is_used_whatever_its_grafana_answers(
    generation: str, uid: str, title: str, hidden: bool
) -> None:
    grafana = ByTheBook(GENERATIONS[generation], hidden={uid} if hidden else set())
    grafana.add_folder(uid, title)
    with by_the_book(grafana):
        receipt, failure = delivered(grafana)
    assert failure is None
    assert receipt.link is not None
    assert set(grafana.folders) == {uid}
    assert {kept["meta"]["folderUid"] for kept in grafana.dashboards.values()} == {uid}


def test_a_folder_of_our_title_inside_another_one_is_not_ours(book: ByTheBook) -> None:
    book.add_folder("team", "Team")
    book.add_folder("nested", "ChaosLab", "team")
    assert delivered(book)[1] is None
    assert book.dashboards["chaoslab-shop"]["meta"]["folderUid"] == "chaoslab"


def test_a_folder_that_nobody_may_see_is_a_sentence_that_helps(book: ByTheBook) -> None:
    book.add_folder("secret", "ChaosLab")
    book.hidden = {"secret"}
    receipt, failure = delivered(book)
    assert "let the service account read it" in str(failure)
    assert receipt.url is None


def test_a_provisioned_fleet_is_left_and_named_once(book: ByTheBook) -> None:
    book.provisioned = {"chaoslab-fleet"}
    receipt, failure = delivered(book)
    assert failure is None
    assert receipt.doubts == ""
    assert receipt.remark == "provisioned in Grafana, and left as it is there: ChaosLab · all experiments"
    assert book.count(SAVE) == 2


def test_a_provisioned_dashboard_of_the_run_is_said(book: ByTheBook) -> None:
    book.provisioned = {"chaoslab-shop"}
    receipt, failure = delivered(book)
    assert "Cannot save provisioned dashboard" in str(failure)
    assert receipt.url is None


def test_a_second_delivery_makes_nothing_twice(book: ByTheBook) -> None:
    for _ in range(2):
        assert delivered(book)[1] is None
    assert (len(book.folders), len(book.marks), book.count(FOLDERS)) == (1, 1, 1)
    assert {uid: kept["dashboard"]["version"] for uid, kept in book.dashboards.items()} == {
        "chaoslab-shop": 2,
        "chaoslab-fleet": 1,
    }


@pytest.mark.parametrize(
    "stumbling",
    [
        {SAVE: [500, 429]},
        {FOLDERS: [502], MARK: [503]},
        {"GET /apis/dashboard.grafana.app": [503]},
        {SEARCH: [500, 500, 500]},
    ],
    ids=["save", "folder and window", "capabilities", "search"],
)
def test_the_other_double_stumbles_and_gets_it_all(grafana: Grafana, stumbling: dict[str, list[int]]) -> None:
    _source(grafana)
    grafana.stumbling = {line: list(statuses) for line, statuses in stumbling.items()}
    receipt, failure = deliver(spawned(grafana), DISPATCH, 30)
    assert failure is None
    assert receipt.link is not None
    assert (len(grafana.store.folders), len(grafana.store.annotations)) == (1, 1)


@pytest.mark.parametrize(
    ("request_line", "faults"),
    [
        (SAVE, [503, 502]),
        (SAVE, [408, 425]),
        (MARK, [504, 500]),
        (SOURCES, [500]),
        (SEARCH, [500, 429]),
        (SEARCH, [403]),
        (LOOK, [502]),
    ],
    ids=lambda each: str(each).replace("/", "."),
)
def test_the_other_double_hears_of_what_passes_again_too(
    grafana: Grafana, request_line: str, faults: list[int]
) -> None:
    _source(grafana)
    grafana.stumbling = {request_line: list(faults)}
    receipt, failure = deliver(spawned(grafana), DISPATCH, 30)
    assert failure is None
    assert receipt.link is not None
    assert (len(grafana.store.folders), len(grafana.store.annotations)) == (1, 1)


@pytest.mark.parametrize(
    ("request_line", "status", "tries", "arrived"),
    [
        (SAVE, 500, 3, False),
        (SAVE, 429, 3, False),
        (SAVE, 401, 1, False),
        (SAVE, 403, 1, False),
        (SAVE, 412, 1, False),
        (FOLDERS, 403, 1, False),
        (MARK, 400, 1, True),
        (MARK, 500, 3, True),
    ],
)
def test_the_other_double_is_not_asked_for_ever(
    new_grafana: Grafana, request_line: str, status: int, tries: int, arrived: bool
) -> None:
    _source(new_grafana)
    new_grafana.stumbling = {request_line: [status] * 9}
    receipt, failure = deliver(spawned(new_grafana), DISPATCH, 30)
    assert str(status) in str(failure)
    assert sum(call.startswith(request_line) for call in new_grafana.calls) == tries
    assert (receipt.link is not None) == arrived


@pytest.mark.parametrize("title", ["ChaosLab", "Renamed"])
def test_the_other_double_has_the_folder_already(grafana: Grafana, title: str) -> None:
    _source(grafana)
    uid = "chaoslab" if title == "Renamed" else "by-hand"
    grafana.store.folders[uid] = {"id": 9, "uid": uid, "title": title, "url": "/f", "parentUid": ""}
    assert deliver(spawned(grafana), DISPATCH, 30)[1] is None
    assert grafana.store.dashboards["chaoslab-shop"]["folder"] == uid
    assert set(grafana.store.folders) == {uid}


def test_the_other_double_has_a_provisioned_fleet(grafana: Grafana) -> None:
    _source(grafana)
    grafana.store.provisioned = {"chaoslab-fleet"}
    receipt, failure = deliver(spawned(grafana), DISPATCH, 30)
    assert failure is None
    assert receipt.left == ["ChaosLab · all experiments"]


def _source(grafana: Grafana) -> None:
    about = {"name": "P", "type": "prometheus", "uid": "p", "url": "http://127.0.0.1:1", "isDefault": True}
    grafana.store.sources["p"] = described(about, 7)
