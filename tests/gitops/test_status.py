"""How experiments stand: worked examples of wanted, deployed and run, and the words for them."""

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.gitops.account import LastRun, LastSync, Stall
from chaos.gitops.decide import SyncPolicy, decide, shape_of
from chaos.gitops.expected import expected, stalls
from chaos.gitops.observed import Deployed, Observed, PushRun
from chaos.gitops.status import ManifestStatus, statuses
from chaos.gitops.status_text import MOST_ROWS, age, heading, page, reasons, table
from chaos.gitops.wanted import BrokenFile, Desired, DesiredDeployment
from tests.gitops.test_decide import REPOSITORY, desired, wanted

NOW = 10_000.0


def account(**fields: object) -> LastSync:
    base = LastSync(repository=REPOSITORY, branch="main", path="experiments", commit="c0ffee", at=9_000.0)
    return replace(base, **fields)  # type: ignore[arg-type]


def deployed(one: DesiredDeployment, **fields: object) -> Deployed:
    base = Deployed(
        id=f"id of {one.name}",
        name=one.name,
        repository=REPOSITORY,
        shape=shape_of(one, desired(one)),
        paused=one.suspend,
        commit="c0ffee",
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def ended(state: str, digest: str = "1", ago_s: float = 60.0) -> LastRun:
    return LastRun(id="a run", state=state, why=f"{state} because", ended=NOW - ago_s, push_digest=digest)


def one_of(
    asked: DesiredDeployment | None = None,
    seen: Observed | None = None,
    of: LastSync | None = None,
    *more: DesiredDeployment,
) -> ManifestStatus:
    """The status of that experiment, wanted and deployed as it is unless something else is said."""
    asked = asked or wanted("a")
    seen = seen if seen is not None else Observed({"a": deployed(asked)})
    rows = statuses(of or account(), {each.name: each for each in (asked, *more)}, seen, NOW)
    return next(each for each in rows if each.name == "a")


def said(status: ManifestStatus, type_: str) -> tuple[str, str]:
    found = status.condition(type_)
    return found.status, found.reason


def test_in_line_and_never_run() -> None:
    status = one_of()
    assert (status.sync, status.verdict, status.age_s) == ("Synced", None, None)
    assert said(status, "Ready") == ("True", "Synced")
    assert said(status, "Reconciling") == ("False", "Done")
    assert said(status, "Stalled") == ("False", "Fine")
    assert said(status, "SteadyStateHeld") == ("Unknown", "NeverRan")


@pytest.mark.parametrize(
    ("state", "verdict", "condition"),
    [
        ("Held", "held", ("True", "Held")),
        ("Deviated", "deviated", ("False", "Deviated")),
        ("Inconclusive", "inconclusive", ("Unknown", "Inconclusive")),
        ("NotInjected", "inconclusive", ("Unknown", "NotInjected")),
        ("Aborted", "inconclusive", ("Unknown", "Aborted")),
        ("Crashed", "inconclusive", ("Unknown", "Crashed")),
        ("Cancelled", "inconclusive", ("Unknown", "Cancelled")),
    ],
)
def test_what_its_last_run_came_to(state: str, verdict: str, condition: tuple[str, str]) -> None:
    status = one_of(of=account(runs={"a": ended(state)}))
    assert (status.verdict, status.age_s) == (verdict, 60.0)
    assert said(status, "SteadyStateHeld") == condition


def test_a_verdict_on_what_it_was_before_a_change_says_nothing_of_today() -> None:
    status = one_of(of=account(runs={"a": ended("Held", digest="an older one")}))
    assert said(status, "SteadyStateHeld") == ("Unknown", "ChangedSince")


@pytest.mark.parametrize(
    ("seen", "sync"),
    [
        (Observed(), "Pending"),
        (Observed({"a": deployed(wanted("a", digest="2"))}), "Changed"),
        (Observed({"a": deployed(wanted("a", hypothesis="by hand"))}), "Drifted"),
    ],
)
def test_what_the_next_sync_will_do(seen: Observed, sync: str) -> None:
    status = one_of(seen=seen)
    assert status.sync == sync
    assert said(status, "Ready") == ("False", sync)
    assert said(status, "Reconciling") == ("True", sync)


def test_suspended_and_paused_by_a_person() -> None:
    assert one_of(wanted("a", suspend=True)).sync == "Suspended"
    paused = one_of(seen=Observed({"a": deployed(wanted("a"), paused=True)}))
    assert paused.sync == "Synced"
    assert "paused by a person" in paused.condition("Ready").message


def test_a_run_that_a_push_began() -> None:
    for state, reason in (("pending", "RunPending"), ("running", "Running")):
        runs = {("a", "1"): PushRun("the run", state)}  # type: ignore[arg-type]
        assert said(one_of(seen=Observed({"a": deployed(wanted("a"))}, runs)), "Reconciling") == (
            "True",
            reason,
        )


def test_one_that_waits_and_one_that_waits_in_vain() -> None:
    asked, first = wanted("a", depends_on=("b",)), wanted("b")
    seen = Observed({"a": deployed(asked), "b": deployed(first)})
    assert said(one_of(asked, seen, account(), first), "Reconciling") == ("True", "Waits")
    lost = account(runs={"b": ended("Deviated")})
    assert said(one_of(asked, seen, lost, first), "Reconciling") == ("False", "DependencyNotHeld")


def test_a_broken_file_stalls_its_experiment_or_stands_alone() -> None:
    broken = Stall("experiments/a.yaml", "Broken", "experiments/a.yaml:3:1: what is wrong")
    alone = Stall("experiments/z.yaml", "Broken", "experiments/z.yaml:1:1: empty")
    seen = Observed({"a": deployed(wanted("a"))})
    rows = statuses(account(stalls=(broken, alone)), {}, seen, NOW)
    assert [(each.name, each.sync) for each in rows] == [("a", "Stalled"), ("experiments/z.yaml", "Stalled")]
    assert said(rows[0], "Stalled") == ("True", "Broken")
    assert said(rows[1], "Ready") == ("False", "Stalled")
    assert [reasons(each) for each in rows] == [broken.why, alone.why]


def test_what_was_not_pruned_and_what_belongs_to_others() -> None:
    seen = Observed({"a": deployed(wanted("a")), "b": deployed(wanted("b"), repository="another")})
    (row,) = statuses(account(), {}, seen, NOW)
    assert (row.name, row.sync) == ("a", "Removed")
    assert said(row, "Stalled") == ("True", "Removed")


def test_where_only_prefect_knows() -> None:
    (row,) = statuses(account(commit=""), None, Observed({"a": deployed(wanted("a"))}), NOW)
    assert (row.sync, said(row, "Ready")) == ("Unfollowed", ("True", "Unfollowed"))


def test_expected_is_what_there_is_when_the_actions_are_done() -> None:
    asked = desired(wanted("new"), wanted("changed", digest="2"), wanted("paused"))
    before = Observed(
        {
            "changed": deployed(wanted("changed")),
            "gone": deployed(wanted("gone")),
            "paused": deployed(wanted("paused"), paused=True),
            "theirs": deployed(wanted("theirs"), repository="another"),
        }
    )
    actions = decide(asked, before, SyncPolicy())
    after = expected(asked, before, actions)
    assert sorted(after.deployments) == ["changed", "new", "paused", "theirs"]
    assert after.deployments["paused"].paused
    assert {one.sync for one in statuses(account(), asked.wanted, after, NOW)} == {"Synced"}
    assert after.runs[("new", "1")].state == "pending"


def test_what_stood_in_the_way_of_those_not_looked_at_still_does() -> None:
    broken = BrokenFile("experiments/b.yaml", ("experiments/b.yaml:1:1: empty",))
    asked = Desired(REPOSITORY, "c0ffee", {"a": wanted("a")}, (broken,))
    earlier = account(stalls=(Stall("z", "NameTaken", "taken"), Stall("old.yaml", "Broken", "mended since")))
    found = stalls(asked, Observed(), SyncPolicy(), earlier, frozenset({"a"}))
    assert [(each.subject, each.reason) for each in found] == [
        ("experiments/b.yaml", "Broken"),
        ("z", "NameTaken"),
    ]
    assert [each.subject for each in stalls(asked, Observed(), SyncPolicy(), earlier, None)] == [
        "experiments/b.yaml"
    ]


def test_an_account_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "copy.account"
    assert LastSync.load(file) is None
    whole = account(stalls=(Stall("a", "Broken", "why"),), runs={"a": ended("Held")})
    whole.save(file)
    assert LastSync.load(file) == whole
    assert [each.name for each in tmp_path.iterdir()] == ["copy.account"]
    for text in ("", "[]", "{}", '{"repository": 1}', file.read_text()[:-9]):
        file.write_text(text)
        assert LastSync.load(file) is None


def test_only_runs_of_what_there_is_are_remembered() -> None:
    kept = account(runs={"a": ended("Held"), "gone": ended("Held")}).with_runs(
        {"b": ended("Deviated")}, ["a", "b"]
    )
    assert sorted(kept.runs) == ["a", "b"]


def test_a_page_of_many_shows_first_what_needs_a_look() -> None:
    many = {f"n{number:04}": wanted(f"n{number:04}") for number in range(MOST_ROWS + 100)}
    seen = Observed({name: deployed(one) for name, one in many.items()})
    last = sorted(many)[-1]
    of = account(runs={last: ended("Deviated")}, stalls=(Stall("x.yaml", "Broken", "a | b <c> `d`\ne"),))
    text = page(of, statuses(of, many, seen, NOW))
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == MOST_ROWS
    assert rows[0] == "| x.yaml | Stalled | – | - | a \\| b &lt;c> \\`d\\` e |"
    assert rows[1].startswith(f"| {last} | Synced | deviated | 1m |")
    assert "601 in all: 0 held, 1 deviated, 0 inconclusive, 600 without a run; 1 stalled." in text
    assert text.endswith("… and 101 more.\n")


def test_a_table_has_columns() -> None:
    of = account(runs={"a": ended("Held")})
    rows = statuses(of, {"a": wanted("a")}, Observed({"a": deployed(wanted("a"))}), NOW)
    assert heading(of) == f"{REPOSITORY} main:experiments at c0ffee, in line since 1970-01-01T02:30:00Z"
    assert table(rows) == [
        "EXPERIMENT  SYNC    VERDICT  AGE  WHY",
        "a           Synced  held     1m   Held because",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0, "0s"), (59.9, "59s"), (60, "1m"), (7200, "2h"), (86400 * 3, "3d")],
)
def test_ages(seconds: float | None, text: str) -> None:
    assert age(seconds) == text
