"""A plan decides everything, survives JSON, and refuses what its sandbox cannot do."""

import json
import platform
import re
from pathlib import Path

import pytest

from chaos.errors import ManifestError, PlanError
from chaos.manifests.digests import WHEN, trim
from chaos.manifests.load import load
from chaos.planning.describe import describe
from chaos.planning.plan import Plan, draw, plan
from chaos.sandboxes.local.spec import LocalSandbox
from tests.manifests.a_repository import FULL, SMALL, a_manifest


def a_plan(tmp_path: Path, text: str = FULL) -> Plan:
    """The plan of a manifest in a new repository."""
    return plan(load(a_manifest(tmp_path, text))[0])


def test_a_plan_survives_json_in_both_forms(tmp_path: Path) -> None:
    made = a_plan(tmp_path)
    assert Plan.from_json(made.to_json()) == made
    assert Plan.from_json(json.loads(made.to_json())) == made
    assert Plan.from_json(made.to_json()).order("r1") == made.order("r1")


def test_the_order_says_everything_in_base_units(tmp_path: Path) -> None:
    order = a_plan(tmp_path).order("r1", python="/usr/bin/python3")
    assert (order["run_id"], order["app"], order["python"]) == ("r1", "/app", "/usr/bin/python3")
    assert order["memory_limit_bytes"] == 536870912
    assert order["disk_paths"] == ["/app", "/tmp"]
    assert order["setup"] == [["pip", "install", "-r", "requirements.txt"]]
    assert order["processes"][0] == {
        "name": "inventory",
        "command": ["python3", "inventory.py"],
        "port": 9000,
        "env": {},
        "cwd": ".",
        "ready": None,
        "restart": "never",
        "ready_timeout_s": 30.0,
    }
    assert order["load"] == {
        "url": "http://127.0.0.1:8000/checkout",
        "method": "GET",
        "headers": {},
        "body": None,
        "rate_per_s": 50.0,
        "timeout_s": 2.0,
        "connections": 256,
    }
    assert order["steady_state"][1] == {
        "name": "fast",
        "probe": {"type": "metric", "metric": "latency_p95", "window": 1.0, "every": 0.5},
        "tolerance": {"max": 1.0, "unit": "duration"},
        "holds": "throughout",
        "budget": 0.05,
        "recover_within_s": None,
    }
    assert order["method"][0]["hold_s"] == 60.0
    assert order["method"][0]["fault"]["delay"] == 0.3
    assert (order["baseline_s"], order["recovery_s"], order["declared_s"]) == (10.0, 30.0, 160.0)
    assert order["stop_when"][0]["for_s"] == 3.0
    assert json.loads(json.dumps(order, allow_nan=False)) == order


def test_what_holds_afterwards_has_the_recovery_phase_to_recover_unless_it_says_less(tmp_path: Path) -> None:
    order = a_plan(tmp_path, FULL.replace("      recoverWithin: 5s\n", "")).order()
    assert order["steady_state"][0]["recover_within_s"] == 30.0


def test_the_digest_changes_with_the_spec_and_with_the_files_of_the_app_only(tmp_path: Path) -> None:
    path = a_manifest(tmp_path)
    web = path.parent.parent / "apps" / "shop" / "web.py"

    def digest() -> str:
        return plan(load(path)[0]).digest

    first = digest()
    assert first.startswith("sha256:")
    path.write_text(FULL.replace("team: payments", "team: others") + "# a comment\n")
    assert digest() == first
    path.write_text(FULL.replace("delay: 300ms", "delay: 0.3s"))
    assert digest() == first
    cache = web.parent / "__pycache__"
    cache.mkdir()
    (cache / "web.pyc").write_bytes(b"x")
    assert digest() == first
    path.write_text(FULL.replace("delay: 300ms", "delay: 301ms"))
    assert digest() != first
    path.write_text(FULL)
    web.write_text("print('changed')\n")
    assert digest() != first


def test_the_same_manifest_makes_the_same_random_choices_unless_a_seed_is_given(tmp_path: Path) -> None:
    (loaded,) = load(a_manifest(tmp_path))
    assert plan(loaded).seed == plan(loaded).seed
    assert plan(loaded, seed=7).order()["seed"] == 7


def test_a_port_of_the_sandbox_itself_is_refused_for_the_app_and_for_a_fault(tmp_path: Path) -> None:
    text = FULL.replace("type: local", "type: e2b").replace("port: 8000", "port: 49983", 1)
    text = text.replace("jitter: 0ms, process: web", "port: 49983")
    (loaded,) = load(a_manifest(tmp_path, text))
    with pytest.raises(PlanError) as caught:
        plan(loaded)
    first, second = caught.value.problems
    assert first.path == "spec.target.processes[1].port"
    assert second.path == "spec.method[0].fault.port"
    assert "49983 is envd's" in str(first)
    assert isinstance(caught.value, ManifestError)


