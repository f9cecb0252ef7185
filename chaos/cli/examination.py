"""Say what this machine can and cannot do, found out by doing, and the remedy for what it can't."""

import asyncio
import json
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from chaos.errors import PublishError, SandboxError
from chaos.namespaces.delegation import REMEDY
from chaos.runner import agent_bundle as bundle
from chaos.runner.provision import behind_the_wall
from chaos.sandboxes import Completed
from chaos.sandboxes.container.engine import find
from chaos.sandboxes.container.orphans import orphans as orphans_of
from chaos.sandboxes.local.keeper import orphans
from chaos.sandboxes.local.provider import LocalSandbox
from chaos.settings import Settings

Level = Literal["ok", "degraded", "missing"]
_MIB = 2**20
_FILTERED = b"Seccomp:\t2\n"
"""Of /proc/PID/status, behind the wall (proc(5))."""
_MEMORY_LIMIT = "memory limit by a control group"
"""A key of what the agent's `capabilities` says."""


@dataclass(frozen=True)
class Examination:
    """One thing looked at. `degraded`: it works with less; `missing`: something does not work without it."""

    name: str
    level: Level
    says: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Examination]:
    """Every check, in the order a person would go through them."""
    yield _python()
    yield from asyncio.run(_sandbox())
    yield asyncio.run(_containers(settings))
    if settings.e2b_api_key:
        yield asyncio.run(_microvms())
    yield _room()
    yield from _keys(settings)
    yield grafana(settings)
    yield metrics(settings)


def _python() -> Examination:
    says = f"{platform.python_version()} at {sys.executable}, Linux {platform.release()}"
    if platform.system() != "Linux":
        return Examination(
            "system", "missing", f"{platform.system()}", "the local sandbox needs Linux 5.12 or later"
        )
    return Examination("system", "ok", says)


async def _sandbox() -> list[Examination]:
    """Open one and let the agent try every mechanism inside."""
    try:
        box = await LocalSandbox.open(memory_bytes=128 * _MIB, disk_bytes=16 * _MIB, ttl_s=30)
    except SandboxError as error:
        return [
            Examination(
                "local sandbox", "missing", str(error), "see above; or use sandbox.type: e2b or container"
            )
        ]
    try:
        await box.put("/run/chaoslab/agent.pyz", bundle.build())
        command = [box.python, "-I", "-S", "/run/chaoslab/agent.pyz", "capabilities", "/run/chaoslab"]
        done = await box.run(command, cwd="/", timeout_s=20)
        apart = await box.run(await behind_the_wall(box, ["cat", "/proc/self/status"]), cwd="/")
    finally:
        await box.destroy()
    facts = box.ref.facts
    how = "user namespaces" if facts["user_namespace"] else "as root, without a user namespace"
    built = Examination("local sandbox", "ok", f"{how}, built in {facts['build_s'] * 1000:.0f} ms")
    if done.exit_code != 0:
        return [built, Examination("fault mechanisms", "missing", done.stderr.strip().rpartition("\n")[2])]
    mechanisms: dict[str, str | None] = json.loads(done.stdout)
    limit = memory_limit(facts, mechanisms.pop(_MEMORY_LIMIT))
    return [built, _wall(apart), limit, *_mechanisms(mechanisms)]


async def _containers(settings: Settings) -> Examination:
    """Ask for an engine; its image is fetched when it is first used."""
    try:
        engine = await find(settings)
    except SandboxError as error:
        return Examination("containers", "degraded", str(error))
    left = await orphans_of(engine)
    says = f"{engine.program} answers; an app's directory runs in {settings.chaoslab_container_image}"
    if left:
        return Examination(
            "containers", "degraded", f"{says}; {len(left)} orphaned containers", "chaoslab gc"
        )
    return Examination("containers", "ok", says)


async def _microvms() -> Examination:
    """Ask E2B with the key that is there."""
    from chaos.sandboxes.e2b import orphans as e2b_orphans

    try:
        running, left = await e2b_orphans.look()
    except SandboxError as error:
        return Examination(
            "E2B", "missing", str(error), "look at E2B_API_KEY and at the way to E2B; or use another sandbox"
        )
    says = f"the account answers; {running} sandboxes of ours run there, {len(left)} of them orphaned"
    return Examination("E2B", "degraded" if left else "ok", says, "chaoslab gc" if left else "")


