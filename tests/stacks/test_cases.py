"""Ordinary apps as a new user brings them: each once told something wrong about itself, or nothing at all."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.stacks import FOLDER, STACKS
from chaos.analysis.result import Result
from tests import lab as labs
from tests.escape.identities import as_ordinary_user, packages
from tests.lab import ROOT, Ended, Lab

GUNICORN = "/usr/bin/gunicorn"
URL = "http://127.0.0.1:8000/"
POSTGRES = next(stack for stack in STACKS if stack.name == "postgres")
LOOK = {"type": "http", "url": URL, "every": "50ms", "timeout": "1s"}
ANSWERS = {"name": "answers", "probe": LOOK, "tolerance": {"status": 200}}
BACK = {**ANSWERS, "holds": "afterwards", "recoverWithin": "3s"}
PHASES = {"baseline": "2s", "recovery": "4s"}

pytestmark = pytest.mark.e2e


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with labs.lab(tmp_path) as made:
        yield made


def said(done: Ended) -> str:
    return done.out + done.err


KEEPS_ALL = """
import com.sun.net.httpserver.*;
import java.net.InetSocketAddress;
import java.util.*;
public class Main {
  static final List<byte[]> kept = Collections.synchronizedList(new ArrayList<>());
  public static void main(String[] arguments) throws Exception {
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 8000), 100);
    server.setExecutor(java.util.concurrent.Executors.newFixedThreadPool(16));
    server.createContext("/", asked -> answer(asked));
    server.createContext("/keep", asked -> {
      byte[] more = new byte[1 << 20];
      Arrays.fill(more, (byte) 1);
      kept.add(more);
      answer(asked);
    });
    server.start();
  }
  static void answer(HttpExchange asked) throws java.io.IOException {
    asked.sendResponseHeaders(200, -1);
    asked.close();
  }
}
"""
"""Twice as fast as a neighbour gives memory back, and with a heap that has room for it: the limit ends it."""


def test_a_jvm_that_the_kernel_ends_under_memory_pressure_deviates(lab: Lab) -> None:
    (lab.folder / "app/Main.java").write_text(KEEPS_ALL)
    web = {
        "name": "web",
        "command": ["java", "-Xmx360m", "-XX:+UseSerialGC", "Main"],
        "port": 8000,
        "restart": "always",
        "ready": {"type": "http", "url": URL},
    }
    done = lab.run(
        "--json",
        lab.manifest(
            target={"app": "app", "setup": [["javac", "Main.java"]], "processes": [web]},
            sandbox={"type": "local", "memory": "400MiB", "ttl": "2m"},
            load={"url": f"{URL}keep", "rate": "40/s", "timeout": "2s"},
            steadyState=[{**ANSWERS, "budget": "0%"}],
            method=[
                {
                    "name": "little memory",
                    "fault": {"type": "memory_pressure", "fill": "95%", "over": "2s"},
                    "hold": "8s",
                }
            ],
            phases=PHASES,
        ),
    )
    result = done.result
    assert (result.verdict, result.exit_code) == ("deviated", 1), result.why
    (step,) = result.steps
    assert step.landed, step.why


POOL_OF_FOUR = """
import os, queue, sys
import psycopg2
pool = queue.Queue()
for _ in range(4):
    kept = psycopg2.connect(os.environ["DSN"])
    kept.autocommit = True
    pool.put(kept)
def app(environ, start):
    kept = pool.get()
    try:
        with kept.cursor() as cursor:
            cursor.execute("select 1")
            row = str(cursor.fetchone()[0]).encode()
    finally:
        pool.put(kept)
    start("200 OK", [("Content-Length", str(len(row)))])
    return [row]
