"""One name, one thing: no two public classes share a name, and docs/glossary.md says each term in one sentence."""

import ast
import re
from collections import defaultdict
from pathlib import Path

from tests.house.names import ROOT, tracked

GLOSSARY = ROOT / "docs/glossary.md"
TWICE = {
    # What an author writes, and the running thing that is made of it.
    "Sandbox", "LocalSandbox", "ContainerSandbox", "E2BSandbox", "FromOutside", "Target", "Windows",
    # The schemas of the console's API have the names of what they show.
    "Analysis", "GameDay", "LogLine", "Run", "Written",
    # To be told apart yet.
    "Account", "Answer", "Beside", "Emit", "Gate", "Machine", "Memory", "Record", "Request", "Stop", "Timeline",
    "Tokens", "Told", "Wish",
}  # fmt: skip
"""Names of two classes. The list only ever gets shorter."""
TERM = re.compile(r"^\*\*(?P<name>[^*]+)\*\*[^:]*: (?P<sentence>.+)$")


def public_classes() -> dict[str, list[str]]:
    """Name -> the files that define a class of that name."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted(tracked()):
        if file.endswith(".py") and file.startswith(("chaos/", "flows/")):
            for node in ast.parse((ROOT / file).read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(file)
    return found


def terms() -> dict[str, str]:
    """Term -> its sentence, of the glossary."""
    lines = GLOSSARY.read_text("utf-8").splitlines()
    return {match["name"]: match["sentence"] for line in lines if (match := TERM.match(line))}


def test_a_class_name_means_one_thing() -> None:
    twice = {name: files for name, files in public_classes().items() if len(files) > 1}
    assert not {name: files for name, files in twice.items() if name not in TWICE}
    assert not TWICE - twice.keys(), "told apart meanwhile: strike it off"


def test_the_glossary_is_sorted_and_has_one_sentence_each() -> None:
    names = list(terms())
    assert names == sorted(names, key=str.lower)
    for name, sentence in terms().items():
        assert sentence.endswith("."), name
        assert ". " not in sentence.replace("e.g. ", ""), name


def test_every_line_of_the_glossary_is_a_term() -> None:
    lines = [line for line in GLOSSARY.read_text("utf-8").splitlines() if line.startswith("**")]
    assert len(lines) == len(terms())


def test_it_has_what_a_manifest_and_a_result_speak_of() -> None:
    for name in (
        "experiment",
        "steady state",
        "method",
        "fault",
        "game day",
        "outcome",
        "verdict",
        "journal",
    ):
        assert name in terms()


def test_the_root_of_the_library_stays_small() -> None:
    files = [path.name for path in Path(ROOT, "chaos").glob("*.py") if path.name != "__init__.py"]
    assert len(files) <= 8, files
