"""A thousand journals that somebody changed, through the real follower: none holds, each ends in a result."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from chaos.analysis.result import Result
from chaos.events import Event
from chaos.runner import stages as runner
from chaos.runner.closing import concluded
from chaos.runs.directory import Run
from chaos.sandboxes import SandboxRef
from chaos.sandboxes.inventory import Inventory
from tests.journals.telling import COMES_BACK, START, Telling, drop, event
from tests.wire import KEY, numbered, signed, wired

MUTATED = 1000
SEED = 20_251_122
Lines = list[bytes]
TOLD = Telling(states=[COMES_BACK], slow={})
(STARTED, *_) = TOLD.events()
BEGUN = Event(
    STARTED.type, STARTED.at, {**STARTED.data, "plan": {**STARTED.data["plan"], "load": None}}, "host", 1
)


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAOSLAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("CHAOSLAB_RUNTIME_DIR", str(tmp_path / "boxes"))
    monkeypatch.setattr("chaos.sandboxes.inventory.secrets.token_bytes", lambda _count: KEY)


def follow_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journals: Sequence[bytes]) -> list[Run]:
    """Follow them all at once, each in a sandbox of its own, and judge them."""
    names = [f"{number:08d}" for number in range(len(journals))]
    refs = [
        SandboxRef("local", f"{name}-00ff00", {"folder": str(tmp_path / f"boxes/box-{name}"), "keeper": 4242})
        for name in names
    ]
    by_id = {ref.id: journal for ref, journal in zip(refs, journals, strict=True)}
    monkeypatch.setattr("chaos.sandboxes.local.entry.LocalSandbox", wired(by_id))
    runs = [Run(f"r-{name}", tmp_path / f"runs/r-{name}") for name in names]

    async def one(run: Run, ref: SandboxRef) -> None:
        run.folder.mkdir(parents=True)
        Path(str(ref.facts["folder"])).mkdir(parents=True)
        run.journal.append(BEGUN)
        inventory = Inventory(run.id, run.folder)
        inventory.opened(ref)
        inventory.started(ref, START - 0.9, 7)
        run.journal.append(
            Event("sandbox.opened", START - 0.8, {"ref": ref.to_json(), "took_s": 0.1}, "host")
        )
        async with concluded(run):
            await runner.collect(run, ref, lambda _event: None)

    async def all_of_them() -> None:
        async with asyncio.timeout(150):
            await asyncio.gather(*(one(run, ref) for run, ref in zip(runs, refs, strict=True)))

    asyncio.run(all_of_them())
    return runs


def result_of(run: Run) -> Result:
    runner.analyze(run)
    return Result.model_validate_json(run.result.read_bytes())


def honest() -> list[Event]:
    """Without load, and with fewer samples of usage: there are a thousand of them to judge."""
    return numbered(drop(TOLD.events(), _spared))


def _spared(e: Event) -> bool:
    return e.type.startswith("load.") or (e.type == "usage.sampled" and round(e.at * 10) % 8 != 0)


def lines_of(events: Sequence[Event]) -> Lines:
    return [each.to_line() for each in events]


def some_bytes(lines: Lines, chance: random.Random) -> bytes:
    """Bytes changed, cut out, put in, after it was signed."""
    whole = bytearray(signed(lines))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(whole))
        what = chance.choice(["change", "cut", "add"])
        if what == "change":
            whole[at] ^= chance.randint(1, 255)
        elif what == "cut":
            del whole[at : at + chance.randint(1, 300)]
        else:
            whole[at:at] = chance.randbytes(chance.randint(1, 300))
    return bytes(whole)


def somebody_appends(lines: Lines, chance: random.Random) -> bytes:
    """Lines of somebody without the key, from some place on."""
    kept = chance.randrange(1, len(lines))
    more = chance.choice([b"".join(lines[kept:]), signed(lines, bytes(32)), chance.randbytes(500) + b"\n"])
    return signed(lines[:kept]) + more


def another_order(lines: Lines, chance: random.Random) -> bytes:
    """Lines sent twice, left out, moved; with their marks."""
    whole = signed(lines).splitlines(keepends=True)
    at, to = chance.sample(range(len(whole) - 1), 2)
    line = whole[at] if chance.random() < 0.5 else whole.pop(at)
    if chance.random() < 0.7:
        whole.insert(to, line)
    return b"".join(whole)


VALUES: list[Any] = [
    None, True, -1, 0, 2**63, -(10**400), 1.5, float("nan"), float("inf"), "", "x" * 5000, "\ud800", "\x1b[2J",
    [], [[[[[[[[]]]]]]]], {}, {"a": {"b": {"c": {"d": {"e": {"f": {}}}}}}}, "agent", "run.started", 1e300,
]  # fmt: skip


def values_with_the_key(lines: Lines, chance: random.Random) -> bytes:
    """Types, numbers and keys changed by somebody who has the key, so that only schema, number and time tell."""
    changed = list(lines)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(changed))
        body = json.loads(changed[at])
        place = chance.choice([body, body.get("data") or body])
        if isinstance(place, dict):
            key = chance.choice([*place, "more"])
            place[key] = chance.choice(VALUES)
        changed[at] = json.dumps(body).encode() + b"\n"
    return signed(changed)


def cut_off(lines: Lines, chance: random.Random) -> bytes:
    """What a killed agent leaves: nobody's fault, and no evidence either."""
    whole = signed(lines)
    return whole[: chance.randrange(len(whole) - 10)]


