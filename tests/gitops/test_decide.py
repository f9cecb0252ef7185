"""What is to be done: worked examples, then properties over generated repositories and servers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.gitops.decide import Action, Policy, Reason, decide, shape_of, standing
from chaos.gitops.observed import Deployed, Observed, PushRun, Shape
from chaos.gitops.wanted import Broken, Desired, Wanted

REPOSITORY = "https://git.example/shop"


def wanted(name: str, digest: str = "1", **fields: object) -> Wanted:
    base = Wanted(name=name, path=f"experiments/{name}.yaml", digest=digest, hypothesis=f"{name} holds")
    return replace(base, **fields)  # type: ignore[arg-type]


def desired(*experiments: Wanted, broken: tuple[Broken, ...] = ()) -> Desired:
    return Desired(REPOSITORY, "c0ffee", {one.name: one for one in experiments}, broken)


def applied(seen: Observed, actions: list[Action], asked: Desired, policy: Policy | None = None) -> Observed:
    """What there is when all of it has been done, and what no longer stalls has been forgotten."""
    after = begun(seen, actions, asked)
    return replace(after, stalled=standing(asked, seen, policy))


def begun(seen: Observed, actions: list[Action], asked: Desired) -> Observed:
    """What there is after these actions: the model that the properties are about."""
    deployments, runs, stalled = dict(seen.deployments), dict(seen.runs), set(seen.stalled)
    for action in actions:
        match action.kind, action.wanted, action.shape, action.deployed:
            case "create", Wanted(), Shape() as shape, None:
                deployments[action.name] = Deployed(
                    id=action.name,
                    name=action.name,
                    repository=asked.repository,
                    shape=shape,
                    paused=shape.suspended,
                    commit=asked.commit,
                    applied=shape.mark,
                )
            case "update", _, Shape() as shape, Deployed():
                deployments[action.name] = replace(
                    deployments[action.name], shape=shape, commit=asked.commit, applied=shape.mark
                )
            case ("pause" | "resume") as kind, _, _, _:
                deployments[action.name] = replace(deployments[action.name], paused=kind == "pause")
            case "prune", _, _, _:
                del deployments[action.name]
            case "abort", _, _, Deployed() as deployed:
                runs[action.name, deployed.shape.digest] = PushRun(action.key, "failed")
            case "run", Wanted() as one, _, _:
                runs[action.name, one.digest] = PushRun(action.name, "held")
            case "stall", _, _, _:
                stalled.add(action.key)
            case _:
                raise AssertionError(action)
    return Observed(deployments, runs, frozenset(stalled))


def kinds(actions: list[Action]) -> list[tuple[str, str]]:
    return [(action.kind, action.name) for action in actions]


def deployed(one: Wanted, repository: str = REPOSITORY, *, paused: bool = False) -> Deployed:
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


def by_hand(one: Wanted, **changes: object) -> Deployed:
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
    (action,) = decide(desired(wanted("a", cron="0 9 * * 1")), seen, Policy(heal=heal))
    assert (action.kind, action.reason) == ("update", Reason.CHANGED)
    assert "cron differs from experiments/a.yaml" in action.why


def test_what_a_person_changed_is_healed_or_told_of_once_and_left() -> None:
    asked, runs = desired(wanted("a")), {("a", "1"): PushRun("r", "held")}
    seen = Observed({"a": by_hand(wanted("a"), cron="0 9 * * 1")}, runs)
    (heals,) = decide(asked, seen)
    assert (heals.kind, heals.reason) == ("update", Reason.DRIFTED)
    (told,) = decide(asked, seen, left := Policy(heal=False))
    assert (told.kind, told.name, told.reason) == ("stall", "a", Reason.DRIFTED)
    assert told.why.startswith("cron differs from experiments/a.yaml: changed by hand, and left")
    after = applied(seen, [told], asked, left)
    assert decide(asked, after, left) == []
    again = replace(after, deployments={"a": by_hand(wanted("a"), description="by hand")})
    assert [action.why.split(" from")[0] for action in decide(asked, again, left)] == ["description differs"]


def test_a_push_is_applied_to_what_a_person_changed() -> None:
    seen = Observed({"a": by_hand(wanted("a"), cron="0 9 * * 1")}, {("a", "1"): PushRun("r", "held")})
    (action,) = decide(desired(wanted("a", hypothesis="more")), seen, Policy(heal=False))
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
    broken = Broken("experiments/a.yaml", ("experiments/a.yaml:3:1 spec: missing",))
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
    assert [kind for kind, _ in kinds(decide(asked, seen, Policy(prune_all=True)))] == ["prune"] * (4 - left)


def test_a_name_that_another_repository_has_is_left_alone() -> None:
    seen = Observed({"a": deployed(wanted("a"), "https://git.example/other")})
    (stall,) = decide(desired(wanted("a")), seen)
    assert (stall.kind, stall.reason) == ("stall", Reason.NAME_TAKEN)


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
BROKEN = st.builds(lambda name: Broken(f"experiments/{name}.yaml", (f"{name}:1:1: wrong",)), NAMES)
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
    Policy, heal=st.booleans(), prune_all=st.booleans(), prune_share=st.sampled_from([0.1, 0.5, 1.0])
)


@given(DESIRED, OBSERVED, POLICY)
def test_applied_once_there_is_nothing_more_to_do(asked: Desired, seen: Observed, policy: Policy) -> None:
    after = applied(seen, decide(asked, seen, policy), asked, policy)
    assert decide(asked, after, policy) == []


@given(DESIRED, OBSERVED, POLICY, st.randoms())
def test_the_order_of_what_comes_in_changes_nothing(
    asked: Desired, seen: Observed, policy: Policy, random: object
) -> None:
    shuffle = random.sample  # type: ignore[attr-defined]
    other = replace(asked, wanted=dict(shuffle(list(asked.wanted.items()), len(asked.wanted))))
    turned = replace(seen, deployments=dict(shuffle(list(seen.deployments.items()), len(seen.deployments))))
    assert decide(other, turned, policy) == decide(asked, seen, policy)


@given(DESIRED, OBSERVED, POLICY)
def test_what_is_not_ours_is_never_touched(asked: Desired, seen: Observed, policy: Policy) -> None:
    theirs = {name for name, one in seen.deployments.items() if one.repository != asked.repository}
    touched = {action.name for action in decide(asked, seen, policy) if action.kind != "stall"}
    assert not touched & theirs


@given(DESIRED, OBSERVED, st.builds(Policy, heal=st.booleans()), st.integers(0, 12))
def test_cut_short_anywhere_the_next_time_ends_the_same(
    asked: Desired, seen: Observed, policy: Policy, cut: int
) -> None:
    actions = decide(asked, seen, policy)
    whole = applied(seen, actions, asked, policy)
    part = begun(seen, actions[:cut], asked)
    assert applied(part, decide(asked, part, policy), asked, policy) == whole
