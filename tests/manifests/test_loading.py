"""What is right is loaded as it was meant, and every problem of a file is said at once, where it is."""

import subprocess
import sys
from pathlib import Path

import pytest

from chaos.errors import ManifestError
from chaos.faults.disk_full import DiskFull
from chaos.manifests.load import load, load_all
from chaos.manifests.yaml.files import find
from chaos.manifests.yaml.problems import ManifestProblem
from chaos.probes.metric import MetricProbe
from tests.manifests.a_repository import FULL, SMALL, a_manifest, a_repository


def problems_of(path: Path) -> dict[str, ManifestProblem]:
    """The problems of a file that must have some, by their path."""
    with pytest.raises(ManifestError) as caught:
        load(path)
    assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)
    return {problem.path: problem for problem in caught.value.problems}


def changed(tmp_path: Path, *changes: tuple[str, str], text: str = FULL) -> Path:
    """The full manifest with these replacements."""
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return a_manifest(tmp_path, text)


def test_a_manifest_that_uses_every_field_is_read_in_base_units(tmp_path: Path) -> None:
    (loaded,) = load(a_manifest(tmp_path))
    spec = loaded.manifest.spec
    assert spec.sandbox.memory == 512 * 2**20
    assert spec.load is not None
    assert (spec.load.rate, spec.load.timeout) == (50.0, 2.0)
    assert spec.steady_state[1].probe == MetricProbe(metric="latency_p95", every=0.5, window=1.0)
    assert spec.steady_state[1].budget == 0.05
    assert spec.stop_when[0].lasting == 3.0
    assert loaded.app == (tmp_path / "experiments" / "apps" / "shop").resolve()
    assert loaded.root == tmp_path.resolve()


def test_the_smallest_manifest_has_documented_defaults(tmp_path: Path) -> None:
    (loaded,) = load(a_manifest(tmp_path, SMALL))
    spec = loaded.manifest.spec
    assert spec.sandbox.type == "local"
    assert spec.method[0].hold == 30.0
    assert (spec.phases.baseline, spec.phases.recovery) == (10.0, 30.0)
    assert spec.blast_radius.max_hold == 300.0


def test_an_intensity_becomes_the_numbers_it_stands_for(tmp_path: Path) -> None:
    (loaded,) = load(a_manifest(tmp_path))
    fault = loaded.manifest.spec.method[2].fault
    assert isinstance(fault, DiskFull)
    assert (fault.intensity, fault.leave) == ("high", 0.0)


def test_an_intensity_beside_a_number_it_sets_is_refused_at_that_number(tmp_path: Path) -> None:
    path = changed(tmp_path, ("intensity: high}", "intensity: high, leave: 1MiB}"))
    problem = problems_of(path)["spec.method[2].fault.leave"]
    assert "intensity: high" in problem.what
    assert (problem.line, problem.column) == (48, 49)


def test_problems_have_the_line_and_column_of_their_key(tmp_path: Path) -> None:
    path = changed(tmp_path, ("type: network_delay", "type: network_dealy"))
    problem = problems_of(path)["spec.method[0].fault.type"]
    assert str(problem).startswith(
        f"{path}:43:15 spec.method[0].fault.type: unknown 'network_dealy'; did you mean"
    )
    assert "known: bandwidth, " in problem.what


def test_all_problems_of_a_file_are_said_at_once(tmp_path: Path) -> None:
    path = changed(
        tmp_path,
        ("  hypothesis:", "  hypotesis:"),
        ("restart: always", "restart: allways"),
        ("rate: 50/s", "rate: 50"),
        ("metric: latency_p95", "metric: latency_p96"),
        ("tolerance: {max: 1s}", "tolerance: {maximum: 1s}"),
        ("process: web}\n      hold: 60s", "process: wbe}\n      hold: 10m"),
        ("fill: 80%, over: 20s", "fill: 180%, ovr: 20s"),
        ("timezone: Europe/Berlin", "timezone: Europe/Berlinn"),
        ("suspend: false", "suspend: no"),
    )
    found = problems_of(path)
    assert set(found) == {
        "spec.hypotesis",
        "spec.hypothesis",
        "spec.target.processes[1].restart",
        "spec.load.rate",
        "spec.steadyState[1].probe.metric",
        "spec.method[0].fault.process",
        "spec.method[0].hold",
        "spec.method[1].fault.fill",
        "spec.method[1].fault.ovr",
        "spec.sandbox.ttl",
        "spec.schedule.timezone",
        "spec.suspend",
    }
    assert "did you mean 'hypothesis'?" in found["spec.hypotesis"].what
    assert "did you mean 'web'?" in found["spec.method[0].fault.process"].what
    assert "did you mean 'Europe/Berlin'?" in found["spec.schedule.timezone"].what
    assert found["spec.suspend"].what == "expected true or false, got the text 'no'"


