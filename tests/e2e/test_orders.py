"""Real runs about data and logs: acknowledged orders are lost by a kill or a full disk, errors drown in chatter."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import lab as labs
from tests.lab import ROOT, Lab

CHATTY = """
import http.server, json, sys, threading, time
class Pay(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
        if self.path == "/bad": print(json.dumps({"level": "ERROR", "msg": "payment failed"}), flush=True)
    def log_message(self, *_): pass
def chat():
    while True:
        print((json.dumps({"level": "INFO", "msg": "served"}) + "\\n") * 20, end="", flush=True); time.sleep(0.01)
threading.Thread(target=chat, daemon=True).start()
http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Pay).serve_forever()
"""
FORGETFUL = """
import http.server
FILE = open("/tmp/orders.log", "ab", buffering=0)
class Orders(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        try: FILE.write(b"x" * 99 + b"\\n")
        except OSError: pass
        self.send_response(201); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Orders).serve_forever()
"""
WEB = {"name": "web", "command": ["python3", "-S", "web.py"], "port": 8000, "restart": "always"}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with labs.lab(tmp_path) as made:
        yield made


@pytest.mark.e2e
@pytest.mark.parametrize(("name", "verdict"), [("orders-kept", "held"), ("orders-kept-fragile", "deviated")])
def test_orders_that_were_acknowledged_are_there_after_a_kill_or_are_missed(
    lab: Lab, name: str, verdict: str
) -> None:
    result = lab.run("--json", ROOT / "experiments/catalogue" / f"{name}.yaml").result
    orders = result.steady_state[0]
    assert orders.verdict == verdict, orders.why
    data = orders.data
    assert data is not None
    assert (data.lost > 0) is (verdict == "deviated")


@pytest.mark.e2e
def test_writes_that_a_full_disk_swallows_deviate_although_all_is_answered(lab: Lab) -> None:
    (lab.folder / "app/web.py").write_text(FORGETFUL)
    kept = {
        "name": "orders are kept",
        "probe": {"type": "command", "command": ["sh", "-c", "wc -l < /tmp/orders.log"], "every": "200ms"},
        "tolerance": {"invariant": "equals the number of acknowledged writes"},
    }
    full = {"name": "full", "fault": {"type": "disk_full", "path": "/tmp", "leave": "0B"}, "hold": "2s"}
    load = {"url": "http://127.0.0.1:8000/", "method": "POST", "body": "x", "rate": "60/s"}
    phases = {"baseline": "2s", "recovery": "2s"}
    done = lab.run(
        "--json", lab.manifest(process=WEB, load=load, steadyState=[kept], method=[full], phases=phases)
    )
    assert done.result.verdict == "deviated", done.result.why
    assert sum(each.errors for each in done.result.load.values()) == 0


@pytest.mark.e2e
def test_every_error_in_a_chatty_log_is_counted_and_kept(lab: Lab) -> None:
    (lab.folder / "app/web.py").write_text(CHATTY)
    load = {"url": "http://127.0.0.1:8000/bad", "rate": "30/s", "timeout": "5s"}
    done = lab.run("--json", lab.manifest(process=WEB, load=load))
    (logs,) = done.result.logs
    answered = sum(each.data["status"] == 200 for each in lab.events() if each.type == "load.sampled")
    assert logs.errors == answered
    assert logs.errors_left_out == 0
    assert logs.left_out > 100
    assert done.result.analysis is not None
    assert f"“web” logged {answered} errors" in done.result.analysis.summary
