"""A small experiment of real parts: an HTTP server that is killed, with or without anybody to start it again."""

from pathlib import Path

TEXT = """
apiVersion: chaoslab/v1
kind: Experiment
metadata:
  name: killed
  labels: {{team: flows}}
spec:
  hypothesis: The server answers again within two seconds of being killed.
  sandbox: {{type: local, memory: 256MiB, disk: 32MiB, ttl: 2m}}
  target:
    app: app
    processes:
      - name: web
        command: [python3, -S, -m, http.server, "8000", --bind, 127.0.0.1]
        port: 8000
        ready: {{type: http, url: "http://127.0.0.1:8000/"}}
        restart: {restart}
  load: {{url: "http://127.0.0.1:8000/", rate: 50/s, timeout: 1s}}
  steadyState:
    - name: answers
      probe: {{type: http, url: "http://127.0.0.1:8000/", every: 50ms}}
      tolerance: {{status: 200}}
      holds: afterwards
      recoverWithin: 2s
  method:
    - {{name: sudden death, fault: {{type: process_kill, process: web}}, hold: {hold}}}
  phases: {{baseline: 1s, recovery: 3s}}
  retries: {retries}
{more}
"""


def killed(
    folder: Path,
    *,
    name: str = "killed",
    restart: str = "always",
    hold: str = "1s",
    more: str = "",
    retries: int = 0,
) -> Path:
    """Write the manifest and its app; the manifest's path."""
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app/index.html").write_text("here\n")
    path = folder / "killed.yaml"
    path.write_text(TEXT.format(restart=restart, hold=hold, retries=retries, more=more))
    return path