def test_problems_are_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = changed(
        tmp_path, ("retries: 1", "retries: -1"), ("team: payments", "team: 7"), ("port: 9000", "port: 0")
    )
    with pytest.raises(ManifestError) as caught:
        load(path)
    lines = [problem.line for problem in caught.value.problems]
    assert lines == sorted(lines)
    assert len(lines) == 3


def test_one_mistake_does_not_hide_what_is_wrong_beside_it(tmp_path: Path) -> None:
    path = changed(
        tmp_path,
        ("type: disk_full, intensity: high", "type: disc_full, path: 7"),
        ("type: tcp, port: 8000}", "type: tcp, port: x}"),
        ("connected: true", "connectd: true"),
    )
    assert set(problems_of(path)) == {
        "spec.method[2].fault.type",
        "spec.method[2].fault.path",
        "spec.steadyState[3].probe.port",
        "spec.steadyState[3].tolerance.connectd",
    }


def test_a_list_is_not_called_too_short_because_its_entries_are_wrong(tmp_path: Path) -> None:
    path = changed(
        tmp_path, ("type: process_kill, process: web", "type: process_kill, process: 7"), text=SMALL
    )
    assert set(problems_of(path)) == {"spec.method[0].fault.process"}


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        (
            "command: [python3, web.py]\n",
            "command: python3 web.py\n",
            "spec.target.processes[1].command",
            "[python3, web.py]",
        ),
        (
            "port: 9000",
            'port: "9000"',
            "spec.target.processes[0].port",
            "expected a whole number, got the text '9000'",
        ),
        ("team: payments", "team: 12", "metadata.labels.team", "put it in quotes"),
        (
            "name: shop-network-delay",
            "name: Shop_Delay",
            "metadata.name",
            "lower-case letters, digits and dashes",
        ),
        ("kind: Experiment", "kind: Experimnt", "kind", "did you mean 'Experiment'?"),
        ("apiVersion: chaoslab/v1", "apiVersion: chaoslab/v2", "apiVersion", "known: chaoslab/v1"),
        ("memory: 512MiB", "memory: 1MiB", "spec.sandbox.memory", "allowed: 32MiB to 64GiB"),
        ("ttl: 10m", "ttl: 1m", "spec.sandbox.ttl", "at least"),
        ("type: local", "type: locla", "spec.sandbox.type", "known: container, e2b, local"),
        (
            "tolerance: {status: 200}",
            "tolerance: {max: 1s}",
            "spec.steadyState[0].tolerance.max",
            "known: contains",
        ),
        ("tolerance: {status: 200}", "tolerance: {}", "spec.steadyState[0].tolerance", "status, contains"),
        (
            "tolerance: {status: 200}",
            "tolerance: {status: 20}",
            "spec.steadyState[0].tolerance.status",
            "100 to 599",
        ),
        (
            "tolerance: {max: 50%}",
            "tolerance: {max: 1s}",
            "spec.stopWhen[0].tolerance.max",
            "a share such as 80%",
        ),
        (
            "metric: error_rate}, tolerance: {max: 50%}",
            "metric: error_rate, every: 1500ms}, tolerance: {max: 50%}",
            "spec.stopWhen[0].probe.every",
            "too rare for what ends a run; at most 1s",
        ),
        (
            'matches: "f.ne"',
            'matches: "("',
            "spec.steadyState[4].tolerance.matches",
            "not a regular expression",
        ),
        ('cron: "0 9 * * 1-5"', "cron: 12:30:00", "spec.schedule.cron", "five fields"),
        (
            "process: web}\n      tolerance",
            "process: wbe}\n      tolerance",
            "spec.steadyState[2].probe.process",
            "'web'?",
        ),
        ("name: fast", "name: healthy", "spec.steadyState[1].name", "already the name of steadyState[0]"),
        ("name: full disk", "name: slow network", "spec.method[2].name", "already the name of method[0]"),
        ("port: 9000", "port: 8000", "spec.target.processes[1].port", "already the port of processes[0]"),
        (
            "recoverWithin: 5s",
            "recoverWithin: 31s",
            "spec.steadyState[0].recoverWithin",
            "recovery phase of 30s",
        ),
        ("      holds: afterwards\n", "", "spec.steadyState[0].recoverWithin", "needs 'holds: afterwards'"),
        ("maxHold: 2m", "maxHold: 30s", "spec.method[0].hold", "beyond the blast radius: maxHold is 30s"),
        ("over: 20s", "over: 40s", "spec.method[1].fault.over", "held for 30s only"),
        (
            "every: 50ms, ",
            "every: 6s, ",
            "spec.steadyState[0].probe.every",
            "less than twice in a baseline of 10s",
        ),
        ("app: ../apps/shop", "image: docker.io/library/nginx", "", ""),
        ("app: ../apps/shop", "appp: ../apps/shop", "spec.target.appp", "did you mean 'app'?"),
        (
            "command: [python3, -c, \"print('fine')\"]",
            "command: []",
            "spec.steadyState[4].probe.command",
            "is empty",
        ),
        ("rate: 50/s", "rate: 0/s", "spec.load.rate", "out of range"),
        ('url: "http://127.0.0.1:8000/checkout"', "url: https://x", "spec.load.url", "is not plain http"),
        (
            "metric: latency_p95}",
            "metric: latency_p95, window: 150ms, every: 50ms}",
            "spec.steadyState[1].probe.window",
            "over 150ms at 50/s is computed from 7.5 requests; at least 10: window 200ms, or a rate of 67/s",
        ),
        (
            "metric: latency_p95}",
            "metric: latency_p95, window: 11s}",
            "spec.steadyState[1].probe.window",
            "11s is longer than the baseline of 10s",
        ),
        ("metric: latency_p95}", "metric: latency_p95, window: 10s}", "", ""),
        ("metric: latency_p95}", "metric: latency_p95, window: 200ms, every: 50ms}", "", ""),
    ],
)
def test_each_mistake_is_said_where_it_is_with_what_is_allowed(
    tmp_path: Path, old: str, new: str, where: str, what: str
) -> None:
    path = changed(tmp_path, (old, new))
    if not where:
        assert load(path)
        return
    assert what in problems_of(path)[where].what


