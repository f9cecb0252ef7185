"""Several ways in, one reconciliation: the notification of a webhook, the flow on its interval, all at once."""

import asyncio
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.states import Scheduled

from chaos.gitops.decide import Action, Reason, SyncPolicy
from chaos.gitops.repository.source import Source, SourceError
from chaos.gitops.wanted import Desired
from flows.gitops.deployments import Deployments
from flows.gitops.flow import reconcile
from flows.gitops.late_runs import cancel_late
from flows.gitops.reconciler import Synced
from flows.gitops.schedule import schedule
from flows.gitops.watcher import MOST_PATIENCE_S, OURS, Following, Notifier, _patience_s, follow
from flows.server.api import Api
from tests.flows.patience import client
from tests.gitops.repository import Repository, manifest


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """One experiment that nothing runs."""
    made = Repository.make(tmp_path / f"r{secrets.token_hex(4)}")
    made.write("experiments/one.yaml", manifest(made.folder.name, more="  onPush: false\n"))
    made.commit()
    return made


@pytest.fixture
def api(prefect_server: Api) -> Iterator[httpx.Client]:
    with client(prefect_server.url) as one:
        yield one


def following(repository: Repository, **options: Any) -> Following:
    return Following([Source(str(repository.folder))], SyncPolicy(), repository.folder / "runs", **options)


def test_a_bell_is_heard_and_only_by_those_it_was_rung_for(
    repository: Repository, api: httpx.Client, tmp_path: Path
) -> None:
    """The next look is an hour away; the notification is what makes it happen."""
    other = Repository.make(tmp_path / f"o{secrets.token_hex(4)}")
    other.commit()
    sources = [Source(str(one.folder)) for one in (repository, other)]
    everything = Following(sources, SyncPolicy(run_on_push=False), tmp_path / "runs", every_s=3600)

    async def scene() -> list[Synced]:
        notifier, done = Notifier(), asyncio.Queue[Synced]()

        def tell(what: Action | Synced) -> None:
            if isinstance(what, Synced):
                done.put_nowait(what)

        task = asyncio.create_task(follow(everything, print, tell, notifier))
        async with asyncio.timeout(120):
            first = [await done.get(), await done.get()]
            repository.write("experiments/one.yaml", manifest(repository.folder.name, hold="2s"))
            repository.commit()
            notifier.notify(sources[0])
            third = await done.get()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return [*first, third]

    looks = asyncio.run(scene())
    assert [each.repository for each in looks] == [sources[0].name, sources[1].name, sources[0].name]
    assert [each.kind for each in looks[2].actions] == ["update"]
    found = api.get(f"/deployments/name/experiment/{repository.folder.name}").raise_for_status().json()
    assert found["version"] == repository.git("rev-parse", "HEAD")[:12]


def test_two_at_once_take_turns_and_the_second_finds_nothing_to_do(
    repository: Repository, api: httpx.Client
) -> None:
    told: list[Action | Synced] = []

    async def both() -> list[int]:
        once = following(repository)
        return await asyncio.gather(*(follow(once, print, told.append) for _ in range(2)))

    assert asyncio.run(both()) == [0, 0]
    assert [each.kind for each in told if isinstance(each, Action)] == ["create"]
    assert [each.unchanged for each in told if isinstance(each, Synced)] == [False, True]


def test_what_stalls_is_said_again_though_nothing_was_pushed(
    repository: Repository, api: httpx.Client
) -> None:
    repository.write("experiments/broken.yaml", "kind: Nonsense\n")
    repository.commit()
    told: list[Action | Synced] = []
    for _ in range(2):
        assert asyncio.run(follow(following(repository), print, told.append)) == 2
    last = told[-1]
    assert isinstance(last, Synced)
    assert (last.unchanged, last.stalled) == (True, 1)
    (repository.folder / "experiments/broken.yaml").unlink()
    repository.commit()
    assert asyncio.run(follow(following(repository), print, told.append)) == 0


def test_a_repository_that_cannot_be_read_does_not_keep_the_others(
    repository: Repository, api: httpx.Client, tmp_path: Path
) -> None:
    gone = Source((tmp_path / "gone.git").as_uri())
    both = Following([gone, Source(str(repository.folder))], SyncPolicy(), tmp_path / "runs")
    said: list[str] = []
    assert asyncio.run(follow(both, said.append, lambda what: None)) == OURS
    assert said[-1].startswith(f"{gone.name}: git ")
    api.get(f"/deployments/name/experiment/{repository.folder.name}").raise_for_status()