@pytest.mark.parametrize(
    "path",
    [
        "/run",
        "/run/chaoslab",
        "/run/",
        "//run/x",
        "/tmp/../run",
        "/var/run/chaoslab",
        "/proc/self/root/run",
        "/proc/1",
    ],
)
@pytest.mark.parametrize(
    "fault", ["disk_full", "inode_exhaustion", "disk_read_only", "io_stress", "io_throttle"]
)
def test_the_disk_that_the_agent_writes_to_is_no_target(tmp_path: Path, fault: str, path: str) -> None:
    what = f"{{type: {fault}, path: {path}" + (", read: 1MiB/s}" if fault == "io_throttle" else "}")
    text = re.sub(r"fault: \{type: network_delay[^}]*\}", f"fault: {what}", FULL)
    (loaded,) = load(a_manifest(tmp_path, text))
    with pytest.raises(PlanError) as caught:
        plan(loaded)
    (said,) = [str(each) for each in caught.value.problems if "leads to the disk" in str(each)]
    assert re.search(r"\.yaml:\d+:\d+ spec\.method\[0\]\.fault\.path: ", said), said


@pytest.mark.parametrize("path", ["/tmp", "/app", "/runner", "/tmp/run", "/run/../tmp", "/var/tmp"])
def test_other_disks_are_targets(tmp_path: Path, path: str) -> None:
    text = re.sub(r"fault: \{type: network_delay[^}]*\}", f"fault: {{type: disk_full, path: {path}}}", FULL)
    (loaded,) = load(a_manifest(tmp_path, text))
    assert plan(loaded).work.method[0].fault.fields["path"] == path


@pytest.mark.parametrize(("limit", "fits"), [("50%", False), ("20%", False), ("51%", True)])
def test_a_cpu_limit_that_is_none_beside_the_sandboxs_own_is_refused(
    tmp_path: Path, limit: str, fits: bool
) -> None:
    text = re.sub(r"fault: \{type: network_delay[^}]*\}", "fault: {type: cpu_throttle, cpu: 50%}", FULL)
    (loaded,) = load(a_manifest(tmp_path, text.replace("disk: 256MiB", f"disk: 256MiB, cpu: {limit}")))
    if fits:
        assert plan(loaded).work.cpu_limit == 0.51
        return
    with pytest.raises(PlanError, match=f"of 50% changes nothing: the sandbox has {limit}") as caught:
        plan(loaded)
    assert [problem.path for problem in caught.value.problems] == ["spec.method[0].fault.cpu"]


def test_what_came_later_changes_no_digest(tmp_path: Path) -> None:
    (loaded,) = load(a_manifest(tmp_path))
    assert "cpu" not in plan(loaded).order()["sandbox"]
    assert "cpu_limit" not in plan(loaded).order()
    first = loaded.manifest.spec.model_dump(exclude=WHEN)
    assert first["sandbox"].pop("cpu") is None
    covered = loaded.manifest.spec.model_dump(exclude=WHEN)
    trim(covered, loaded.manifest.spec)
    assert covered["sandbox"] == first["sandbox"]


def test_a_capability_that_the_sandbox_lacks_is_said_at_the_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalSandbox, "provides", frozenset({"mount", "memory-limit"}))
    (loaded,) = load(a_manifest(tmp_path))
    with pytest.raises(
        PlanError, match="sandbox 'local' lacks net-admin, which network_delay needs"
    ) as caught:
        plan(loaded)
    assert [problem.path for problem in caught.value.problems] == ["spec.method[0].fault"]


def test_an_image_on_the_local_sandbox_is_refused(tmp_path: Path) -> None:
    text = SMALL.replace("app: ../apps/shop", "image: docker.io/library/nginx:1.29")
    (loaded,) = load(a_manifest(tmp_path, text))
    with pytest.raises(PlanError, match="sandbox 'local' runs no images"):
        plan(loaded)


def test_an_app_that_cannot_be_shipped_is_refused(tmp_path: Path) -> None:
    path = a_manifest(tmp_path, FULL.replace("disk: 256MiB", "disk: 1MiB"))
    app = path.parent.parent / "apps" / "shop"
    (app / "large").write_bytes(bytes(2**20))
    (app / "secret").symlink_to("/etc/passwd")
    (app / "inside").symlink_to("web.py")
    with pytest.raises(PlanError) as caught:
        plan(load(path)[0])
    said = [problem.what for problem in caught.value.problems]
    assert len(said) == 2
    assert "secret: a link that leaves the app's directory" in said[0]
    assert "but the sandbox's disk is 1MiB" in said[1]


def test_the_description_says_what_would_be_done_with_units(tmp_path: Path) -> None:
    words = describe(a_plan(tmp_path))
    for line in (
        "sandbox local: memory 512MiB, disk 256MiB, destroys itself after 10m",
        "  load     GET http://127.0.0.1:8000/checkout at 50/s, timeout 2s",
        "afterwards, recovered within 5s",
        "  00:10.0  fault         1m  slow network: network_delay delay 300ms",
        "  no fault is held longer than 2m; here 1m",
        "error_rate, window 1s, every 500ms is not at most 50% for 3s",
    ):
        assert line in words


def test_the_description_says_why_it_cannot_be_done(tmp_path: Path) -> None:
    text = SMALL.replace("app: ../apps/shop", "image: docker.io/library/nginx:1.29")
    (loaded,) = load(a_manifest(tmp_path, text))
    drawn, refusals = draw(loaded)
    words = describe(drawn, refusals)
    assert "cannot be carried out\n" in words
    assert "sandbox 'local' runs no images" in words