def test_metrics_of_the_load_need_a_load(tmp_path: Path) -> None:
    path = changed(
        tmp_path, ('  load: {url: "http://127.0.0.1:8000/checkout", rate: 50/s, timeout: 2s}\n', "")
    )
    assert set(problems_of(path)) == {"spec.steadyState[1].probe.metric", "spec.stopWhen[0].probe.metric"}


def test_a_load_too_small_for_its_metrics_is_refused_at_each_of_them(tmp_path: Path) -> None:
    path = changed(tmp_path, ("rate: 50/s", "rate: 9/s"))
    found = problems_of(path)
    assert set(found) == {"spec.steadyState[1].probe.window", "spec.stopWhen[0].probe.window"}
    assert str(found["spec.steadyState[1].probe.window"]) == (
        f"{path}:29:7 spec.steadyState[1].probe.window: latency_p95 over 1s at 9/s is computed from 9 requests; "
        "at least 10: window 1112ms, or a rate of 10/s"
    )


def test_a_metric_of_usage_needs_no_load(tmp_path: Path) -> None:
    assert load(
        changed(
            tmp_path,
            ("metric: latency_p95}", "metric: memory, window: 150ms, every: 50ms}"),
            ("{max: 1s}", "{max: 50%}"),
        )
    )


def test_a_file_may_hold_several_manifests_with_names_of_their_own(tmp_path: Path) -> None:
    path = a_manifest(tmp_path, f"{FULL}---\n{SMALL}---\n")
    assert [loaded.manifest.metadata.name for loaded in load(path)] == ["shop-network-delay", "small"]
    path.write_text(f"{SMALL}---\n{SMALL}")
    problem = problems_of(path)["metadata.name"]
    assert (problem.line, problem.what) == (17, f"'small' is already the name of {path}:3:12")


def test_names_are_unique_among_files_that_are_loaded_together(tmp_path: Path) -> None:
    first = a_manifest(tmp_path, SMALL)
    second = first.with_name("b.yaml")
    second.write_text(SMALL)
    loaded, wrong = load_all([first, second])
    assert len(loaded) == 2
    assert [problem.file for problem in wrong] == [str(second)]


def test_a_bad_file_does_not_keep_the_others_from_being_loaded(tmp_path: Path) -> None:
    good = a_manifest(tmp_path, SMALL)
    bad = good.with_name("b.yaml")
    bad.write_text("a: [")
    loaded, wrong = load_all([bad, good, good.with_name("absent.yaml"), good.parent])
    assert [one.file for one in loaded] == [str(good)]
    assert [problem.what.split(";")[0] for problem in wrong] == [
        "not YAML: did not find expected node content while parsing a flow node",
        "cannot be read: No such file or directory",
        "is a directory",
    ]


def test_directories_stand_for_the_manifests_below_them_but_not_for_apps(tmp_path: Path) -> None:
    shop = a_repository(tmp_path)
    for name in (
        "shop/a.yaml",
        "shop/b.yml",
        "shop/.hidden.yaml",
        "apps/shop/compose.yaml",
        "shop/readme.md",
    ):
        (shop.parent / name).write_text(SMALL)
    assert find([tmp_path]) == [shop / "a.yaml", shop / "b.yml"]
    assert find([shop / "a.yaml"]) == [shop / "a.yaml"]


def test_loading_imports_neither_prefect_nor_httpx() -> None:
    code = (
        "import sys, chaos.manifests.load, chaos.planning.plan;"
        "print(sorted({'prefect', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
