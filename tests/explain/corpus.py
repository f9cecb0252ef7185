"""Sentences of a lying model and of an honest one, about runs whose truth is known; made anew from one seed.

Ten kinds of lies, fifty each: what is put together (a true number of another phase, a real log line with another word)
is false of its run by construction, the rest was written by hand, false of the run that it is about. Not one of
them was taken from the gate's word lists.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from chaos.analysis import judge
from chaos.analysis.result import Result
from chaos.events import Event
from chaos.explain.answer import Gate
from chaos.explain.claims import WHERE
from chaos.explain.model import gate
from chaos.explain.redaction import Redactor
from tests.journals import build
from tests.journals.telling import Telling

SEED = 20261130
EACH = 50
LOG = [
    (1.0, "listening on port 8000"),
    (3.0, "ERROR checkout failed: connection refused by inventory"),
    (3.2, "ERROR checkout failed: connection refused by inventory"),
    (3.6, "WARN circuit breaker is closed, not opened"),
    (4.0, "retrying checkout in 200 ms"),
    (6.5, "no deadlock detected while draining the queue"),
]


def hurt() -> list[Event]:
    """Half of the requests fail under the fault, and all is well before and after it; nothing ends."""
    return Telling(states=[build.FAST], failing=[(3.0, 5.0)], log=LOG).events()


RUNS = {
    "hurt": hurt,
    "held": build.held_killed_and_back,
    "unlanded": build.fault_did_not_land,
    "away": build.deviated_never_recovers,
    "unsteady": build.baseline_off,
}
"""hurt: deviated; held: killed and back; unlanded: inconclusive, its fault did not land; away: deviated, never good
again; unsteady: no fault was injected."""


@cache
def run(name: str) -> tuple[Result, list[Event], Gate]:
    """A run of that name, and its gate."""
    events = RUNS[name]()
    result = judge(events)
    return result, events, gate(result, events, Redactor())


@cache
def _told() -> Any:
    return yaml.safe_load(Path(__file__).with_name("corpus.yaml").read_text(encoding="utf-8"))


def _moved(chance: random.Random) -> Iterator[str]:
    """Statements of ours, each told of another phase; those about a change are turned round."""
    statements = [claim.text for claim in run("hurt")[2].claims.values() if claim.phase == "fault"]
    for text in chance.sample(statements, len(statements)):
        for here, there in (("fault", "baseline"), ("fault", "recovery"), ("baseline", "recovery")):
            first, second = WHERE[here], WHERE[there]
            if first in text and second not in text:
                yield text.replace(first, second)
            elif first in text:
                yield text.replace(first, "§").replace(second, first).replace("§", second)


def lies() -> Mapping[str, Sequence[tuple[str, str]]]:
    """Kind -> (run, sentence); fifty of each."""
    chance = random.Random(SEED)
    by_kind = {kind: [("hurt", text) for text in texts] for kind, texts in _told()["lies"]["hurt"].items()}
    by_kind["wrong phase"] += [("hurt", text) for text in _moved(chance)]
    for kind in ("verdict", "recovery"):
        of_runs = _told()["lies"][kind].items()
        by_kind[kind] = [(name, text) for name, texts in of_runs for text in texts]
    return {kind: list(dict.fromkeys(found))[:EACH] for kind, found in by_kind.items()}


def truths() -> Iterator[tuple[str, str, dict[str, object]]]:
    """(kind, run, sentence as a model says it): chosen by id, written out, in other wordings, in words of its own."""
    chance = random.Random(SEED)
    names = ("hurt", "held", "unlanded", "away")
    for number in range(150):
        name = names[number % len(names)]
        ids = chance.sample(list(run(name)[2].claims), chance.randint(1, 3))
        yield "by id", name, {"ids": ids, "join": chance.choice(("and", "but", "whereas", ";")), "words": ""}
    for number in range(58):
        name = names[number % len(names)]
        text = chance.choice(list(run(name)[2].claims.values())).text
        yield "written out", name, {"words": text}
    for name, texts in _told()["wordings"].items():
        for text in texts:
            yield "other wording", name, {"words": text}
    for text in _told()["own words"]:
        yield "own words", "hurt", {"words": text}


def advice() -> list[str]:
    """A hundred recommendations that are none of ours."""
    plain = _told()["advice"]
    return [*plain, *(f"{each}, as R1 says" for each in plain)][:100]
