"""A repository on disk with one app, and the text of a manifest that uses every field."""

from pathlib import Path

FULL = """\
# yaml-language-server: $schema=../schema.json
apiVersion: chaoslab/v1
kind: Experiment
metadata:
  name: shop-network-delay
  labels: {team: payments}
spec:
  hypothesis: Checkout answers within a second while its network is 300 ms slower.
  sandbox: {type: local, memory: 512MiB, disk: 256MiB, ttl: 10m}
  target:
    app: ../apps/shop
    setup: [[pip, install, -r, requirements.txt]]
    processes:
      - {name: inventory, command: [python3, inventory.py], port: 9000}
      - name: web
        command: [python3, web.py]
        port: 8000
        env: {INVENTORY_URL: "http://127.0.0.1:9000"}
        ready: {type: http, url: "http://127.0.0.1:8000/health"}
        restart: always
  load: {url: "http://127.0.0.1:8000/checkout", rate: 50/s, timeout: 2s}
  steadyState:
    - name: healthy
      probe: {type: http, url: "http://127.0.0.1:8000/health", every: 50ms, timeout: 1s}
      tolerance: {status: 200}
      holds: afterwards
      recoverWithin: 5s
    - name: fast
      probe: {type: metric, metric: latency_p95}
      tolerance: {max: 1s}
      budget: 5%
    - name: alive
      probe: {type: process, process: web}
      tolerance: {maxRestarts: 1}
    - name: listens
      probe: {type: tcp, port: 8000}
      tolerance: {connected: true, maxLatency: 200ms}
    - name: answers itself
      probe: {type: command, command: [python3, -c, "print('fine')"], every: 1s}
      tolerance: {exitCode: 0, contains: fine, matches: "f.ne"}
  method:
    - name: slow network
      fault: {type: network_delay, delay: 300ms, jitter: 0ms, process: web}
      hold: 60s
    - name: less memory
      fault: {type: memory_pressure, fill: 80%, over: 20s}
    - name: full disk
      fault: {type: disk_full, intensity: high}
  phases: {baseline: 10s, recovery: 30s}
  stopWhen:
    - {probe: {type: metric, metric: error_rate}, tolerance: {max: 50%}, for: 3s}
  blastRadius: {maxHold: 2m}
  analysis: {analyzer: auto}
  schedule: {cron: "0 9 * * 1-5", timezone: Europe/Berlin}
  retries: 1
  suspend: false
"""

SMALL = """\
apiVersion: chaoslab/v1
kind: Experiment
metadata: {name: small}
spec:
  hypothesis: It comes back.
  target:
    app: ../apps/shop
    processes:
      - {name: web, command: [python3, web.py]}
  steadyState:
    - {name: up, probe: {type: process, process: web}, tolerance: {running: true}}
  method:
    - {name: kill, fault: {type: process_kill, process: web}}
"""


def a_repository(folder: Path) -> Path:
    """A repository with an app in `experiments/apps/shop`; the directory to put manifests in."""
    (folder / ".git").mkdir(parents=True)
    app = folder / "experiments" / "apps" / "shop"
    app.mkdir(parents=True)
    (app / "web.py").write_text("print('web')\n")
    (app / "inventory.py").write_text("print('inventory')\n")
    shop = folder / "experiments" / "shop"
    shop.mkdir()
    return shop


def a_manifest(folder: Path, text: str = FULL, name: str = "a.yaml") -> Path:
    """The file of a manifest in a new repository."""
    path = a_repository(folder) / name
    path.write_text(text, encoding="utf-8")
    return path
