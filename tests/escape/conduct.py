"""Carry out one run whose app tries to escape: `python -m tests.escape.conduct TYPE FOLDER IMAGE`, facts on its input.

It opens one sandbox, starts the real agent with a real order by the runner's own stages, looks from outside when the
agent has ended, and prints one JSON document: the app's lines, its evidence, what became of what was put outside.
"""

import asyncio
import io
import json
import os
import py_compile
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from chaos.manifests.load import load
from chaos.planning.plan import Plan, plan
from chaos.runner import stages as runner
from chaos.runner.closing import concluded
from chaos.runs.directory import Run
from chaos.sandboxes import Sandbox, SandboxRef, connect
from tests.escape import canaries

ATTEMPTS = Path(__file__).parent / "attempts"
MEMORY, DISK = 128, 32
IPC_KEY = 0xE5CA9E
_UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH
USER = "postgres"
VICTIM = "/run/chaoslab/victim"
_PYTHON = ["python3", "-S", "/app/attempts.pyz"]
_SYSTEM_V = "import ctypes; print(ctypes.CDLL(None).shmget(int(__import__('sys').argv[1]), 4096, 0o1666))"
_SPY = """
read looks < /app/evidence/looks || looks=0
echo $((looks + 1)) > /app/evidence/looks || exit 0
[ "$looks" -ge 5 ] && [ ! -e /app/evidence/as_a_probes_command.json ] && exec python3 -S /app/attempts.pyz probe
exit 0
"""
"""Looks around until it was through once, but not among the first looks: those say whether the baseline is steady."""
_EVIDENCE = """
for f in /app/evidence/*.json /image/app/evidence/*.json; do [ -e "$f" ] && { echo "= $f"; cat "$f"; echo; }; done
for f in /etc/hosts /etc/resolv.conf /etc/passwd /etc/group; do
    while read -r l; do [ "$l" = "# written by an app" ] && echo "+ $f"; done < $f
done
for d in / /usr /opt/python /opt/python/lib/python3*/site-packages; do
    [ -e "$d/chaoslab-escaped.pth" ] && echo "+ $d/chaoslab-escaped.pth"
done
for d in /tmp /app /image/app /run/chaoslab/victim; do
    for f in "$d"/* "$d"/.[!.]*; do [ -e "$f" ] && echo "- $f"; done
done
:
"""


def manifest(type_: str, facts: dict[str, str], image: str) -> dict[str, Any]:
    """The experiment: its first process makes every attempt before it is ready, the others begin when it is."""
    evil = "/app/evil:/opt/python/bin:/usr/local/bin:/usr/bin:/bin"
    environment = {"CANARY": json.dumps(facts), "PYTHONDONTWRITEBYTECODE": "1"}
    ready = {"type": "tcp", "port": 8001}
    processes = [
        {"name": "attempts", "command": _PYTHON, "env": environment, "ready": ready, "readyWithin": "50s"},
        {"name": "web", "command": [*_PYTHON, "web"], "port": 80, "env": {"PORT": "80"}},
        {"name": "another", "command": [*_PYTHON, "another"], "user": USER},
        {"name": "stop", "command": [*_PYTHON, "stop"]},
        {"name": "library", "command": [*_PYTHON, "quiet"], "env": {"LD_PRELOAD": "/app/evil/preloaded.so"}},
        {"name": "program", "command": [*_PYTHON, "quiet"], "env": {"PATH": evil}},
        {"name": "module", "command": [*_PYTHON, "quiet"], "env": {"PYTHONPATH": "/app/evil"}},
        {
            "name": "jump", "command": [*_PYTHON, "jump"], "cwd": "jump", "restart": "always"
        },
    ]  # fmt: skip
    web = {"type": "http", "url": "http://127.0.0.1/"}
    spy = {"type": "command", "command": ["sh", "-c", _SPY], "every": "250ms"}
    method = [
        ("writes", {"type": "io_stress", "path": "/tmp"}, "1s"),
        ("read-only", {"type": "disk_read_only", "path": "/tmp" if image else "/app"}, "500ms"),
        ("clock", {"type": "clock_skew", "offset": "+1h", "process": "web"}, "1300ms"),
        ("inodes", {"type": "inode_exhaustion", "path": "/tmp", "leave": 50}, "500ms"),
        ("full by a link", {"type": "disk_full", "path": "/tmp/full", "leave": "500MiB"}, "500ms"),
    ]
    app = {"image": image} if image else {"app": "app"}
    return {
        "apiVersion": "chaoslab/v1",
        "kind": "Experiment",
        "metadata": {"name": "escape"},
        "spec": {
            "hypothesis": "Nothing of what this app tries reaches anything that is not its own.",
            "sandbox": {"type": type_, "memory": f"{MEMORY}MiB", "disk": f"{DISK}MiB", "ttl": "3m"},
            "target": {**app, "setup": [[*_PYTHON, "setup"]], "processes": processes},
            "steadyState": [
                {"name": "web", "probe": web, "tolerance": {"status": 200}, "budget": "100%"},
                {"name": "spy", "probe": spy, "tolerance": {"exitCode": 0}, "budget": "100%"},
            ],
            "method": [
                {"name": name, "fault": fault, "hold": hold}
                for name, fault, hold in method
                if not image or name != "clock"  # an image has none of it
            ],
            "phases": {"baseline": "2s", "recovery": "1s"},
        },
    }


