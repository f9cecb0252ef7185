"""Blind diagnosis: without the fault's name, can it be told from what the target showed? And is a calm run called calm?

    python -m bench.diagnosis                    score the recorded evidence by rules (a second)
    python -m bench.diagnosis groq|llm [SET]     the same evidence named by a model (GROQ_API_KEY, LLM_BASE_URL)
    python -m bench.diagnosis record NAME        carry out all runs of a set anew: five faults, three strengths, two
                                                 shops, each with a control without the fault (six minutes)

Three sets: the rules were written beside `seen`, and corrected beside `busy`, which was recorded on two cores with a
load of 12 to 16. `unseen` was recorded with other strengths when they were final. The evidence of real servers, scored
stack by stack, is bench/diagnosis_stacks.py's.

What is recorded holds no fault event, no plan of the method, no hypothesis (`blinded`); the truth lies beside it in
truth.json and is read by nobody but the score. Intervals are Wilson's, 95 %.
"""

import asyncio
import json
import lzma
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from bench.blind_diagnosis import CALM, blinded, diagnose
from chaos import api
from chaos.analysis.judgement import judge
from chaos.events import Event, segments
from chaos.explain.model import Name
from chaos.faults.support.fidelity import share_interval
from chaos.runs.journal import Journal
from chaos.settings import Settings

EVIDENCE = Path(__file__).with_name("evidence")
RATE = {"seen": "20/s", "busy": "35/s", "unseen": "25/s"}
SHOP = Path(__file__).parents[1] / "experiments/apps/shop"
AT_ONCE = 2
Strengths = Mapping[str, Sequence[Mapping[str, Any]]]
SEEN: Strengths = {
    "network_delay": [{"delay": delay, "process": "web"} for delay in ("100ms", "300ms", "1s")],
    "memory_pressure": [{"fill": fill, "over": "1s"} for fill in ("60%", "80%", "95%")],
    "disk_full": [{"path": "/tmp", "leave": leave} for leave in ("8MiB", "1MiB", "0B")],
    "process_kill": [
        {"process": "web", "signal": "SIGTERM"},
        {"process": "web", "signal": "SIGKILL"},
        {"process": "web", "signal": "SIGKILL", "every": "2s"},
    ],
    "dependency_failure": [
        {"process": "inventory", "mode": mode} for mode in ("refuse", "reset", "blackhole")
    ],
}
BUSY: Strengths = {
    "network_delay": [{"delay": delay, "process": "web"} for delay in ("80ms", "200ms", "700ms")],
    "memory_pressure": [{"fill": fill, "over": "2s"} for fill in ("65%", "75%", "90%")],
    "disk_full": [{"path": "/tmp", "leave": leave} for leave in ("4MiB", "512KiB", "64KiB")],
    "process_kill": [
        {"process": "web", "signal": "SIGABRT"},
        {"process": "inventory", "signal": "SIGKILL"},
        {"process": "web", "signal": "SIGTERM", "every": "1500ms"},
    ],
    "dependency_failure": SEEN["dependency_failure"],
}
UNSEEN: Strengths = {
    "network_delay": [{"delay": delay, "process": "web"} for delay in ("120ms", "250ms", "500ms")],
    "memory_pressure": [{"fill": fill, "over": "1500ms"} for fill in ("70%", "85%", "88%")],
    "disk_full": [{"path": "/tmp", "leave": leave} for leave in ("2MiB", "256KiB", "16KiB")],
    "process_kill": [
        {"process": "web", "signal": "SIGQUIT"},
        {"process": "inventory", "signal": "SIGTERM"},
        {"process": "web", "signal": "SIGKILL", "every": "1s"},
    ],
    "dependency_failure": SEEN["dependency_failure"],
}
SETS: Mapping[str, Strengths] = {"seen": SEEN, "busy": BUSY, "unseen": UNSEEN}


def manifest(name: str, fault: Mapping[str, Any], fragile: bool, rate: str) -> dict[str, Any]:
    """One short experiment on the shop, with its control."""
    web = {
        "name": "web",
        "command": ["python3", "web.py", *(["--fragile"] if fragile else [])],
        "port": 8000,
        "env": {"INVENTORY_URL": "http://127.0.0.1:9000"},
        "ready": {"type": "http", "url": "http://127.0.0.1:8000/health"},
        "restart": "always",
    }
    health = {"type": "http", "url": "http://127.0.0.1:8000/health", "every": "100ms", "timeout": "1s"}
    return {
        "apiVersion": "chaoslab/v1",
        "kind": "Experiment",
        "metadata": {"name": name},
        "spec": {
            "hypothesis": "What was done to it can be told from what it shows.",
            "sandbox": {"type": "local", "memory": "512MiB", "disk": "64MiB", "ttl": "2m"},
            "target": {
                "app": "shop",
                "processes": [
                    {"name": "inventory", "command": ["python3", "inventory.py"], "port": 9000},
                    web,
                ],
            },
            "load": {"url": "http://127.0.0.1:8000/checkout", "rate": rate, "timeout": "2s"},
            "steadyState": [{"name": "healthy", "probe": health, "tolerance": {"status": 200}}],
            "method": [{"name": "step", "fault": dict(fault), "hold": "4s"}],
            "phases": {"baseline": "2s", "recovery": "2s"},
            "control": True,
        },
    }


