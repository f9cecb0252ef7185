"""A git repository and a real Prefect server: what a push, a hand and a deletion lead to."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chaos.gitops.decide import Action, SyncPolicy
from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.repository.source import Source
from chaos.gitops.scoped import scoped
from flows.gitops.reconciler import Synced, reconcile
from flows.server.api import Api
from tests.flows.patience import client
from tests.gitops.repository import Repository, manifest

CRON = "  schedule: {cron: '0 9 * * 1', timezone: Europe/Berlin}\n"


class Scene:
    """One repository, its mirror, and the server that is brought in line with it."""

    def __init__(self, folder: Path, api: Api, prefix: str) -> None:
        self.repository = Repository.make(folder / "repository")
        self.mirror = Mirror(Source(str(self.repository.folder)), folder / "mirrors")
        self.folder = folder
        self.prefix = prefix
        self.api = client(api.url)

    def write(self, name: str, *, hold: str = "1s", more: str = "") -> None:
        text = manifest(f"{self.prefix}-{name}", hold=hold, more=more)
        self.repository.write(f"experiments/{name}.yaml", text)

    def sync(self, policy: SyncPolicy | None = None, **options: Any) -> Synced:
        return asyncio.run(reconcile(self.mirror, self.folder / "runs", policy, **options))

    def push(self, policy: SyncPolicy | None = None, **options: Any) -> list[tuple[str, str]]:
        """Commit and reconcile; what was done, without the prefix."""
        self.repository.commit()
        return self.done(self.sync(policy, **options).actions)

    def done(self, actions: tuple[Action, ...]) -> list[tuple[str, str]]:
        return [(action.kind, action.name.removeprefix(f"{self.prefix}-")) for action in actions]

    def deployments(self) -> dict[str, dict[str, Any]]:
        """What the server has of ours."""
        body = {"deployments": {"name": {"like_": self.prefix}}}
        found = self.api.post("/deployments/filter", json=body).raise_for_status().json()
        return {each["name"].removeprefix(f"{self.prefix}-"): each for each in found}

    def runs(self, name: str) -> list[dict[str, Any]]:
        body = {"deployments": {"id": {"any_": [self.deployments()[name]["id"]]}}}
        found: list[dict[str, Any]] = self.api.post("/flow_runs/filter", json=body).raise_for_status().json()
        return [each for each in found if "push" in each["tags"]]


@pytest.fixture
def scene(prefect_server: Api, tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path, prefect_server, f"t{secrets.token_hex(4)}")
    with scene.api:
        yield scene


def test_a_push_makes_deployments_and_runs_each_once(scene: Scene) -> None:
    scene.write("a", more=CRON)
    scene.write("b", more="  suspend: true\n")
    assert scene.push() == [("create", "a"), ("create", "b"), ("run", "a")]
    a, b = scene.deployments()["a"], scene.deployments()["b"]
    assert a["description"] == f"{scene.prefix}-a holds."
    assert [each["schedule"]["cron"] for each in a["schedules"]] == ["0 9 * * 1"]
    assert a["schedules"][0]["schedule"]["timezone"] == "Europe/Berlin"
    assert a["parameters"]["manifest"] == "experiments/a.yaml"
    assert a["parameters"]["commit"] == a["labels"]["chaoslab.commit"]
    assert "hypothesis" not in a["parameter_openapi_schema"]["properties"]
    assert (a["paused"], b["paused"]) == (False, True)
    assert len(scene.runs("a")) == 1
    assert scene.sync().unchanged
    assert scene.sync(sweep=True).actions == ()


def test_the_server_s_scheduler_makes_runs_of_a_schedule(scene: Scene) -> None:
    scene.write("a", more=CRON + "  onPush: false\n")
    scene.push()
    body = {"deployments": {"id": {"any_": [scene.deployments()["a"]["id"]]}}}
    give_up_at = time.monotonic() + 60
    while len(runs := scene.api.post("/flow_runs/filter", json=body).json()) < 2:
        assert time.monotonic() < give_up_at, "a scheduler that works has made some within seconds"
        time.sleep(0.5)
    assert all(run["auto_scheduled"] for run in runs)
    mondays = {
        datetime.fromisoformat(run["expected_start_time"]).astimezone(ZoneInfo("Europe/Berlin"))
        for run in runs
    }
    assert {(at.weekday(), at.hour, at.minute) for at in mondays} == {(0, 9, 0)}


def test_only_what_changed_is_written_again(scene: Scene) -> None:
    scene.write("a", more=CRON)
    scene.write("b")
    scene.push()
    before = scene.deployments()
    scene.write("b", hold="2s")
    assert scene.push() == [("update", "b"), ("run", "b")]
    after = scene.deployments()
    assert after["a"] == before["a"]  # not even its schedule is made anew
    assert after["b"]["labels"]["chaoslab.digest"] != before["b"]["labels"]["chaoslab.digest"]
    assert len(scene.runs("b")) == 2


def test_what_was_changed_by_hand_is_healed_or_left(scene: Scene) -> None:
    scene.write("a", more=CRON)
    scene.write("b")
    scene.push()
    a, schedule = scene.deployments()["a"]["id"], scene.deployments()["a"]["schedules"][0]["id"]
    scene.api.patch(f"/deployments/{a}", json={"description": "by hand"}).raise_for_status()
    scene.api.delete(f"/deployments/{a}/schedules/{schedule}").raise_for_status()
    scene.api.post(f"/deployments/{a}/pause_deployment").raise_for_status()
    (told,) = scene.sync(SyncPolicy(heal=False), sweep=True).actions
    assert (told.kind, str(told.reason)) == ("stall", "Drifted")
    assert scene.sync(SyncPolicy(heal=False), sweep=True).actions == ()
    (action,) = scene.sync(sweep=True).actions
    assert (action.kind, str(action.reason)) == ("update", "Drifted")
    assert "cron" in action.why
    healed = scene.deployments()["a"]
    assert (healed["description"], len(healed["schedules"])) == (f"{scene.prefix}-a holds.", 1)
    assert healed["paused"]  # a person's pause stays
    assert scene.sync(sweep=True).actions == ()


def test_a_removed_one_is_pruned_and_a_broken_one_keeps_its_last_good_version(scene: Scene) -> None:
    for name in "abc":
        scene.write(name)
    scene.push()
    (scene.repository.folder / "experiments/a.yaml").unlink()
    scene.repository.write("experiments/b.yaml", "apiVersion: chaoslab/v1\nkind: Experimnt\n")
    scene.write("c", hold="2s")
    waited = scene.runs("a")[0]["id"]
    assert scene.push() == [
        ("stall", "experiments/b.yaml"),
        ("abort", "a"),
        ("prune", "a"),
        ("update", "c"),
        ("run", "c"),
    ]
    assert scene.api.get(f"/flow_runs/{waited}").json()["state_type"] == "CANCELLED"
    assert sorted(scene.deployments()) == ["b", "c"]
    assert scene.sync(sweep=True).actions == ()


def test_an_emptied_repository_prunes_nothing_unless_a_person_says_so(scene: Scene) -> None:
    scene.write("a")
    scene.write("b")
    scene.push()
    for name in "ab":
        (scene.repository.folder / f"experiments/{name}.yaml").unlink()
    assert [kind for kind, _ in scene.push()] == ["stall"]
    assert sorted(scene.deployments()) == ["a", "b"]
    gone = scene.done(scene.sync(SyncPolicy(prune_all=True)).actions)
    assert gone == [("abort", "a"), ("prune", "a"), ("abort", "b"), ("prune", "b")]
    assert scene.deployments() == {}


def test_a_dry_run_does_nothing(scene: Scene) -> None:
    scene.write("a")
    assert scene.push(dry_run=True) == [("create", "a"), ("run", "a")]
    assert scene.deployments() == {}


def test_two_repositories_may_have_the_same_name(scene: Scene, tmp_path: Path) -> None:
    scene.write("a")
    scene.push()
    before = scene.deployments()["a"]
    other = Scene(tmp_path / "other", Api(str(scene.api.base_url).rstrip("/"), ""), scene.prefix)
    other.write("a")  # the same manifest and app: the same digest
    called = scoped("a", str(other.repository.folder))
    with other.api:
        assert other.push() == [("create", "a"), ("run", "a")]
        assert sorted(scene.deployments()) == ["a", called]
        assert [len(scene.runs(name)) for name in ("a", called)] == [1, 1]
        assert scene.deployments()["a"] == before
        theirs = scene.deployments()[called]
        assert (theirs["labels"]["chaoslab.repository"], theirs["parameters"]["name"]) == (
            str(other.repository.folder),
            f"{scene.prefix}-a",
        )
        other.write("a", hold="2s")
        assert other.push() == [("update", "a"), ("run", "a")]
        assert other.sync(sweep=True).actions == ()
        (other.repository.folder / "experiments/a.yaml").unlink()
        assert other.push(SyncPolicy(prune_all=True))[-1] == ("prune", "a")
    assert scene.deployments() == {"a": before}


def test_a_newcomer_in_the_repository_does_not_take_a_deployed_name(scene: Scene) -> None:
    scene.write("r")
    scene.push()
    text = (scene.repository.folder / "experiments/r.yaml").read_text()
    scene.repository.write("experiments/dup.yaml", text.replace("hold: 1s", "hold: 2s"))
    assert scene.push() == [("stall", "experiments/dup.yaml")]
    assert scene.deployments()["r"]["parameters"]["manifest"] == "experiments/r.yaml"
    assert scene.sync(sweep=True).actions == ()


def test_a_slow_machine_does_not_bring_an_older_commit_back(scene: Scene, tmp_path: Path) -> None:
    for name in "ab":
        scene.write(name)
    elsewhere = Mirror(scene.mirror.source, tmp_path / "elsewhere")

    def pushed_and_synced_elsewhere() -> None:
        for name in "ab":
            scene.write(name, hold="2s")
        scene.repository.commit()
        assert asyncio.run(reconcile(elsewhere, tmp_path / "runs")).commit == elsewhere.head()

    seen: list[str] = []

    def after_the_first(action: Action) -> None:
        if not seen:
            with ThreadPoolExecutor(1) as other:
                other.submit(copy_context().run, pushed_and_synced_elsewhere).result()
        seen.append(action.name)

    scene.repository.commit()
    came = scene.sync(on_action=after_the_first)
    assert came.commit == scene.mirror.head()
    commits = {each["parameters"]["commit"] for each in scene.deployments().values()}
    assert commits == {came.commit}
    assert scene.sync().unchanged


def test_what_a_broken_file_kept_goes_when_the_file_does(scene: Scene) -> None:
    for name in "abc":
        scene.write(name)
    scene.push()
    (scene.repository.folder / "experiments/c.yaml").rename(scene.repository.folder / "experiments/m.yaml")
    text = (scene.repository.folder / "experiments/m.yaml").read_text()
    scene.repository.write("experiments/m.yaml", text.replace("hold: 1s", "hold: 3x"))
    assert scene.push() == [("stall", "experiments/m.yaml")]
    (scene.repository.folder / "experiments/m.yaml").unlink()
    assert scene.push() == [("abort", "c"), ("prune", "c")]