"""


def test_a_pool_that_is_too_small_for_a_longer_road_is_told_by_its_capacity(lab: Lab) -> None:
    """Four connections, each held for 100 ms, are 40 answers a second; 60 are asked for, and looks take some, too."""
    shutil.copytree(FOLDER / "postgres", lab.folder / "app", dirs_exist_ok=True)
    (lab.folder / "app/web.py").write_text(POOL_OF_FOUR)
    command = [GUNICORN, "--threads", "8", "--bind", "127.0.0.1:8000", "web:app"]
    slow = {"type": "network_delay", "process": "web", "peer": "db:5432", "delay": "100ms"}
    done = lab.run(
        "--json",
        lab.manifest(
            target=POSTGRES.target(command=command),
            sandbox={"type": "local", "memory": "512MiB", "disk": "128MiB", "ttl": "2m"},
            load={"url": URL, "rate": "60/s", "timeout": "2s"},
            steadyState=[{**ANSWERS, "tolerance": {"status": 200, "maxLatency": "150ms"}, "budget": "1%"}],
            method=[{"name": "a longer road", "fault": slow, "hold": "6s"}],
            phases=PHASES,
        ),
    )
    result = done.result
    assert result.verdict == "deviated", result.why
    advice = " ".join(result.analysis.recommendations)
    assert "Capacity is the number of workers or pooled connections" in advice
    assert "in parallel" not in advice


WSGI = """
def app(environ, start):
    start("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


def test_the_first_run_of_gunicorn_as_init_writes_it(lab: Lab) -> None:
    """It listens long before a worker answers."""
    wsgi = lab.folder / "wsgi"
    wsgi.mkdir()
    (wsgi / "wsgi.py").write_text(f"import time\ntime.sleep(1)\n{WSGI}")
    command = f"{GUNICORN} --workers 3 --bind 127.0.0.1:8000 wsgi:app"
    new = lab.folder / "new"
    made = lab.chaoslab("init", new, "--app", wsgi, "--command", command, "--fault", "process_kill")
    assert made.code == 0, said(made)
    manifest = new / "experiments/wsgi-process-kill.yaml"
    (web,) = yaml.safe_load(manifest.read_text())["spec"]["target"]["processes"]
    assert web["ready"]["type"] == "http"
    done = lab.run("--json", manifest)
    assert (done.result.verdict, done.code) == ("held", 0), done.result.why


@pytest.fixture
def anybodys() -> Iterator[Path]:
    """A folder that every user may come to."""
    with tempfile.TemporaryDirectory(prefix="chaoslab-cases-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def test_postgres_and_its_app_for_an_ordinary_user(anybodys: Path) -> None:
    """PostgreSQL refuses root, and there is nobody else an ordinary user may become but by `user:`."""
    work = anybodys / "work"
    work.mkdir()
    shutil.copytree(FOLDER / "postgres", work / "app")
    (work / ".git").mkdir()
    document: dict[str, Any] = {
        "apiVersion": "chaoslab/v1",
        "kind": "Experiment",
        "metadata": {"name": "pg-refuse"},
        "spec": {
            "hypothesis": "The app answers again when its database does.",
            "sandbox": {"type": "local", "memory": "512MiB", "ttl": "2m"},
            "target": POSTGRES.target(),
            "steadyState": [BACK],
            "method": [
                {
                    "name": "refuse",
                    "fault": {"type": "dependency_failure", "process": "db", "mode": "refuse"},
                    "hold": "3s",
                }
            ],
            "phases": PHASES,
        },
    }
    (work / "pg.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    python = as_ordinary_user(anybodys, work)
    settings = {"PATH": os.environ["PATH"], "HOME": str(work), "CHAOSLAB_RUNTIME_DIR": str(work / "boxes")}
    argv = [*python, "-B", "-m", "flows.main", "run", "--no-prefect", "--json", "--out", str(work / "runs")]
    done = subprocess.run(
        [*argv, str(work / "pg.yaml")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**settings, "PYTHONPATH": packages()},
        timeout=120,
        check=False,
    )
    result = Result.model_validate_json(done.stdout)
    assert (result.verdict, result.exit_code) == ("held", 0), result.why


SERVES = """
const server = require("http").createServer((asked, answer) => answer.end("ok"));
server.listen(8000, "127.0.0.1", () => console.log("listening"));
"""


def npm(lab: Lab, *arguments: str) -> list[str]:
    """The command; of a Node that came without npm, what does the same."""
    if shutil.which("npm"):
        return ["npm", *arguments]
    shutil.copy(Path(__file__).with_name("npm.js"), lab.folder / "app")
    return ["node", "npm.js", *arguments]


def test_npm_start_is_killed_with_the_server_that_it_started(lab: Lab) -> None:
    """Of a wrapper alone that is killed, the server lives on, and the next one finds its port taken."""
    (lab.folder / "app/server.js").write_text(SERVES)
    package = {"name": "shop", "version": "1.0.0", "scripts": {"start": "node server.js"}}
    (lab.folder / "app/package.json").write_text(json.dumps(package))
    web = {
        "name": "web",
        "command": npm(lab, "start"),
        "port": 8000,
        "restart": "always",
        "env": {"HOME": "/tmp"},
    }
    kill = {"name": "death", "fault": {"type": "process_kill", "process": "web"}, "hold": "3s"}
    done = lab.run(
        "--json",
        lab.manifest(
            target={"app": "app", "processes": [web]},
            sandbox={"type": "local", "memory": "256MiB", "ttl": "2m"},
            steadyState=[{**BACK, "recoverWithin": "4s"}],
            method=[kill],
            phases=PHASES,
        ),
    )
    lines = [event.data["line"] for event in lab.events() if event.type == "log.captured"]
    assert lines.count("listening") == 2, lines
    assert not any("EADDRINUSE" in line for line in lines)
    assert (done.result.verdict, done.code) == ("held", 0), done.result.why


EXPRESS = """
const app = require("express")();
app.get("/", (asked, answer) => answer.json({ok: true}));
app.listen(8000, "127.0.0.1");
"""
PACKAGE = {"name": "shop", "version": "1.0.0", "dependencies": {"express": "^4.22.3"}}


LOCKED = {
    "version": "4.22.3",
    "resolved": "https://registry.example/express/-/express-4.22.3.tgz",
    "integrity": f"sha512-{'A' * 86}==",
}
LOCK = {
    **PACKAGE,
    "lockfileVersion": 3,
    "requires": True,
    "packages": {"": PACKAGE, "node_modules/express": LOCKED},
}


@pytest.mark.parametrize(
    ("installs", "cause"),
    [(False, "Node finds no module 'express'"), (True, "getaddrinfo EAI_AGAIN registry.example")],
)
def test_an_express_app_without_its_modules_says_why(lab: Lab, installs: bool, cause: str) -> None:
    """What developing leaves is left out, and `setup` has no network: the cause is there, not the end of a log."""
    (lab.folder / "app/server.js").write_text(EXPRESS)
    (lab.folder / "app/package.json").write_text(json.dumps(PACKAGE))
    (lab.folder / "app/package-lock.json").write_text(json.dumps(LOCK))
    web = {"name": "web", "command": ["node", "server.js"], "port": 8000, "restart": "always"}
    ci = npm(lab, "ci", "--no-audit", "--fetch-retries=0")
    target = {"app": "app", "processes": [web], **({"setup": [ci]} if installs else {})}
    done = lab.run(lab.manifest(target=target, steadyState=[BACK], phases=PHASES))
    assert done.code in (3, 5), said(done)
    assert cause in said(done)
    assert "Traceback" not in said(done)
