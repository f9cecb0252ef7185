"""Hostile and surprising text: refused with its place, or read as YAML 1.2 says; never a crash."""

import os
import time
from pathlib import Path

import pytest

from chaos.errors import ManifestError
from chaos.manifests.load import load
from chaos.manifests.yaml.tree import MOST_BYTES, read
from tests.manifests.a_repository import SMALL, a_manifest


def refusal(tmp_path: Path, content: bytes) -> str:
    """What is said of a file with this content."""
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(ManifestError) as caught:
        load(path)
    return str(caught.value).removeprefix(f"{path}:")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "1:1: empty; a manifest begins with"),
        (b"---\n---\n# nothing\n", "1:1: empty"),
        (b"- a\n- b\n", "1:1: expected a mapping (apiVersion, kind, metadata, spec), got a list"),
        (b"a: [1\n", "2:1: not YAML: did not find expected ',' or ']'"),
        (b"spec:\n\tmethod: x\n", "2:1: not YAML: a tab; indent with spaces"),
        (b"name: caf\xe9\n", "1:10: not UTF-8 text"),
        ("a: b".encode("utf-16"), "1:1: not UTF-8 text"),
        (b"a: b\nc: \0\n", "2:4: a NUL character"),
        (b'a: "x\\0y"\n', "1:4 a: a NUL character"),
        (b"a: \x07\n", "1:4: not YAML: control characters are not allowed"),
        (b"a: &x 1\nb: *x\n", "1:4 a: anchor &x; write the value out"),
        (b"a: {b: 1}\n<<: {c: 1}\n", "2:1 <<: merge keys are not read"),
        (
            b"a: !!python/object/apply:os.system [x]\n",
            "1:4 a: tag tag:yaml.org,2002:python/object/apply:os.system",
        ),
        (b"? [a]\n: b\n", "1:3: a mapping or list as a key"),
        (b"a: 1\nb:\n  c: 1\n  c: 2\n", "4:3 b.c: duplicate key 'c'; it is already at line 3, column 3"),
        (b"a: .nan\n", "1:4 a: .nan is not a number"),
        (b"a: -.inf\n", "1:4 a: -.inf is not a number"),
        (b"a: " + b"9" * 5000, "1:4 a: a number of 5000 digits"),
        (b"a: 1e999\n", "1:4 a: a number too large"),
        (b"a: b: c\n", "1:5: not YAML: mapping values are not allowed"),
        (b"x" * (MOST_BYTES + 1), "1:1: larger than 256KiB"),
    ],
)
def test_what_could_surprise_or_harm_is_refused_with_its_place(
    tmp_path: Path, content: bytes, said: str
) -> None:
    assert said in refusal(tmp_path, content)


@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "a: [", "? ", "[{a: "])
def test_deep_nesting_is_refused_at_once_and_never_crashes(tmp_path: Path, opening: str) -> None:
    content = (opening * MOST_BYTES)[:MOST_BYTES]
    began = time.monotonic()
    said = refusal(tmp_path, content.encode())
    assert "nested more than 32 deep" in said or "as a key" in said
    assert time.monotonic() - began < 1.0


def test_an_alias_bomb_is_refused_without_being_expanded(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 9)]
    said = refusal(tmp_path, "\n".join(lines).encode())
    assert "alias *a0; write the value out" in said


def test_more_values_than_any_manifest_has_are_refused(tmp_path: Path) -> None:
    assert "more than 20000 values" in refusal(tmp_path, b"a: [" + b"1," * 50_000 + b"]")
    assert "more than 100 documents" in refusal(tmp_path, b"---\na\n" * 200)


def test_words_and_numbers_mean_what_yaml_1_2_says() -> None:
    text = "[on, no, y, 0o12, 0755, 0x1F, 1_000, 12:30:00, 2024-01-01, 1e3, .5, ~, null, True, '5', +7, =]"
    (tree,) = read(text).trees
    assert tree.data == [
        *(
            "on",
            "no",
            "y",
            10,
            755,
            31,
            "1_000",
            "12:30:00",
            "2024-01-01",
            1000.0,
            0.5,
            None,
            None,
            True,
            "5",
            7,
            "=",
        ),
    ]


def test_keys_are_text_whatever_they_look_like() -> None:
    (tree,) = read("on: 1\n5: 2\nnull: 3\n").trees
    assert tree.data == {"on": 1, "5": 2, "null": 3}


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = a_manifest(tmp_path, SMALL)
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert load(path)[0].manifest.metadata.name == "small"


def test_every_key_and_item_has_its_line_and_column() -> None:
    (tree,) = read("a: 1\nb:\n  - c: {d: 2}\n  - e\n").trees
    assert tree.marks == {
        ("a",): (1, 1),
        ("b",): (2, 1),
        ("b", 0): (3, 5),
        ("b", 0, "c"): (3, 5),
        ("b", 0, "c", "d"): (3, 9),
        ("b", 1): (4, 5),
    }
    assert tree.mark(("b", 0, "x", "y")) == (3, 5)


def test_what_was_refused_while_reading_is_not_complained_of_again(tmp_path: Path) -> None:
    path = a_manifest(tmp_path, SMALL.replace("hypothesis: It comes back.", "hypothesis: &x [a]"))
    with pytest.raises(ManifestError) as caught:
        load(path)
    assert [problem.what for problem in caught.value.problems] == ["anchor &x; write the value out"]


def test_files_that_are_not_files_are_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    for path, said in (
        (pipe, "not a regular file"),
        (tmp_path, "a directory"),
        (Path("/dev/zero"), "not a regular"),
    ):
        with pytest.raises(ManifestError, match=said):
            load(path)
    with pytest.raises(ManifestError, match="cannot be read"):
        load("a\0b")
