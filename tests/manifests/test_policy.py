"""A repository's policy: its mistakes are told where they are; what it does not allow is refused, however written."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml

from chaos.errors import ManifestError, PlanError
from chaos.faults import FAULTS
from chaos.faults.support.base import Intensity
from chaos.manifests.load import Loaded, game_days, load, load_all
from chaos.manifests.models.sandboxes import AnySandbox
from chaos.manifests.overriding import Overrides
from chaos.manifests.policy import Policy, PolicySpec, at_once, read_policy
from chaos.manifests.policy_breaches import forbidden
from chaos.manifests.policy_intensity import beyond, preset_numbers
from chaos.manifests.referring import resolve
from chaos.manifests.schema import policy_schema
from chaos.planning.plan import draw, plan
from tests.manifests.a_repository import SMALL, a_manifest

LEVELS: Sequence[Intensity] = get_args(Intensity)
POLICY = """\
apiVersion: chaoslab/v1
kind: Policy
spec:
  providers: [local, container]
  faults: [process_kill, network_delay, disk_full]
  maxHold: 1m
  maxIntensity: medium
  requiredLabels: [team]
  maxConcurrentRuns: 2
"""
DAY = """\
apiVersion: chaoslab/v1
kind: GameDay
metadata: {name: friday}
spec:
  purpose: Ready for the sale?
  stages:
    - {name: one, experiments: [{name: small, intensity: high}]}
"""
ALLOWED = SMALL.replace("{name: small}", "{name: small, labels: {team: payments}}")


def in_repository(folder: Path, manifest: str = ALLOWED, policy: str | None = POLICY) -> Path:
    """A manifest in a repository with that policy; the manifest's path."""
    path = a_manifest(folder, manifest)
    if policy is not None:
        (folder / "chaoslab.yaml").write_text(policy)
    return path


def the_one(path: Path) -> Loaded:
    (loaded,) = load(path)
    return loaded


def limited(**spec: Any) -> str:
    return yaml.safe_dump({"apiVersion": "chaoslab/v1", "kind": "Policy", "spec": spec})


def with_step(fault: str, rest: str = "") -> str:
    return ALLOWED.replace("fault: {type: process_kill, process: web}", f"fault: {{{fault}}}{rest}")


def test_what_a_policy_allows_is_planned(tmp_path: Path) -> None:
    drawn = plan(the_one(in_repository(tmp_path)))
    assert drawn.at_once == {str(tmp_path): 2}


def test_every_breach_is_told_where_it_is_with_the_limit_and_its_place(tmp_path: Path) -> None:
    manifest = SMALL.replace("  target:\n", "  sandbox: {type: e2b}\n  target:\n").replace(
        "{name: kill, fault: {type: process_kill, process: web}}",
        "{name: kill, fault: {type: process_pause, process: web, share: 50%}, hold: 2m}\n"
        "    - {name: slow, fault: {type: network_delay, process: web, delay: 400ms}}",
    )
    told = [
        str(problem).partition("a.yaml:")[2]
        for problem in forbidden(the_one(in_repository(tmp_path, manifest)))
    ]
    where = f"{tmp_path}/chaoslab.yaml"
    assert told == [
        f"3:1 metadata.labels.team: small: label 'team' is missing, but required by {where}:8:3",
        f"6:13 spec.sandbox.type: small: 'e2b' is not allowed; {where}:4:3 allows local, container",
        "14:28 spec.method[0].fault.type: small: 'process_pause' is not allowed; "
        f"{where}:5:3 allows disk_full, network_delay, process_kill",
        f"14:76 spec.method[0].hold: small: 2m is longer than the policy's limit; {where}:6:3 allows 1m",
        "15:63 spec.method[1].fault.delay: small: 400ms is stronger than intensity medium: at most 300ms "
        f"({where}:7:3)",
    ]


def test_presets_are_ranked_as_they_are_named() -> None:
    """Every fault at every intensity is allowed from its own intensity on, and refused below."""
    for kind, fault in FAULTS.items():
        for written in LEVELS:
            for most in LEVELS:
                refused = any(_beyond(kind, written, most))
                assert refused == (LEVELS.index(written) > LEVELS.index(most)), (kind, written, most)
        assert fault.presets.keys() == set(LEVELS)


def _beyond(kind: str, written: Intensity, most: Intensity) -> Sequence[Any]:
    required = {field.name: None for field in fields(FAULTS[kind])}
    return list(beyond({**required, **preset_numbers(FAULTS[kind], written), "type": kind}, most))


