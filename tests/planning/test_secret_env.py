"""A process gets a secret from the environment of the run; nothing that a run leaves or shows has it."""

import os
import stat
from pathlib import Path

import pytest

from chaos.errors import PlanError, TargetError
from chaos.manifests.ad_hoc import yaml_of
from chaos.manifests.load import load
from chaos.planning.describe import describe
from chaos.planning.plan import Plan, draw, plan
from chaos.planning.secret_env import filled
from tests.lab import KILL, WEB, Lab

VALUE = "hunter2 Very/Secret+é"
PLAIN = "s3cr3t-in-git"

TELLS_ALL = """
import base64, json, os, sys, urllib.parse, http.server
v = os.environ["DB_PASSWORD"]
print("plain", v, os.environ["API_TOKEN"], "token=ghp_abcdefghijklmnopqrstuvwxyz0123456789", flush=True)
print(json.dumps({"password": v}), urllib.parse.quote(v, safe=""), repr(v), flush=True)
print(base64.b64encode(("user:" + v).encode()).decode(), v.encode().hex(), "x" * 4080 + v, file=sys.stderr, flush=True)
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("ok " + v).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Hello).serve_forever()
"""
ENV = {"DB_PASSWORD": {"secret": "LAB_DB_PASSWORD"}, "API_TOKEN": PLAIN}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def manifest(lab: Lab, **process: object) -> Path:
    body = {"type": "http", "url": "http://127.0.0.1:8000/", "every": "50ms", "timeout": "1s"}
    state = {"name": "healthy", "probe": body, "tolerance": {"contains": "ok"}, "holds": "afterwards"}
    return lab.manifest(process={**WEB, "env": ENV, **process}, steadyState=[state], method=[KILL])


def test_a_missing_secret_is_refused_with_its_place(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (loaded,) = load(manifest(lab))
    monkeypatch.delenv("LAB_DB_PASSWORD", raising=False)
    with pytest.raises(
        PlanError, match=r"one\.yaml:\d+:\d+ .*env\.DB_PASSWORD\.secret: .*LAB_DB_PASSWORD.*not set"
    ):
        plan(loaded)
    monkeypatch.setenv("LAB_DB_PASSWORD", "abc")
    with pytest.raises(PlanError, match="too short to be masked"):
        plan(loaded)
    assert draw(loaded)[1] == [], "another machine may have it"


def test_a_plan_has_the_name_and_its_digest_covers_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (loaded,) = load(manifest(lab))
    monkeypatch.setenv("LAB_DB_PASSWORD", VALUE)
    made = plan(loaded)
    for told in (made.to_json(), describe(made), repr(made), str(made.order())):
        assert VALUE not in told
    for told in (describe(made), repr(made), str(made.order())):
        assert PLAIN not in told
    assert "secret   web: DB_PASSWORD from LAB_DB_PASSWORD of the environment" in describe(made)
    monkeypatch.setenv("LAB_DB_PASSWORD", "another one")
    assert plan(loaded).digest == made.digest
    (other,) = load(manifest(lab, env={**ENV, "API_TOKEN": "another one"}))
    assert plan(other).digest != made.digest


def test_the_kept_manifest_is_the_author_s_without_values(lab: Lab) -> None:
    """Of a variable that is called so, too short a value is hidden as well."""
    file = manifest(
        lab, env={**ENV, "API_KEY": "abc", "MODE": "fast"}, command=["python3", "server.py", "--pin=12"]
    )
    made, _ = draw(load(file)[0])
    text = yaml_of(made.manifest)
    assert PLAIN not in text
    env = made.manifest["spec"]["target"]["processes"][0]["env"]
    assert env == {
        "DB_PASSWORD": ENV["DB_PASSWORD"],
        "API_TOKEN": "[masked]",
        "API_KEY": "[masked]",
        "MODE": "fast",
    }
    open_ = lab.manifest("open")
    kept = open_.with_name("kept.yaml")
    kept.write_text(yaml_of(draw(load(open_)[0])[0].manifest))
    assert draw(load(kept)[0])[0].digest == draw(load(open_)[0])[0].digest
    assert Plan.from_json(made.to_json()) == made


def test_only_the_agent_gets_the_value(lab: Lab) -> None:
    order = draw(load(manifest(lab))[0])[0].spec("r", "/usr/bin/python3")
    whole = filled(order, {"LAB_DB_PASSWORD": VALUE})
    assert whole.processes[0].env == {"DB_PASSWORD": VALUE, "API_TOKEN": PLAIN}
    assert whole.processes[0].secret == ["DB_PASSWORD"]
    with pytest.raises(TargetError, match="LAB_DB_PASSWORD"):
        filled(order, {})


def test_what_is_wrong_with_one_is_said_with_its_place(lab: Lab) -> None:
    done = lab.chaoslab("validate", manifest(lab, env={"A": {"secrt": "X"}, "B": 7, "C": {"secret": "1-"}}))
    assert done.code == 2
    said = (
        "env.A.secrt: unknown key 'secrt'; did you mean 'secret'?",
        "env.B: expected text",
        "env.C.secret: ",
    )
    done.assert_explained(*said)


def test_nothing_of_a_run_has_it_and_nothing_is_the_worlds(lab: Lab) -> None:
    (lab.folder / "app/server.py").write_text(TELLS_ALL)
    lab.variables |= {"LAB_DB_PASSWORD": VALUE, "CHAOSLAB_STATE_DIR": str(lab.folder / "state")}
    done = lab.run("--json", manifest(lab))
    assert done.code == 0, done
    logs = [event.data["line"] for event in lab.events() if event.type == "log.captured"]
    assert "plain [secret DB_PASSWORD] [secret API_TOKEN] token=[masked]" in logs
    files = [path for path in lab.runs.rglob("*") if path.is_file()]
    assert len(files) >= 4
    encoded = (VALUE.encode().hex()[8:20], "aHVudGVyM", "h1bnRlcj", "odW50ZXIy")
    for text in (done.out, done.err, *(path.read_text() for path in files)):
        for part in ("hunter2", "Very", PLAIN, "ghp_abc", *encoded):
            assert part not in text
    for path in (*lab.runs.rglob("*"), lab.runs, *(lab.folder / "state").rglob("*")):
        assert not stat.S_IMODE(os.lstat(path).st_mode) & stat.S_IRWXO, path
    assert stat.S_IMODE((lab.folder / "state").stat().st_mode) == 0o700
