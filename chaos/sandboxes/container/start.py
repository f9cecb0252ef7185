"""What a container of ours is started with: limits, disks, labels, capabilities and why, and PID 1 in its command."""

import base64
import io
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos.namespaces.spec import MOST_TASKS, SPARE_TASKS

LABEL = "chaoslab.sandbox"
ENDS = "chaoslab.ends"
"""Label: Unix time at which it must have ended by itself."""
CAPABILITIES = {
    "CHOWN": "the app, as in any container",
    "DAC_OVERRIDE": "the app, as in any container",
    "FOWNER": "the app, as in any container",
    "FSETID": "the app, as in any container",
    "KILL": "process faults, and the app as in any container",
    "NET_BIND_SERVICE": "the app, as in any container",
    "SETGID": "the app, as in any container",
    "SETUID": "the app, as in any container",
    "SETFCAP": "to give the app of an image a user namespace with the same ids (user_namespaces(7))",
    "SYS_CHROOT": "to run the app in the files of its image",
    "NET_ADMIN": "network faults: rules, queues, traffic control in its own network",
    "NET_RAW": "the side-band of network faults, and the app as in any container",
    "SYS_ADMIN": "disk and DNS faults (mounts of its own), the app's control group",
    "SYS_PTRACE": "to look at the app's processes when they run as another user",
    "SYS_NICE": "the agent goes first on a busy machine",
    "SYS_RESOURCE": "what fd_exhaustion and pid_exhaustion lowered can be raised again",
}
"""All that a container gets, and why; its own network, pids, mounts and device rules stay. Never --privileged."""
_SPARE_BYTES = 192 * 2**20
"""For the agent, its journal and what disk faults write: the app has a limit of its own."""
_NSBOX = Path(__file__).resolve().parents[2] / "namespaces"
_SHIPPED = ("__init__", "init", "kernel", "loopback", "spec", "image", "cpusets", "contained")
_BOOT = (
    "import base64,os,sys;os.makedirs('/run/chaoslab',exist_ok=True);"
    "open('/run/chaoslab/init.pyz','wb').write(base64.b64decode(sys.argv[1]));"
    "sys.path.insert(0,'/run/chaoslab/init.pyz');"
    "from chaos.namespaces.contained import main;main(sys.argv[2])"
)


def command(order: Mapping[str, Any]) -> list[str]:
    """Arguments for the image's Python: it becomes our PID 1 and carries out `order` (see
    chaos.namespaces.contained).
    """
    return ["-I", "-S", "-c", _BOOT, _init(), json.dumps(order)]


def _init() -> str:
    """Our PID 1, for a command line: a zip in base64, some ten thousand characters."""
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("chaos/__init__.py", "")
        for name in _SHIPPED:
            archive.writestr(f"chaos/namespaces/{name}.py", (_NSBOX / f"{name}.py").read_bytes())
    return base64.b64encode(buffer.getvalue()).decode()


def options(
    id_: str, memory_bytes: int, disk_bytes: int, ttl_s: float, labels: Mapping[str, str]
) -> list[str]:
    marks = {
        LABEL: id_,
        ENDS: str(int(time.time() + ttl_s)),
        **{f"chaoslab.{key}": value for key, value in labels.items()},
    }
    most = memory_bytes + 2 * disk_bytes + _SPARE_BYTES
    disks = {"/tmp": f"size={disk_bytes},mode=1777", "/app": f"size={disk_bytes},mode=755"}
    disks |= {"/run": "size=512m,mode=755", "/root": "size=16m,mode=700", "/var/tmp": "size=16m,mode=1777"}
    return [
        f"--name=chaoslab-{id_}",
        "--rm",
        "--hostname=chaoslab",
        "--network=none",
        "--sysctl=net.ipv4.ip_unprivileged_port_start=0",  # for the app, which has no power over this network
        "--cgroupns=private",
        f"--memory={most}",
        f"--memory-swap={most}",
        f"--pids-limit={MOST_TASKS + SPARE_TASKS}",
        "--shm-size=64m",
        "--stop-signal=KILL",
        "--security-opt=apparmor=unconfined",  # docker-default forbids every mount
        "--security-opt=label=disable",
        "--cap-drop=ALL",
        *(f"--cap-add={name}" for name in CAPABILITIES),
        *(f"--tmpfs={place}:rw,exec,{how}" for place, how in disks.items()),
        *(f"--label={key}={value}" for key, value in marks.items()),
        "--entrypoint=python3",
        "--user=0:0",
        "--workdir=/",
    ]