@pytest.mark.parametrize(
    ("step", "most", "field"),
    [
        ("type: network_delay, process: web, delay: 301ms", "medium", "delay"),
        ("type: network_delay, process: web, delay: 100ms, jitter: 1ms", "medium", "jitter"),
        ("type: network_delay, process: web, delay: 1100ms", "high", "delay"),
        ("type: disk_full, leave: 1MB", "medium", "leave"),
        ("type: bandwidth, process: web, rate: 90KB/s", "high", "rate"),
        ("type: process_kill, process: web, signal: SIGKILL", "low", "signal"),
        ("type: process_kill, process: web, every: 5s", "medium", "every"),
        ("type: clock_skew, process: web, offset: -10h", "high", "offset"),
        ("type: io_throttle, path: /usr, read: 100KiB/s", "high", "read"),
        ("type: dependency_failure, host: db, mode: nxdomain", "medium", "mode"),
        ("type: network_delay, process: web, intensity: high", "medium", "intensity"),
    ],
)
def test_exact_numbers_are_weighed_against_the_preset(
    tmp_path: Path, step: str, most: str, field: str
) -> None:
    path = in_repository(tmp_path, with_step(step), limited(maxIntensity=most))
    (problem,) = forbidden(the_one(path))
    assert problem.path == f"spec.method[0].fault.{field}"


@pytest.mark.parametrize(
    ("step", "most"),
    [
        ("type: network_delay, process: web, delay: 300ms", "medium"),
        ("type: network_delay, process: web, delay: 900ms, jitter: 10ms", "high"),
        ("type: disk_full, leave: 1MiB", "medium"),
        ("type: dependency_failure, host: db, mode: nxdomain", "high"),
        ("type: clock_skew, process: web, offset: -5m", "medium"),
        ("type: io_throttle, path: /usr, write: 64KiB/s", "high"),
    ],
)
def test_what_is_no_stronger_is_allowed(tmp_path: Path, step: str, most: str) -> None:
    assert forbidden(the_one(in_repository(tmp_path, with_step(step), limited(maxIntensity=most)))) == []


def test_a_ramp_is_weighed_where_it_is_strongest(tmp_path: Path) -> None:
    ramp = ", hold: 50s, ramp: {field: delay, from: 100ms, to: 900ms}"
    manifest = with_step("type: network_delay, process: web", ramp)
    (problem,) = forbidden(the_one(in_repository(tmp_path, manifest, limited(maxIntensity="medium"))))
    assert (problem.path, "at most 300ms" in problem.what) == ("spec.method[0].fault.delay", True)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [(Overrides(intensity="high"), "every: 2s"), (Overrides(hold=61.0), "61s is longer")],
)
def test_other_numbers_for_one_run_are_held_to_it_as_well(
    tmp_path: Path, overrides: Overrides, words: str
) -> None:
    loaded = the_one(in_repository(tmp_path))
    plan(loaded, overrides=Overrides(hold=60.0, intensity="low"))
    with pytest.raises(PlanError, match=words):
        plan(loaded, overrides=overrides)


def test_the_numbers_of_a_game_day_are_held_to_it_as_well(tmp_path: Path) -> None:
    path = in_repository(tmp_path).with_name("day.yaml")
    path.write_text(DAY)
    (day,) = game_days(load_all([path])[0])
    _, wrong = resolve(day)
    (problem,) = wrong
    assert (problem.line, problem.path) == (7, "spec.stages[0].experiments[0]")
    assert problem.what.startswith("'small' is not allowed intensity high: ")


def test_a_plan_that_is_not_allowed_can_still_be_looked_at(tmp_path: Path) -> None:
    drawn, refusals = draw(the_one(in_repository(tmp_path, policy=limited(faults=["disk_full"]))))
    assert (drawn.name, len(refusals)) == ("small", 1)