CONTAINED = SMALL.replace("app: ../apps/shop", "image: docker.io/library/nginx:1.29").replace(
    "  target:", "  sandbox: {type: container}\n  target:"
)


def test_faults_of_an_image_stay_off_its_engines_disk(tmp_path: Path) -> None:
    filling = "fault: {type: disk_full, path: /var/cache}"
    skewed = "fault: {type: clock_skew, offset: +30s, process: web}"
    path = a_manifest(tmp_path, CONTAINED)
    (loaded,) = load(path)
    assert plan(loaded).image == "docker.io/library/nginx:1.29"
    for fault, why in (
        (filling, "'/var/cache' of an image lies on"),
        (skewed, "which an image does not hold"),
    ):
        path.write_text(CONTAINED.replace("fault: {type: process_kill, process: web}", fault))
        (loaded,) = load(path)
        with pytest.raises(PlanError, match=why):
            plan(loaded)


def test_e2b_keeps_no_command_of_an_image(tmp_path: Path) -> None:
    bare = re.sub(r", command: \[.*?\]", "", CONTAINED).replace("type: container", "type: e2b")
    (loaded,) = load(a_manifest(tmp_path, bare))
    with pytest.raises(PlanError, match="has no 'command'; on 'e2b' no image brings its own"):
        plan(loaded)


def test_an_image_and_a_template_are_two_origins(tmp_path: Path) -> None:
    (loaded,) = load(a_manifest(tmp_path, CONTAINED.replace("type: container", "type: e2b, template: mine")))
    with pytest.raises(PlanError, match=r"spec\.sandbox\.template: small: .* write 'image' or 'template'"):
        plan(loaded)


def test_only_an_image_brings_its_own_command(tmp_path: Path) -> None:
    bare = re.sub(r", command: \[.*?\]", "", CONTAINED)
    assert bare != CONTAINED
    path = a_manifest(tmp_path, bare)
    (loaded,) = load(path)
    assert plan(loaded).order()["processes"][0]["command"] is None
    path.write_text(re.sub(r", command: \[.*?\]", "", SMALL))
    with pytest.raises(ManifestError, match="has no 'command'; only an image brings its own"):
        load(path)


def throttled(hold: str) -> str:
    """The full manifest with another first fault, of which it is known how long it must be held."""
    delay = "{type: network_delay, delay: 300ms, jitter: 0ms, process: web}\n      hold: 60s"
    assert delay in FULL
    return FULL.replace(delay, "{type: cpu_throttle, cpu: 50%}\n      hold: " + hold)


def test_a_hold_too_short_for_the_fault_to_be_measured_is_refused(tmp_path: Path) -> None:
    path = a_manifest(tmp_path, throttled("900ms"))
    (loaded,) = load(path)
    with pytest.raises(PlanError) as caught:
        plan(loaded)
    (problem,) = caught.value.problems
    assert str(problem) == (
        f"{path}:44:7 spec.method[0].hold: shop-network-delay: 'slow network' is held for 900ms, "
        "but cpu_throttle needs at least 1s to be reached and measured"
    )
    path.write_text(throttled("1s"))
    assert plan(load(path)[0])


def test_each_stage_of_a_ramp_must_be_long_enough(tmp_path: Path) -> None:
    ramp = "20s\n      ramp: {field: cpu, from: 20%, to: 80%, stages: 40}"
    (loaded,) = load(a_manifest(tmp_path, throttled(ramp)))
    with pytest.raises(
        PlanError, match=r"'slow network 1/40 \(cpu 20%\)' is held for 500ms, but cpu_throttle"
    ):
        plan(loaded)


def test_what_this_machine_lacks_is_said_with_the_remedy_where_the_sandbox_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skew = FULL.replace(
        "{type: network_delay, delay: 300ms, jitter: 0ms, process: web}", "{type: clock_skew}"
    )
    (loaded,) = load(a_manifest(tmp_path, skew))
    assert plan(loaded).order()["method"][0]["prepares"] is True
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    with pytest.raises(
        PlanError, match=r"clock_skew cannot be injected on this machine: .*on such a machine with cc: "
    ):
        plan(loaded)


def test_a_warm_up_is_planned_and_none_is_as_before_it_could_be_said(tmp_path: Path) -> None:
    def planned(warmup: str) -> Plan:
        return plan(
            load(a_manifest(tmp_path / f"{warmup}x", FULL.replace("phases: {", f"phases: {{{warmup}")))[0]
        )

    before, none, warm = planned(""), planned("warmup: 0s, "), planned("warmup: 5s, ")
    assert none.digest == before.digest != warm.digest
    assert "warmup_s" not in none.order()
    assert (warm.order()["warmup_s"], warm.declared_s) == (5.0, before.declared_s + 5.0)
    lines = describe(warm).splitlines()
    assert any("00:00.0  warmup" in line and "nothing of it is judged" in line for line in lines)
    assert any("00:05.0  baseline" in line for line in lines)
