"""What is to be done: worked examples, then properties over generated repositories and servers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.gitops.decide import Action, Reason, SyncPolicy, decide, shape_of, standing
from chaos.gitops.observed import Deployed, Observed, PushRun, Shape
from chaos.gitops.scoped import scoped
from chaos.gitops.wanted import BrokenFile, Desired, DesiredDeployment

REPOSITORY = "https://git.example/shop"


def wanted(name: str, digest: str = "1", **fields: object) -> DesiredDeployment:
    base = DesiredDeployment(
        name=name,
        path=f"experiments/{name}.yaml",
        push_digest=digest,
        spec_digest=digest,
        hypothesis=f"{name} holds",
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def desired(*experiments: DesiredDeployment, broken: tuple[BrokenFile, ...] = ()) -> Desired:
    return Desired(REPOSITORY, "c0ffee", {one.name: one for one in experiments}, broken)


def applied(
    seen: Observed, actions: list[Action], asked: Desired, policy: SyncPolicy | None = None
) -> Observed:
    """What there is when all of it has been done, and what no longer stalls has been forgotten."""
    after = begun(seen, actions, asked)
    return replace(after, stalled=standing(asked, seen, policy))


def begun(seen: Observed, actions: list[Action], asked: Desired) -> Observed:
    """What there is after these actions: the model that the properties are about."""
    deployments, runs, stalled = dict(seen.deployments), dict(seen.runs), set(seen.stalled)
    for action in actions:
        called = action.deployment
        match action.kind, action.wanted, action.shape, action.deployed:
            case "create", DesiredDeployment(), Shape() as shape, None:
                assert called not in deployments
                deployments[called] = Deployed(
                    id=called,
                    name=called,
                    repository=asked.repository,
                    shape=shape,
                    paused=shape.suspended,
                    commit=asked.commit,
                    applied=shape.mark,
                )
            case "update", _, Shape() as shape, Deployed():
                deployments[called] = replace(
                    deployments[called], shape=shape, commit=asked.commit, applied=shape.mark
                )
            case ("pause" | "resume") as kind, _, _, Deployed(name=name):
                deployments[name] = replace(deployments[name], paused=kind == "pause")
            case "prune", _, _, _:
                del deployments[called]
            case "abort", _, _, Deployed() as deployed:
                runs[deployed.name, deployed.shape.push_digest] = PushRun(action.key, "failed")
            case "run", DesiredDeployment() as one, _, _:
                runs[called, one.push_digest] = PushRun(called, "held")
            case "stall", _, _, _:
                stalled.add(action.key)
            case _:
                raise AssertionError(action)
    return Observed(deployments, runs, frozenset(stalled))


def kinds(actions: list[Action]) -> list[tuple[str, str]]:
    return [(action.kind, action.name) for action in actions]


def deployed(one: DesiredDeployment, repository: str = REPOSITORY, *, paused: bool = False) -> Deployed:
    shape = shape_of(one, desired(one))
    return Deployed(
        id=one.name,
        name=one.name,
        repository=repository,
        shape=shape,
        paused=paused,
        commit="old",
        applied=shape.mark,
    )


def by_hand(one: DesiredDeployment, **changes: object) -> Deployed:
    """Its deployment, changed by a person since it was applied."""
    made = deployed(one)
    return replace(made, shape=replace(made.shape, **changes))  # type: ignore[arg-type]


def test_a_new_one_is_created_and_run_once() -> None:
    asked = desired(wanted("a"))
    first = decide(asked, Observed())
    assert kinds(first) == [("create", "a"), ("run", "a")]
    assert decide(asked, applied(Observed(), first, asked)) == []


@pytest.mark.parametrize("heal", [True, False])
def test_a_changed_schedule_is_applied_and_no_reason_to_run(heal: bool) -> None:
    seen = Observed({"a": deployed(wanted("a"))}, {("a", "1"): PushRun("r", "held")})
    (action,) = decide(desired(wanted("a", cron="0 9 * * 1")), seen, SyncPolicy(heal=heal))
    assert (action.kind, action.reason) == ("update", Reason.CHANGED)
    assert "cron differs from experiments/a.yaml" in action.why


def test_what_a_person_changed_is_healed_or_told_of_once_and_left() -> None:
    asked, runs = desired(wanted("a")), {("a", "1"): PushRun("r", "held")}
    seen = Observed({"a": by_hand(wanted("a"), cron="0 9 * * 1")}, runs)
    (heals,) = decide(asked, seen)
    assert (heals.kind, heals.reason) == ("update", Reason.DRIFTED)
    (told,) = decide(asked, seen, left := SyncPolicy(heal=False))
    assert (told.kind, told.name, told.reason) == ("stall", "a", Reason.DRIFTED)
    assert told.why.startswith("cron differs from experiments/a.yaml: changed by hand, and left")
    after = applied(seen, [told], asked, left)
    assert decide(asked, after, left) == []
    again = replace(after, deployments={"a": by_hand(wanted("a"), description="by hand")})
    assert [action.why.split(" from")[0] for action in decide(asked, again, left)] == ["description differs"]


def test_a_push_is_applied_to_what_a_person_changed() -> None:
    seen = Observed({"a": by_hand(wanted("a"), cron="0 9 * * 1")}, {("a", "1"): PushRun("r", "held")})
    (action,) = decide(desired(wanted("a", hypothesis="more")), seen, SyncPolicy(heal=False))
    assert (action.kind, action.reason) == ("update", Reason.CHANGED)


def test_a_person_s_pause_stays_and_the_repository_s_is_undone_by_the_repository() -> None:
    runs = {("a", "1"): PushRun("r", "held")}
    by_hand = Observed({"a": deployed(wanted("a"), paused=True)}, runs)
    assert decide(desired(wanted("a")), by_hand) == []
    by_git = Observed({"a": deployed(wanted("a", suspend=True), paused=True)}, runs)
    assert kinds(decide(desired(wanted("a")), by_git)) == [("resume", "a"), ("update", "a")]
    assert kinds(
        decide(desired(wanted("a", suspend=True)), Observed({"a": deployed(wanted("a"))}, runs))
    ) == [
        ("pause", "a"),
        ("update", "a"),
    ]


def test_a_suspended_one_does_not_run() -> None:
    asked = desired(wanted("a", suspend=True), wanted("b", on_push=False))
    assert kinds(decide(asked, Observed())) == [("create", "a"), ("create", "b")]


def test_a_broken_file_keeps_its_deployment_and_stalls_alone() -> None:
    broken = BrokenFile("experiments/a.yaml", ("experiments/a.yaml:3:1 spec: missing",))
    seen = Observed({"a": deployed(wanted("a"))}, {("a", "1"): PushRun("r", "held")})
    asked = desired(wanted("b"), broken=(broken,))
    actions = decide(asked, seen)
    assert kinds(actions) == [("stall", "experiments/a.yaml"), ("create", "b"), ("run", "b")]
    assert "experiments/a.yaml:3:1" in actions[0].why
    assert "a stays as it was" in actions[0].why
    assert decide(asked, applied(seen, actions, asked)) == []


def test_a_removed_one_ends_its_run_and_goes() -> None:
    seen = Observed(
        {name: deployed(wanted(name)) for name in "abc"},
        {(name, "1"): PushRun(f"run-{name}", "running" if name == "c" else "held") for name in "abc"},
    )
    assert kinds(decide(desired(wanted("a"), wanted("b")), seen)) == [("abort", "c"), ("prune", "c")]


@pytest.mark.parametrize("left", [0, 1])
def test_when_too_much_would_go_nothing_goes_without_a_flag(left: int) -> None:
    names = "abcd"
    runs = {(name, "1"): PushRun(name, "held") for name in names}
    seen = Observed({name: deployed(wanted(name)) for name in names}, runs)
    asked = desired(*(wanted(name) for name in names[:left]))
    (stall,) = decide(asked, seen)
    assert (stall.kind, stall.reason) == ("stall", Reason.TOO_MUCH_WOULD_GO)
    assert "--prune-all" in stall.why
    assert [kind for kind, _ in kinds(decide(asked, seen, SyncPolicy(prune_all=True)))] == ["prune"] * (
        4 - left
    )


def test_a_name_that_another_repository_has_gets_another_deployment() -> None:
    other = "https://git.example/other"
    seen = Observed({"a": deployed(wanted("a"), other)}, {("a", "1"): PushRun("theirs", "held")})
    asked = desired(wanted("a"), wanted("b", depends_on=("a",)))
    actions = decide(asked, seen)
    called = scoped("a", REPOSITORY)
    assert [(each.kind, each.name, each.deployment) for each in actions] == [
        ("create", "a", called),
        ("create", "b", "b"),
        ("run", "a", called),  # that another's has run says nothing of ours
    ]
    assert other not in " ".join(each.why for each in actions)
    assert actions[0].shape is not None
    assert {called, "chaoslab"} == set(actions[0].shape.tags)
    after = applied(seen, actions, asked)
    assert after.deployments["a"] == seen.deployments["a"]
    assert kinds(decide(asked, after)) == [("run", "b")]
    gone = decide(desired(wanted("b")), after)
    assert [(each.kind, each.deployment) for each in gone] == [("prune", called), ("run", "b")]


def test_a_deployment_keeps_its_name_when_the_plain_one_is_free_again() -> None:
    called = scoped("a", REPOSITORY)
    asked = desired(wanted("a"))
    shape = shape_of(wanted("a"), asked, called)
    there = replace(deployed(wanted("a")), id=called, name=called, shape=shape, applied=shape.mark)
    assert decide(asked, Observed({called: there}, {(called, "1"): PushRun("r", "held")})) == []


def test_ten_repositories_have_the_same_names_and_none_touches_another() -> None:
    seen = Observed()
    for number in range(10):
        whose = f"https://git.example/team-{number}/chaos"
        asked = replace(desired(wanted("checkout"), wanted("search")), repository=whose)
        actions = decide(asked, seen)
        assert kinds(actions) == [
            ("create", "checkout"), ("create", "search"), ("run", "checkout"), ("run", "search"),
        ]  # fmt: skip
        before, seen = seen, applied(seen, actions, asked)
        assert {name: seen.deployments[name] for name in before.deployments} == before.deployments
        assert decide(asked, seen) == []
    assert len(seen.deployments) == 20


@pytest.mark.parametrize("path", ["experiments/moved.yaml", "experiments/deep/er/other.yaml"])
def test_a_broken_file_that_names_it_keeps_it_wherever_it_was_moved(path: str) -> None:
    broken = BrokenFile(path, (f"{path}:3:1 spec: wrong",), frozenset({"c"}))
    seen = Observed({name: deployed(wanted(name)) for name in "abcd"})
    asked = desired(wanted("a", on_push=False), wanted("b", on_push=False), broken=(broken,))
    actions = decide(asked, seen)
    assert kinds(actions) == [("stall", path), ("prune", "d")]
    assert (actions[0].keeps, actions[0].why) == (("c",), f"{path}:3:1 spec: wrong. c stays as it was.")
    assert decide(asked, applied(seen, actions, asked)) == []


@pytest.mark.parametrize("readable", [True, False])
def test_nothing_goes_while_a_broken_file_may_hold_anything(readable: bool) -> None:
    path = "experiments/x.yaml"
    broken = BrokenFile(
        path, (f"{path}:1:1 not YAML",), frozenset({"word"}), certain=False, readable=readable
    )
    seen = Observed({name: deployed(wanted(name)) for name in "abcd"})
    asked = desired(*(wanted(name, on_push=False) for name in "abc"), broken=(broken,))
    actions = decide(asked, seen)
    assert [(each.kind, each.reason) for each in actions] == [
        ("stall", Reason.BROKEN), ("stall", Reason.NAMES_UNKNOWN),
    ]  # fmt: skip
    assert actions[1].keeps == ("d",)
    assert path in actions[1].why
    assert decide(asked, applied(seen, actions, asked)) == []
    assert ("prune", "d") in kinds(decide(asked, seen, SyncPolicy(prune_all=True)))


def test_a_nameless_broken_file_in_its_old_place_is_of_what_was_there() -> None:
    broken = BrokenFile("experiments/b.yaml", ("wrong",), certain=False)
    seen = Observed({name: deployed(wanted(name)) for name in "abc"})
    asked = desired(wanted("c", on_push=False), broken=(broken,))
    assert kinds(decide(asked, seen)) == [("stall", "experiments/b.yaml"), ("prune", "a")]


def test_a_broken_file_says_nothing_of_what_another_repository_has() -> None:
    broken = BrokenFile("experiments/a.yaml", ("wrong",), frozenset({"a"}))
    seen = Observed({"a": deployed(wanted("a"), "https://git.example/other")})
    (stall,) = decide(desired(broken=(broken,)), seen)
    assert (stall.keeps, stall.why) == ((), "wrong.")


def test_dependants_run_after_what_they_depend_on_has_held() -> None:
    asked = desired(wanted("base"), wanted("next", depends_on=("base",)))
    first = decide(asked, Observed())
    assert ("run", "next") not in kinds(first)
    seen = applied(Observed(), first, asked)
    assert kinds(decide(asked, seen)) == [("run", "next")]
    failed = replace(seen, runs={("base", "1"): PushRun("r", "failed")})
    assert decide(asked, failed) == []


NAMES = st.sampled_from("abcdef")
EXPERIMENT = st.builds(
    wanted,
    NAMES,
    st.sampled_from("12"),
    suspend=st.booleans(),
    on_push=st.booleans(),
    cron=st.sampled_from([None, "0 9 * * 1"]),
)
BROKEN = st.builds(
    lambda name, names, certain, readable: BrokenFile(
        f"experiments/{name}.yaml", (f"{name}:1:1: wrong",), names, certain, readable
    ),
    NAMES,
    st.frozensets(NAMES, max_size=2),
    st.booleans(),
    st.booleans(),
)
DESIRED = st.builds(
    lambda experiments, broken: desired(*experiments, broken=tuple(broken)),
    st.lists(EXPERIMENT, unique_by=lambda one: one.name, max_size=6),
    st.lists(BROKEN, unique_by=lambda one: one.path, max_size=2),
)
RUN = st.builds(PushRun, st.just("run"), st.sampled_from(["pending", "running", "held", "failed"]))
OBSERVED = st.builds(
    lambda there, whose, paused, said, runs: Observed(
        {
            one.name: replace(
                deployed(one, REPOSITORY if mine else "other", paused=stopped),
                shape=by_hand(one, description=words or one.hypothesis).shape,
            )
            for one, mine, stopped, words in zip(there, whose, paused, said, strict=True)
        },
        runs,
    ),
    st.lists(EXPERIMENT, unique_by=lambda one: one.name, min_size=6, max_size=6),
    st.lists(st.booleans(), min_size=6, max_size=6),
    st.lists(st.booleans(), min_size=6, max_size=6),
    st.lists(st.sampled_from(["", "by hand"]), min_size=6, max_size=6),
    st.dictionaries(st.tuples(NAMES, st.sampled_from("12")), RUN, max_size=6),
)
POLICY = st.builds(
    SyncPolicy, heal=st.booleans(), prune_all=st.booleans(), prune_share=st.sampled_from([0.1, 0.5, 1.0])
)


@given(DESIRED, OBSERVED, POLICY)
def test_applied_once_there_is_nothing_more_to_do(asked: Desired, seen: Observed, policy: SyncPolicy) -> None:
    after = applied(seen, decide(asked, seen, policy), asked, policy)
    assert decide(asked, after, policy) == []


@given(DESIRED, OBSERVED, POLICY, st.randoms())
def test_the_order_of_what_comes_in_changes_nothing(
    asked: Desired, seen: Observed, policy: SyncPolicy, random: object
) -> None:
    shuffle = random.sample  # type: ignore[attr-defined]
    other = replace(asked, wanted=dict(shuffle(list(asked.wanted.items()), len(asked.wanted))))
    turned = replace(seen, deployments=dict(shuffle(list(seen.deployments.items()), len(seen.deployments))))
    assert decide(other, turned, policy) == decide(asked, seen, policy)


@given(DESIRED, OBSERVED, POLICY)
def test_what_is_not_ours_is_never_touched(asked: Desired, seen: Observed, policy: SyncPolicy) -> None:
    theirs = {name for name, one in seen.deployments.items() if one.repository != asked.repository}
    actions = [each for each in decide(asked, seen, policy) if each.kind != "stall"]
    touched = {each.deployment for each in actions} | {
        each.deployed.name for each in actions if each.deployed
    }
    assert not touched & theirs


@given(DESIRED, OBSERVED, st.builds(SyncPolicy, heal=st.booleans()), st.integers(0, 12))
def test_cut_short_anywhere_the_next_time_ends_the_same(
    asked: Desired, seen: Observed, policy: SyncPolicy, cut: int
) -> None:
    actions = decide(asked, seen, policy)
    whole = applied(seen, actions, asked, policy)
    part = begun(seen, actions[:cut], asked)
    assert applied(part, decide(asked, part, policy), asked, policy) == whole