def test_without_a_policy_nothing_is_limited(tmp_path: Path) -> None:
    loaded = the_one(in_repository(tmp_path, policy=None))
    assert (loaded.policies, plan(loaded).at_once) == ((), {})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            POLICY.replace("maxHold", "maxHolds"),
            "6:3 spec.maxHolds: unknown key 'maxHolds'; did you mean 'maxHold'?",
        ),
        (POLICY.replace("1m", "1"), "6:3 spec.maxHold: 1 has no unit"),
        (
            POLICY.replace("disk_full", "disk_ful"),
            "5:41 spec.faults[2]: unknown 'disk_ful'; did you mean 'disk_full'?",
        ),
        (POLICY.replace("[local, container]", "[]"), "4:3 spec.providers: has too few entries; at least 1"),
        (POLICY.replace("local,", "docker,"), "4:15 spec.providers[0]: unknown 'docker'"),
        (POLICY.replace("medium", "huge"), "7:3 spec.maxIntensity: unknown 'huge'"),
        (POLICY.replace("Runs: 2", "Runs: 0"), "9:3 spec.maxConcurrentRuns: 0 is too low; at least 1"),
        (POLICY.replace("Policy", "Polcy"), "2:1 kind: unknown 'Polcy'; did you mean 'Policy'?"),
        (POLICY + "  maxHold: 2m\n", "10:3 spec.maxHold: duplicate key 'maxHold'"),
        (POLICY + "---\n" + POLICY, "10:1: a second document; a policy is one"),
        ("", "1:1: empty"),
        ("- a\n", "1:1: expected a mapping (apiVersion, kind, spec), got a list"),
        ("a: [", "2:1: not YAML"),
        (POLICY.replace("[team]", "&a [team]"), "8:19 spec.requiredLabels: anchor &a; write the value out"),
    ],
)
def test_what_is_wrong_with_a_policy_is_told_where_it_is(text: str, problem: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read_policy(text.encode(), "chaoslab.yaml", "here")
    (only,) = caught.value.problems
    assert str(only).startswith(f"chaoslab.yaml:{problem}")


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ManifestError) as caught:
        read_policy(POLICY.replace("1m", "1").replace("medium", "huge").encode(), "chaoslab.yaml", "here")
    assert [problem.line for problem in caught.value.problems] == [6, 7]


@pytest.mark.parametrize("name", ["chaoslab.yaml", "chaoslab.yml"])
def test_a_policy_that_cannot_be_read_allows_nothing(tmp_path: Path, name: str) -> None:
    path = in_repository(tmp_path, policy=None)
    (tmp_path / name).write_text(POLICY if name.endswith(".yml") else "kind: Policy\n")
    with pytest.raises(ManifestError, match=f"{name}:1:1"):
        load(path)


def test_a_link_that_leads_nowhere_is_no_missing_policy(tmp_path: Path) -> None:
    path = in_repository(tmp_path, policy=None)
    (tmp_path / "chaoslab.yaml").symlink_to("gone")
    with pytest.raises(ManifestError, match=r"chaoslab\.yaml:1:1: cannot be read"):
        load(path)


def test_a_policy_anywhere_else_is_refused_for_it_would_not_count(tmp_path: Path) -> None:
    beside = in_repository(tmp_path, policy=None).with_name("chaoslab.yaml")
    beside.write_text(POLICY)
    _, wrong = load_all([beside])
    assert [problem.what for problem in wrong] == [
        f"a policy counts at the root of its repository only: {tmp_path}"
    ]


def test_a_policy_is_looked_at_with_the_manifests_and_is_none_of_them(tmp_path: Path) -> None:
    path = in_repository(tmp_path)
    assert len(load_all([tmp_path / "chaoslab.yaml", path])[0]) == 1
    (tmp_path / "chaoslab.yaml").write_text(POLICY.replace("1m", "1"))
    assert len(load_all([tmp_path / "chaoslab.yaml", path])[1]) == 1


def test_the_schema_says_the_same_as_validation() -> None:
    checker = jsonschema.Draft202012Validator(policy_schema())
    checker.check_schema(policy_schema())
    assert list(checker.iter_errors(yaml.safe_load(POLICY))) == []
    for old, new in (
        ("maxHold", "maxHolds"),
        ("1m", "1"),
        ("disk_full", "disk_ful"),
        ("medium", "huge"),
        ("Policy", "P"),
    ):
        assert list(checker.iter_errors(yaml.safe_load(POLICY.replace(old, new)))), new


def test_the_lowest_number_of_runs_counts() -> None:
    policies = [_policy("a", 3), _policy("b", 1), _policy("a", 2), _policy("c", None)]
    assert at_once(policies) == {"a": 2, "b": 1}


def _policy(whose: str, most: int | None) -> Policy:
    spec = {} if most is None else {"maxConcurrentRuns": most}
    read = read_policy(limited(**spec).encode(), "chaoslab.yaml", whose)
    assert isinstance(read.spec, PolicySpec)
    return read


def test_every_provider_can_be_named() -> None:
    kinds = {kind.model_fields["type"].default for kind in get_args(get_args(AnySandbox)[0])}
    listed = limited(providers=sorted(kinds))
    assert set(read_policy(listed.encode(), "chaoslab.yaml", "here").spec.providers or ()) == kinds