KINDS: list[Callable[[Lines, random.Random], bytes]] = [
    some_bytes, somebody_appends, another_order, values_with_the_key, values_with_the_key, cut_off,
]  # fmt: skip


def test_as_the_agent_wrote_it_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = follow_all(tmp_path, monkeypatch, [signed(lines_of(honest()))])
    result = result_of(run)
    assert (result.outcome, result.verdict) == ("completed", "held")
    copied = [line for fact, line in run.journal.lines() if fact.source == "agent"]
    assert copied == lines_of(honest()), "on our disk it is as it was, without the marks"


def test_a_thousand_changed_journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(SEED)
    lines = lines_of(honest())
    journals = [KINDS[number % len(KINDS)](lines, chance) for number in range(MUTATED)]
    whole = signed(lines)
    changed = [journal for journal in journals if journal != whole]
    began = time.monotonic()
    runs = follow_all(tmp_path, monkeypatch, changed)
    tampered = 0
    for run in runs:
        ended = run.journal.latest("run.ended")[-1].data
        destroyed = run.journal.latest("sandbox.destroyed")[-1].data
        assert destroyed["destroyed"] is True
        tampered += ended.get("tampered") is True
        assert ended["why"].isprintable()
    assert not list((tmp_path / "boxes").iterdir())
    assert not list((tmp_path / "state/sandboxes").iterdir())
    assert tampered > MUTATED * 0.6
    print(f"{len(runs)} journals, {tampered} tampered with, {time.monotonic() - began:.1f} s")
    results = [result_of(run) for run in runs]
    print(f"judged after {time.monotonic() - began:.1f} s")
    for run, result in zip(runs, results, strict=True):
        said = run.journal.latest("run.ended")[-1].data
        if said.get("tampered"):
            assert (result.outcome, result.verdict, result.exit_code) == ("crashed", "inconclusive", 5)
            assert result.why.startswith("The journal was tampered with: line ")
        elif said["outcome"] != "completed":
            assert result.verdict != "held"


FORGED = [
    event(1.0, "sandbox.opened", "host", ref={"type": "local", "id": "x", "facts": {"folder": "/victim"}}),
    event(1.0, "outside.asked", step="slow network", act="freeze", answer="/run/chaoslab/outside-1.json"),
    event(1.0, "outside.asked", step="slow network", act="cut", answer="/etc/passwd", network="0.0.0.0/0"),
    event(1.0, "run.started", run_id="r", plan={}),
    event(1.0, "run.ended", outcome="completed", why="all good"),
]


@pytest.mark.parametrize("forged", FORGED, ids=[f"{each.type} {each.data.get('act', '')}" for each in FORGED])
def test_not_even_with_the_key_does_anybody_tell_the_host_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forged: Event
) -> None:
    kept = honest()[:20]
    lines = lines_of([*kept, Event(forged.type, kept[-1].at, forged.data, "agent", 21)])
    (run,) = follow_all(tmp_path, monkeypatch, [signed(lines)])
    result = result_of(run)
    assert result.exit_code == 5
    assert "tampered with: line 21: " in result.why
    assert len(run.journal.of("sandbox.opened")) == 1