def test_the_flow_says_in_its_state_what_each_repository_came_to(
    repository: Repository, api: httpx.Client, tmp_path: Path
) -> None:
    out = str(tmp_path / "runs")
    good = asyncio.run(reconcile([str(repository.folder)], out=out, return_state=True))  # type: ignore[call-overload]
    commit = repository.git("rev-parse", "HEAD")[:12]
    assert (good.name, good.message) == ("Completed", f"{repository.folder} at {commit}: 1 action(s)")
    repository.write("experiments/broken.yaml", "kind: Nonsense\n")
    repository.commit()
    bad = asyncio.run(reconcile([str(repository.folder)], out=out, return_state=True))  # type: ignore[call-overload]
    assert (bad.type.value, bad.name) == ("FAILED", "Stalled")
    assert bad.message == f"{repository.folder}: 1 stalled: experiments/broken.yaml"
    again = asyncio.run(reconcile([str(repository.folder)], out=out, return_state=True))  # type: ignore[call-overload]
    assert again.message == bad.message


def test_an_interval_is_deployed_and_what_was_missed_is_cancelled(
    repository: Repository, api: httpx.Client, tmp_path: Path
) -> None:
    name, url = repository.folder.name, f"{repository.folder}#main:experiments"
    parameters = {"repositories": [url], "out": str(tmp_path / "runs")}

    async def deployed() -> str:
        async with get_client() as client:
            await schedule(client, name, 3600, parameters)
            made = await schedule(client, name, 7200, parameters)
            for ago in (1, 2):
                late = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(hours=ago))
                await client.create_flow_run_from_deployment(UUID(made), state=late)
            assert await cancel_late(client, UUID(made)) == 2
            assert await cancel_late(client, UUID(made)) == 0
            return made

    made = asyncio.run(deployed())
    found = api.get(f"/deployments/{made}").raise_for_status().json()
    assert [each["schedule"]["interval"] for each in found["schedules"]] == [7200]
    assert found["parameters"]["repositories"] == [url]
    assert found["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    api.delete(f"/deployments/{made}").raise_for_status()


def test_one_repository_is_followed_once() -> None:
    twice = [Source("https://git.example/a.git"), Source("https://u:p@git.example/a.git", "live")]
    with pytest.raises(SourceError, match="named twice; one branch"):
        Following(twice, SyncPolicy(), Path("runs"))


def test_one_that_fails_is_asked_less_and_less_often() -> None:
    assert [_patience_s(5, failures) for failures in (0, 1, 2, 100)] == [5, 10, 20, MOST_PATIENCE_S]
    assert _patience_s(3600, 3) == 3600


def test_another_folder_of_an_unchanged_commit_is_looked_at(
    repository: Repository, api: httpx.Client
) -> None:
    """And what the first folder asked for does not go with it, because all would go."""
    told: list[Action | Synced] = []
    repository.write("chaos/README.md", "no experiment yet\n")
    repository.commit()
    assert asyncio.run(follow(following(repository), print, told.append)) == 0
    elsewhere = Following(
        [Source(str(repository.folder), path="chaos")], SyncPolicy(), repository.folder / "runs"
    )
    assert asyncio.run(follow(elsewhere, print, told.append)) == 2
    last = told[-1]
    assert isinstance(last, Synced)
    assert [str(each.reason) for each in last.actions] == ["TooMuchWouldGo"]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (
            {"path": "chaos"},
            r"main at [0-9a-f]{12} has no folder chaos; it has experiments/: say which by --path",
        ),
        ({"branch": "trunk"}, r"no branch trunk; it has main: say \S+#main$"),
    ],
)
def test_what_is_not_there_fails_with_one_sentence_and_touches_nothing(
    repository: Repository, api: httpx.Client, fields: dict[str, str], why: str
) -> None:
    assert asyncio.run(follow(following(repository), print, lambda what: None)) == 0
    said: list[str] = []
    source = Source(str(repository.folder), **fields)
    elsewhere = Following([source], SyncPolicy(prune_all=True), repository.folder / "runs")
    assert asyncio.run(follow(elsewhere, said.append, lambda what: said.append(str(what)))) == 2
    (line,) = said
    assert re.match(f"{re.escape(str(repository.folder))}: {why}", line)
    api.get(f"/deployments/name/experiment/{repository.folder.name}").raise_for_status()


def test_two_machines_may_prune_the_same(repository: Repository, api: httpx.Client, tmp_path: Path) -> None:
    assert asyncio.run(follow(following(repository), print, lambda what: None)) == 0
    found = api.get(f"/deployments/name/experiment/{repository.folder.name}").raise_for_status().json()
    desired = Desired(str(repository.folder), repository.git("rev-parse", "HEAD"), {})

    async def both() -> None:
        async with get_client() as client:
            there = Deployments(client, str(tmp_path))
            deployed = (await there.observed(frozenset(), [found["name"]])).deployments[found["name"]]
            prune = Action("prune", found["name"], Reason.REMOVED, "gone", deployed=deployed)
            await there.apply(prune, desired)
            await there.apply(prune, desired)

    asyncio.run(both())
    assert api.get(f"/deployments/{found['id']}").status_code == 404