async def record(name: str, work: Path) -> None:
    """Carry out every pair of trial and control, and keep of each what is blind."""
    shutil.copytree(SHOP, work / "shop")
    folder = EVIDENCE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    room = asyncio.Semaphore(AT_ONCE)
    truth: dict[str, str] = {}

    async def pair(number: int, fault: Mapping[str, Any], fragile: bool) -> None:
        path = work / f"pair-{number}.yaml"
        path.write_text(yaml.safe_dump(manifest(f"pair-{number}", fault, fragile, RATE[name])))
        async with room:
            result = await api.run(api.plan(path), work / "runs", publish=False)
        journal = Journal(work / "runs" / result.run_id / "journal.ndjson")
        for part in segments(list(journal.events())):
            control, why = bool(part[0].data["control"]), _useless(part)
            if why:
                print(f"pair {number}: {fault['type']}: {why}; left out", flush=True)
                continue
            one = f"{number:02}-{'b' if control else 'a'}"
            truth[one] = CALM if control else str(fault["type"])
            keep(folder / f"{one}.ndjson.xz", blinded(part))
        print(f"pair {number}: {fault}", flush=True)

    await asyncio.gather(*(pair(number, *each) for number, each in enumerate(_pairs(SETS[name]))))
    (folder / "truth.json").write_text(json.dumps(dict(sorted(truth.items())), indent=1) + "\n")


def _useless(part: Sequence[Event]) -> str:
    """Why a trial or control cannot be scored: it did not run to its end, or its fault did not land."""
    ended = part[-1].data
    if part[-1].type != "run.ended" or ended["outcome"] != "completed":
        return str(ended.get("why", "no end"))
    if part[0].data["control"]:
        return ""
    plan = {key: value for key, value in part[0].data["plan"].items() if key != "series"}
    alone = replace(part[0], data={**part[0].data, "plan": plan})
    return "; ".join(step.why for step in judge([alone, *part[1:]]).steps if not step.landed)


def _pairs(found: Strengths) -> Iterator[tuple[Mapping[str, Any], bool]]:
    for fault, strengths in found.items():
        for fields in strengths:
            for fragile in (False, True):
                yield {"type": fault, **fields}, fragile


def keep(path: Path, events: Sequence[Event]) -> None:
    """Write events as packed lines."""
    with lzma.open(path, "wb", preset=9) as packed:
        packed.writelines(event.to_line() for event in events)


def evidence(name: str) -> Iterator[tuple[str, list[Event]]]:
    """Name and blind events of every recorded run of a set."""
    for path in sorted((EVIDENCE / name).glob("*.ndjson.xz")):
        with lzma.open(path) as lines:
            yield path.name.removesuffix(".ndjson.xz"), [Event.from_line(line) for line in lines]


def truths(name: str) -> dict[str, str]:
    """Run -> what was done."""
    found: dict[str, str] = json.loads((EVIDENCE / name / "truth.json").read_text())
    return found


def score(said: Mapping[str, str], truth: Mapping[str, str]) -> Iterator[str]:
    """Lines of the report: accuracy, false alarms, and every mistake."""
    right = sum(said[name] == truth[name] for name in truth)
    calm = [name for name in truth if truth[name] == CALM]
    alarms = sum(said[name] != CALM for name in calm)
    yield _share("accuracy", right, len(truth))
    yield _share("false positives", alarms, len(calm))
    for fault in sorted(set(truth.values())):
        names = [name for name in truth if truth[name] == fault]
        yield _share(f"  {fault}", sum(said[name] == fault for name in names), len(names))
    wrong = Counter((truth[name], said[name]) for name in truth if said[name] != truth[name])
    for (was, called), count in wrong.most_common():
        names = ", ".join(name for name in truth if (truth[name], said[name]) == (was, called))
        yield f"  {was} called {called}: {count} ({names})"


def _share(name: str, count: int, total: int) -> str:
    share, low, high = share_interval(count, total)
    return f"{name:22}{count:3} of {total}: {100 * share:.1f} % ({100 * low:.1f} to {100 * high:.1f} %)"


def main() -> None:
    """Record, or score what was recorded."""
    if sys.argv[1:2] == ["record"]:
        with tempfile.TemporaryDirectory() as work:
            asyncio.run(record(sys.argv[2], Path(work)))
    if (asked := sys.argv[1:2]) in (["groq"], ["llm"]):
        from bench.diagnosis_groq import named_by_groq

        name = (sys.argv[2:] or ["unseen"])[0]
        who: Name = "llm" if asked == ["llm"] else "groq"
        called = asyncio.run(named_by_groq(dict(evidence(name)), Settings(), who))
        print(f"{name}, by {who}:", *score(called, truths(name)), sep="\n  ")
        return
    for name in (each for each in SETS if (EVIDENCE / each).exists()):
        said = {one: diagnose(events).fault for one, events in evidence(name)}
        print(f"{name}:", *score(said, truths(name)), sep="\n  ")
    from bench.diagnosis_stacks import scores

    print("", *scores(), sep="\n")


if __name__ == "__main__":
    main()