def _wall(done: Completed) -> Examination:
    """What a command behind it ended with, and what the kernel said of it."""
    if done.exit_code != 0:
        words = done.stderr.strip().rpartition("\n")[2]
        return Examination(
            "wall around the app", "missing", words or "a command behind it failed", "see above"
        )
    if _FILTERED not in done.stdout:
        says = "none: app and agent are one identity, and no verdict is 'held' (CHAOSLAB_ALLOW_DEGRADED)"
        return Examination(
            "wall around the app", "degraded", says, "allow user namespaces: user_namespaces(7)"
        )
    return Examination("wall around the app", "ok", "namespaces and a system call filter of its own")


def memory_limit(facts: Mapping[str, Any], not_joined: str | None) -> Examination:
    """What the sandbox's keeper says of its control group, and what a process that was to join it found."""
    if facts["memory"] != "real":
        return Examination(
            "memory limit",
            "degraded",
            f"no control group ({facts['memory_why']}): the agent enforces it; memory_limit, memory_pressure and "
            "cpu_throttle say `emulated`, io_throttle is refused",
            f"run as root; or, as the user of a login session on systemd: {REMEDY}",
        )
    if not_joined is not None:
        return Examination(
            "memory limit",
            "missing",
            f"{not_joined}; no experiment starts in a local sandbox",
            "report this with the machine's kernel and /proc/self/mountinfo; meanwhile use sandbox.type: container",
        )
    return Examination(
        "memory limit", "ok", "a control group enforces it; a process joined, and was seen in there"
    )


def _mechanisms(found: Mapping[str, str | None]) -> Iterator[Examination]:
    for name, why_not in found.items():
        if why_not is None:
            yield Examination(name, "ok", "works inside a sandbox")
        else:
            other = name.startswith("network_delay")
            remedy = "another mechanism is used where there is one" if other else "this is refused until then"
            yield Examination(name, "degraded", why_not, remedy)


def _room() -> Examination:
    free = shutil.disk_usage(Path.cwd()).free
    left = list(orphans())
    says = f"{free / 2**30:.1f} GiB free here; {len(left)} orphaned sandboxes"
    if left:
        return Examination("room", "degraded", says, "chaoslab gc")
    if free < 200 * _MIB:
        return Examination("room", "degraded", says, "free some disk space: runs leave journals and reports")
    return Examination("room", "ok", says)


def _keys(settings: Settings) -> Iterator[Examination]:
    for name, value, otherwise in (
        ("E2B_API_KEY", settings.e2b_api_key, "sandboxes are local"),
        ("GROQ_API_KEY", settings.groq_api_key, "the rules write the analysis"),
    ):
        yield Examination(name, "ok" if value else "degraded", "set" if value else f"not set: {otherwise}")
    if settings.llm_base_url:
        says = "set" if settings.llm_model else "set, but LLM_MODEL is not"
        yield Examination("LLM_BASE_URL", "ok" if settings.llm_model else "degraded", says, "set LLM_MODEL")


def grafana(settings: Settings) -> Examination:
    """Open a session as a delivery does, and ask for the data sources."""
    from chaos.publish.grafana import configured
    from chaos.publish.grafana.session import Call, with_session

    async def ask(call: Call) -> int:
        return len((await call("list_datasources", type="prometheus"))["datasources"])

    try:
        server = configured(settings)
        if server is None:
            says = "GRAFANA_URL, GRAFANA_MCP_URL not set: dashboards are files"
            return Examination("grafana", "degraded", says)
        found = with_session(server, ask, within_s=5.0)
    except PublishError as error:
        return Examination("grafana", "degraded", str(error), "see docs/grafana.md; runs go on without it")
    return Examination("grafana", "ok", f"answers through its MCP server; {found} Prometheus data source(s)")


def metrics(settings: Settings) -> Examination:
    """Write nothing to the store: it says whether it would take more."""
    if settings.metrics_store is None:
        says = "PROMETHEUS_REMOTE_WRITE_URL, PROMETHEUS_URL not set: metrics stay in the journal"
        return Examination("metrics", "degraded", says)
    from chaos.publish.prometheus.store import Store, StoreOutcome

    try:
        with Store.configured(settings) as store:
            answer = store.send([], within_s=5.0)
    except PublishError as error:
        return Examination("metrics", "degraded", str(error))
    if answer.said is StoreOutcome.TAKEN:
        return Examination("metrics", "ok", f"{store.shown} takes them")
    return Examination("metrics", "degraded", answer.why, "see docs/metrics.md; runs go on without it")
