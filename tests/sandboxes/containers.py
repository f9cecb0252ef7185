"""Containers for tests: an image made here from this machine's own programs, and a sandbox opened from it.

No registry is asked. The image holds the interpreter that runs the tests with its standard library, Flask for the demo
shop, and the few programs that the suites call. It is made once in each process that needs it, and removed at its end.
"""

import atexit
import functools
import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import files
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from chaos.sandboxes.container.provider import ContainerSandbox

MIB = 2**20
ENGINE = "podman"
PROGRAMS = (
    "sh", "cat", "echo", "env", "false", "getent", "id", "ls", "mkfifo", "mount", "setpriv", "sleep", "true", "umount",
)  # fmt: skip
"""What the suites and the faults run, beside Python."""
PACKAGES = ("flask", "werkzeug", "jinja2", "markupsafe", "click", "itsdangerous", "blinker")
_SUBDIRECTORIES_LEFT_OUT = {
    "test", "tests", "site-packages", "dist-packages", "idlelib", "lib2to3", "ensurepip", "tkinter",
}  # fmt: skip

WHY_NOT = (
    "" if os.geteuid() == 0 else "podman from Debian needs root on a machine without ranges in /etc/subuid"
)
"""Why no container can be run here; as root one can."""
needs_engine = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


@functools.cache
def image() -> str:
    """The name of the image; made by the first caller of this process."""
    name = f"localhost/chaoslab-test:{os.getpid()}"
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "image.tar")
        with tarfile.open(archive, "w") as tar:
            fill(tar)
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        engine("import", "--change", f"ENV PATH={path}", str(archive), name)
    atexit.register(engine, "rmi", "--force", name)
    return name


@functools.cache
def bare_image() -> str:
    """An image as small as they come: one program in a place of its own, its libraries, and no shell, no /etc."""
    name = f"localhost/chaoslab-test-bare:{os.getpid()}"
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "image.tar")
        with tarfile.open(archive, "w") as tar:
            _fill_bare(tar)
        said = ('ENTRYPOINT ["/srv/bin/serve", "-I"]', 'CMD ["server.py"]', "USER 1000:1001", "WORKDIR /srv")
        changes = [word for line in (*said, "ENV GREETING=hello") for word in ("--change", line)]
        engine("import", *changes, str(archive), name)
    atexit.register(engine, "rmi", "--force", name)
    atexit.register(_remove_made_of, name)
    return name


def _remove_made_of(name: str) -> None:
    """The images in which the provider put that one beside ours."""
    if made := engine("images", "--quiet", "--filter", f"label=chaoslab.image={name}").split():
        engine("rmi", "--force", *made)


SERVER = """
import http.server, json, os
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        told = {"uid": os.getuid(), "gid": os.getgid(), "at": os.getcwd(), "root": sorted(os.listdir("/"))}
        told |= {name: os.environ.get(name) for name in ("GREETING", "HOME", "PATH", "MORE")}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Hello).serve_forever()
"""


def _fill_bare(tar: tarfile.TarFile) -> None:
    python = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    modules = Path(sysconfig.get_paths()["stdlib"])
    for name, target in (("lib", "usr/lib"), ("lib64", "usr/lib64")):
        _link(tar, name, target)
    _file(tar, python, "srv/bin/serve")
    for path in sorted(libraries([python, *(modules / "lib-dynload").glob("*.so")])):
        _file(tar, path, _merged(path))
    for path in _below(modules):
        _file(tar, path, f"srv/lib/{modules.name}/{path.relative_to(modules)}")
    _text(tar, "srv/server.py", SERVER)


def engine(*arguments: str) -> str:
    """One command of the engine, to its end."""
    done = subprocess.run([ENGINE, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def settings() -> dict[str, str]:
    """The variables that name the engine and the image."""
    return {"CHAOSLAB_CONTAINER_ENGINE": ENGINE, "CHAOSLAB_CONTAINER_IMAGE": image()}


@asynccontextmanager
async def container_box(**changed: Any) -> AsyncIterator[ContainerSandbox]:
    """A small one: 128 MiB of memory, 32 MiB of disk, a minute to live."""
    size = {"memory_bytes": 128 * MIB, "disk_bytes": 32 * MIB, "ttl_s": 60.0} | changed
    with mock.patch.dict(os.environ, settings()):
        box = await ContainerSandbox.open(**size)
    try:
        yield box
    finally:
        await box.destroy()


def left(label: str = "chaoslab.sandbox") -> list[str]:
    """Names of the containers that carry that label, whoever made them."""
    return engine("ps", "--all", "--filter", f"label={label}", "--format", "{{.Names}}").split()


def fill(tar: tarfile.TarFile) -> None:
    for name in ("usr/bin", "usr/lib", "etc", "tmp", "run", "app", "root", "proc", "sys", "dev", "var/tmp"):
        _folder(tar, name)
    for name, target in (("bin", "usr/bin"), ("sbin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")):
        _link(tar, name, target)
    _text(tar, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    _text(tar, "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    programs = [Path(shutil.which(name) or f"missing {name}") for name in PROGRAMS]
    python = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    modules = Path(sysconfig.get_paths()["stdlib"])
    extensions = list((modules / "lib-dynload").glob("*.so"))
    for path in sorted(libraries([python, *programs, *extensions])):
        _file(tar, path, _merged(path))
    for path in programs:
        _file(tar, path, f"usr/bin/{path.name}")
    # Python finds its library beside itself, so that both may move; its place here may be somebody's home.
    library = f"opt/python/lib/{modules.name}"
    _file(tar, python, f"opt/python/bin/{python.name}")
    _link(tar, "usr/bin/python3", f"/opt/python/bin/{python.name}")
    for path in _below(modules):
        _file(tar, path, f"{library}/{path.relative_to(modules)}")
    for path, place in _packages():
        _file(tar, path, f"{library}/{place}")


def libraries(programs: list[Path]) -> set[Path]:
    """What the dynamic linker would load for them."""
    told = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    found = {Path(word) for line in told.splitlines() for word in line.split() if word.startswith("/")}
    return {path for path in found if path.exists() and ".so" in path.name}


def _merged(path: Path) -> str:
    """Where a library is looked for: `/lib` is a link to `/usr/lib` in our image; one of Python's own moves there."""
    name = str(path).lstrip("/")
    if name.startswith(("lib/", "lib64/")):
        return f"usr/{name}"
    return name if name.startswith("usr/") else f"usr/lib/{path.name}"


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [
            name for name in folders if name not in _SUBDIRECTORIES_LEFT_OUT and "config-" not in name
        ]
        yield from (Path(place, name) for name in names)


def _packages() -> Iterator[tuple[Path, str]]:
    """Files of the demo shop's packages, and where they go beside the standard library."""
    for package in PACKAGES:
        for path in files(package) or []:
            place = str(path)
            if not place.startswith(".."):
                yield Path(str(path.locate())), place


def _file(tar: tarfile.TarFile, path: Path, place: str) -> None:
    tar.add(path.resolve(), place, filter=_as_root)


def _as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    return entry


def _folder(tar: tarfile.TarFile, place: str) -> None:
    entry = tarfile.TarInfo(place)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if place.endswith("tmp") else 0o755
    tar.addfile(entry)


def _link(tar: tarfile.TarFile, place: str, target: str) -> None:
    entry = tarfile.TarInfo(place)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tar.addfile(entry)


def _text(tar: tarfile.TarFile, place: str, text: str) -> None:
    entry = tarfile.TarInfo(place)
    entry.size = len(text.encode())
    tar.addfile(entry, io.BytesIO(text.encode()))
