"""Two hundred broken manifests, the same ones every time: each is valid or has located problems, nothing else."""

import copy
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from chaos.manifests.load import load, load_all, load_bytes
from tests.manifests.a_repository import FULL, SMALL, a_manifest, a_repository

Mutation = Callable[[Any, random.Random], None]
ODD: list[Any] = [
    *(
        None,
        True,
        -1,
        0,
        10**17,
        1.5,
        "",
        " ",
        "x",
        "5s",
        "٣s",
        "-1s",
        "1" * 400 + "s",
        "9" * 15 + "GiB",
        "no",
        "\x85",
        "🙂",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        {"type": "http"},
        {"type": ["x"]},
        {"": ""},
        {"a": {"b": {"c": []}}},
        "../..",
        "a\u2028b",
    ),
]


def some(chance: random.Random, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """One of them, or none when there are none."""
    return [chance.choice(found)] if found else []


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    return [(node, key) for key in keys] + [place for key in keys for place in places(node[key])]


def delete(node: Any, chance: random.Random) -> None:
    for box, key in some(chance, places(node)):
        del box[key]


def rename(node: Any, chance: random.Random) -> None:
    for box, key in some(chance, [(box, key) for box, key in places(node) if isinstance(box, dict)]):
        at = chance.randrange(len(key) + 1)
        box[key[:at] + chance.choice("xX_-. é") + key[at + 1 :]] = box.pop(key)


def retype(node: Any, chance: random.Random) -> None:
    for box, key in some(chance, places(node)):
        box[key] = copy.deepcopy(chance.choice(ODD))


def swap(node: Any, chance: random.Random) -> None:
    for (box, key), (other, key2) in zip(some(chance, places(node)), some(chance, places(node)), strict=True):
        box[key] = copy.deepcopy(other[key2])


def repeat(node: Any, chance: random.Random) -> None:
    for box, _ in some(chance, [(box, key) for box, key in places(node) if isinstance(box, list)]):
        box.append(copy.deepcopy(box[0]))


def misspell(node: Any, chance: random.Random) -> None:
    for box, key in some(chance, [(box, key) for box, key in places(node) if isinstance(box[key], str)]):
        at = chance.randrange(len(box[key]) + 1)
        box[key] = box[key][:at] + chance.choice("xX_-. 0%\t") + box[key][at:]


def mutated(text: str, chance: random.Random) -> bytes:
    """The manifest after one to three changes to what it says, or to its bytes."""
    if chance.random() < 0.7:
        node = yaml.safe_load(text)
        for _ in range(chance.randint(1, 3)):
            chance.choice([delete, rename, retype, retype, swap, repeat, misspell])(node, chance)
        return yaml.safe_dump(node, allow_unicode=True).encode()
    return garbled(text.encode(), chance)


def garbled(content: bytes, chance: random.Random) -> bytes:
    """Bytes put in, taken out and repeated, and whole lines doubled."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(content))
        more = chance.choice(
            [
                b"[",
                b"{",
                b"*a",
                b"&a ",
                b"\xff",
                b"\0",
                b"\t",
                b": ",
                b"- ",
                b"!!str ",
                b"\n",
                b"%",
                b'"',
                b"<<: ",
            ]
        )
        lines = content.split(b"\n")
        doubled = chance.randrange(len(lines))
        content = (
            chance.choice(
                [
                    content[:at] + more + content[at:],
                    content[:at] + content[at + chance.randint(1, 9) :],
                    content[:at],
                    b"\n".join([*lines[: doubled + 1], *lines[doubled:]]),
                    content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :],
                ]
            )
            or b" "
        )
    return content


@pytest.mark.parametrize("seed", range(200))
def test_a_mutated_manifest_is_valid_or_has_located_problems(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = a_manifest(tmp_path)
    content = mutated(chance.choice([FULL, FULL, SMALL]), chance)
    path.write_bytes(content)
    lines = content.count(b"\n") + 2
    loaded, wrong = load_all([path])
    assert loaded or wrong
    for problem in wrong:
        assert re.fullmatch(rf"{re.escape(str(path))}:\d+:\d+( \S.*?)?: \S.*", str(problem)), str(problem)
        assert 1 <= problem.line <= lines
        assert "\n" not in str(problem)


@given(
    st.binary(max_size=300) | st.text(alphabet="ab:-[]{}&*!|>'\"%#?, \n\t~<.0", max_size=200).map(str.encode)
)
def test_any_bytes_are_valid_or_have_located_problems(content: bytes) -> None:
    loaded, wrong = load_bytes(content, Path("x.yaml"), Path("/"))
    assert not loaded
    assert all(problem.line >= 1 and problem.column >= 1 and problem.what for problem in wrong)
    assert wrong


def test_both_manifests_that_are_mutated_are_valid_themselves(tmp_path: Path) -> None:
    folder = a_repository(tmp_path)
    for name, text in (("full.yaml", FULL), ("small.yaml", SMALL)):
        (folder / name).write_text(text)
        assert load(folder / name)
