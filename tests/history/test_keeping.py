"""What is not kept is removed, and said to be; everything else stays as it was."""

from pathlib import Path

import pytest

from chaos.history.errors import BadQuestion, Gone
from chaos.history.keeping import Keep, Retention
from chaos.history.store import History
from tests.history.folders import run_folder
from tests.history.test_store import everything

NOW = 1796083200000 + 100 * 86_400_000
_DAY = 86_400_000


@pytest.mark.parametrize(
    ("words", "means"),
    [
        (
            "journals 90d 5GiB, results forever",
            {"journals": Retention(90 * _DAY, 5 * 2**30), "results": Retention()},
        ),
        ("journals 1GiB", {"journals": Retention(None, 2**30)}),
        ("results 2w", {"results": Retention(14 * _DAY)}),
        ("", {}),
    ],
)
def test_what_it_says(words: str, means: dict[str, Retention]) -> None:
    assert Keep.read(words).of == means


@pytest.mark.parametrize(
    "words",
    ["journals", "journals 90", "journals 90d 80d", "folders 1d", "journals forever 1d", "90d", "journals -1d",
     "journals 1d, journals 2d", "journals 1GiB 2GiB", "journals ٣d"],
)  # fmt: skip
def test_other_words_are_refused(words: str) -> None:
    with pytest.raises(BadQuestion, match="expected such as"):
        Keep.read(words)


def test_journals_go_and_everything_else_stays(store: History, tmp_path: Path) -> None:
    folders = [run_folder(tmp_path / "runs", each) for each in range(1, 5)]
    foreign = folders[0] / "notes.txt"
    foreign.write_text("mine")
    store.import_([tmp_path / "runs"])
    before = [each.run for each in store.page().items]
    size = (folders[0] / "journal.ndjson").stat().st_size
    dry = store.prune(f"journals {2 * size}B", NOW, dry=True)
    assert all((each / "journal.ndjson").exists() for each in folders)
    done = store.prune(f"journals {2 * size}B", NOW)
    assert done == dry
    assert (done.journals, done.results, done.freed_bytes) == (2, 0, 2 * size)
    assert [(each / "journal.ndjson").exists() for each in folders] == [False, False, True, True]
    assert foreign.read_text() == "mine"
    assert [each.run for each in store.page().items] == before
    found = store.get(folders[0].name)
    assert found is not None
    assert found.pruned == ("journal.ndjson",)
    assert store.result(folders[0].name) is not None
    assert store.check([tmp_path / "runs"], deep=True).problems == ()
    assert store.prune(f"journals {2 * size}B", NOW).journals == 0


def test_what_was_pruned_is_said_and_survives_a_lost_index(store: History, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "runs", labels={"team": "a"}, origin={"repository": "shop"})
    store.put(folder)
    then = store.get(folder.name)
    assert store.prune("results 90d, journals 90d", NOW).results == 1
    assert {each.name for each in folder.iterdir()} == {"pruned.json", "origin.json"}
    now = store.get(folder.name)
    assert then is not None
    assert now is not None
    assert (now.run, now.labels, now.steps, now.steady_states) == (
        then.run,
        then.labels,
        then.steps,
        then.steady_states,
    )
    assert now.pruned == ("journal.ndjson", "report.html", "result.json")
    with pytest.raises(Gone, match="not kept for so long"):
        store.result(folder.name)
    assert store.check(deep=True).problems == ()
    with History.open(f"sqlite:///{tmp_path}/again.db") as again:
        assert again.import_([tmp_path / "runs"]).added == 1
        assert everything(again) == everything(store)


def test_a_folder_that_holds_something_else_by_now_is_left_alone(store: History, tmp_path: Path) -> None:
    folder, other = run_folder(tmp_path, 1), run_folder(tmp_path, 2)
    store.put(folder)
    (folder / "result.json").write_bytes((other / "result.json").read_bytes())
    (refused,) = store.prune("journals 1d", NOW).refused
    assert "another run" in refused.why
    assert (folder / "journal.ndjson").exists()


def test_a_link_in_the_place_of_a_journal_is_not_followed(store: History, tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    store.put(folder)
    (folder / "journal.ndjson").unlink()
    (tmp_path / "precious").write_text("mine")
    (folder / "journal.ndjson").symlink_to(tmp_path / "precious")
    store.prune("journals 1d", NOW)
    assert (tmp_path / "precious").read_text() == "mine"