def program() -> bytes:
    """The attempts as one file, compiled: every probe and process of the app begins with reading it."""
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as name, zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(ATTEMPTS.glob("*.py")):
            made = Path(name, f"{path.stem}.pyc")
            py_compile.compile(str(path), str(made), doraise=True, invalidation_mode=_UNCHECKED)
            archive.write(made, f"attempts/{made.name}")
        archive.writestr("__main__.py", "import attempts.__main__\n")
    return buffer.getvalue()


def prepared(folder: Path, type_: str, facts: dict[str, str], image: str = "") -> Plan:
    """The plan of a repository in that folder."""
    (folder / ".git").mkdir()
    (folder / "app/jump").mkdir(parents=True)
    (folder / "app/attempts.pyz").write_bytes(program())
    (folder / "app/jump/kept").write_text("")
    path = folder / "escape.yaml"
    path.write_text(json.dumps(manifest(type_, facts, image)))
    return plan(load(str(path))[0])


async def carry_out(drawn: Plan, runs: Path) -> dict[str, Any]:
    """The stages, and looks from outside between them."""
    run = Run.new(drawn.name, runs)
    seen: dict[str, Any] = {"folder": str(run.folder)}
    async with concluded(run):
        ref = await runner.open_sandbox(drawn, run)
        outside = await put_outside(ref)
        try:
            await runner.inject(drawn, run, ref)
            await runner.collect(run, ref, lambda _: None)
        finally:
            seen |= await look_from_outside(ref, outside)
    seen["result"] = runner.analyze(run).model_dump(mode="json", include={"outcome", "verdict", "why"})
    return seen


async def put_outside(ref: SandboxRef) -> tuple[int, bytes]:
    """In the sandbox, outside of the app: a folder, a process, a segment of memory."""
    box = await connect(ref)
    try:
        await box.put(f"{VICTIM}/canary", b"untouched")
        shared = await box.run([box.python, "-c", _SYSTEM_V, str(IPC_KEY)], cwd="/")
        return await box.start(["sleep", "600"], output="/dev/null", cwd="/"), shared.stdout
    finally:
        await box.close()


async def look_from_outside(ref: SandboxRef, outside: tuple[int, bytes]) -> dict[str, Any]:
    """What the app has left, and what became of what was put outside."""
    box = await connect(ref)
    try:
        told = await box.run(["sh", "-c", _EVIDENCE], cwd="/")
        victim = await _kept(box)
        lives = await box.exit_code(outside[0]) is None
        return {"evidence": told.stdout.decode(errors="replace"), "victim": victim, "process_lives": lives}
    finally:
        await box.close()


async def _kept(box: Sandbox) -> str:
    return (await box.read(f"{VICTIM}/canary")).decode(errors="replace")


def main() -> None:
    """Print what came of it."""
    type_, folder, image = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    facts: dict[str, str] = json.load(sys.stdin)
    os.environ[canaries.SECRET] = facts["secret"]
    with canaries.key(facts["key"]) as number:
        facts |= {"key_id": str(number), "memory_bytes": str(MEMORY << 20), "ipc_key": str(IPC_KEY)}
        facts["runtime"] = os.environ["CHAOSLAB_RUNTIME_DIR"]
        drawn = prepared(folder, type_, facts, image)
        seen = asyncio.run(carry_out(drawn, folder / "runs"))
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
