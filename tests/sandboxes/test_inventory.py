"""What the host knows of its sandboxes: kept in files of its own, and held against what this machine would make."""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chaos.errors import SandboxRefused
from chaos.sandboxes import SandboxRef, attach
from chaos.sandboxes.claims import checked
from chaos.sandboxes.inventory import Inventory, _memory, forget_old
from chaos.settings import Settings


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAOSLAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("CHAOSLAB_RUNTIME_DIR", str(tmp_path / "boxes"))


def local(tmp_path: Path, name: str = "box-abcdefgh", **changed: Any) -> SandboxRef:
    facts = {"folder": str(tmp_path / "boxes" / name), "keeper": 4242, **changed}
    return SandboxRef("local", f"{name.removeprefix('box-')}-00ff00", facts)


def as_another_process() -> None:
    _memory.clear()


def files() -> list[Path]:
    return sorted(Settings().state_folder.glob("sandboxes/*"))


def test_another_process_finds_what_was_opened_and_started(tmp_path: Path) -> None:
    ref = local(tmp_path)
    assert Inventory("r-1", tmp_path).opened(ref) is None
    Inventory("r-1", tmp_path).started(ref, 17.5, 42)
    here = Inventory("r-1", tmp_path).find(ref)
    as_another_process()
    there = Inventory("r-1", tmp_path).find(
        SandboxRef("local", ref.id, {"folder": "/etc", "engine": "/tmp/evil"})
    )
    assert there == here
    assert (there.ref, there.started_at, there.pid, len(there.key)) == (ref, 17.5, 42, 32)


def test_its_files_are_nobody_elses_and_go_with_the_sandbox(tmp_path: Path) -> None:
    inventory, ref = Inventory("r-1", tmp_path), local(tmp_path)
    inventory.opened(ref)
    (file,) = files()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    inventory.gone(ref)
    assert files() == []
    assert inventory.held() == []


def test_each_sandbox_has_a_key_of_its_own(tmp_path: Path) -> None:
    inventory = Inventory("r-1", tmp_path)
    inventory.opened(local(tmp_path))
    inventory.opened(local(tmp_path, "box-zzzzzzzz"))
    one, other = inventory.held()
    assert one.key != other.key


def test_a_run_elsewhere_of_the_same_name_has_none_of_it(tmp_path: Path) -> None:
    Inventory("r-1", tmp_path).opened(local(tmp_path))
    with pytest.raises(SandboxRefused, match="none that this machine has opened for this run"):
        Inventory("r-1", tmp_path / "copied").find(local(tmp_path))
    with pytest.raises(SandboxRefused, match="none that this machine has opened"):
        Inventory("../../r-1", tmp_path).find(local(tmp_path))


def test_where_no_file_can_be_written_memory_has_to_do_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    inventory, ref = Inventory("r-1", tmp_path), local(tmp_path)
    why = inventory.opened(ref)
    assert why is not None
    assert why.endswith(("Not a directory", "File exists"))
    assert inventory.find(ref).ref == ref
    inventory.gone(ref)
    assert inventory.held() == []


@pytest.mark.parametrize("text", ["", "[", "{}", "[{}]", '[{"ref":{"type":"local","id":"x"},"key":"00"}]'])
def test_a_file_that_is_not_as_we_wrote_it_is_refused(tmp_path: Path, text: str) -> None:
    Inventory("r-1", tmp_path).opened(local(tmp_path))
    as_another_process()
    (file,) = files()
    file.write_text(text)
    if text == "{}":
        assert Inventory("r-1", tmp_path).held() == []
        return
    with pytest.raises(SandboxRefused, match="not as ChaosLab wrote it"):
        Inventory("r-1", tmp_path).held()


def test_a_file_that_others_may_write_is_refused(tmp_path: Path) -> None:
    Inventory("r-1", tmp_path).opened(local(tmp_path))
    as_another_process()
    (file,) = files()
    file.chmod(0o666)
    with pytest.raises(SandboxRefused, match="not as ChaosLab wrote it"):
        Inventory("r-1", tmp_path).held()


CONTAINER = {"engine": "docker", "container": "chaoslab-0123456789ab"}
MICROVM = {"ends_at": 1.7e9, "turn": f"chaoslab-{'0' * 24}"}


@pytest.mark.parametrize(
    ("type_", "id_", "facts"),
    [
        ("container", "0123456789ab", CONTAINER),
        ("e2b", "i1a2b3c4d5", MICROVM),
        ("e2b", "i1a2b3", {"ends_at": 1}),
    ],
)
def test_what_we_make_passes(type_: str, id_: str, facts: Mapping[str, Any]) -> None:
    assert checked(SandboxRef(type_, id_, facts))


def test_an_engine_that_our_settings_name_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    ref = SandboxRef("container", "0123456789ab", {**CONTAINER, "engine": "/opt/nerdctl"})
    with pytest.raises(SandboxRefused, match="'/opt/nerdctl' is no container engine of ours"):
        checked(ref)
    monkeypatch.setenv("CHAOSLAB_CONTAINER_ENGINE", "/opt/nerdctl")
    assert checked(ref)


@pytest.mark.parametrize(
    ("type_", "id_", "facts"),
    [
        ("docker", "x", {}),
        ("container", "0123456789ab", {**CONTAINER, "engine": "/tmp/evil"}),
        ("container", "0123456789ab", {**CONTAINER, "engine": ["docker"]}),
        ("container", "0123456789ab", {**CONTAINER, "container": "postgres"}),
        ("container", "0123456789ab", {**CONTAINER, "container": "--all"}),
        ("container", "0123456789ab", {}),
        ("container", "postgres", {**CONTAINER, "container": "chaoslab-postgres"}),
        ("e2b", "../../teams", MICROVM),
        ("e2b", "i1a2b3", {}),
        ("e2b", "i1a2b3", {**MICROVM, "turn": "../x"}),
        ("e2b", "", MICROVM),
    ],
)
def test_what_we_would_not_make_is_refused(type_: str, id_: str, facts: Mapping[str, Any]) -> None:
    with pytest.raises(SandboxRefused):
        attach(SandboxRef(type_, id_, facts))


@pytest.mark.parametrize(
    "folder",
    [
        "/",
        "/etc",
        "{tmp}/boxes",
        "{tmp}/boxes/../victim",
        "{tmp}/boxes/box-ABCDEFGH",
        "{tmp}/other/box-abcdefgh",
        "",
    ],
)
def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path, folder: str) -> None:
    ref = local(tmp_path, folder=folder.format(tmp=tmp_path))
    with pytest.raises(SandboxRefused, match="nothing is done with it"):
        attach(ref)


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    ref = local(tmp_path)
    assert checked(ref), "gone already: nothing there to be harmed"
    (tmp_path / "boxes").mkdir(exist_ok=True)
    Path(ref.facts["folder"]).symlink_to(tmp_path / "victim")
    with pytest.raises(SandboxRefused, match="no directory of this user's"):
        attach(ref)


@pytest.mark.parametrize("keeper", [None, "1", 0, 1, -1, True, 2**40, 3.5])
def test_a_keeper_that_is_no_process_is_refused(tmp_path: Path, keeper: object) -> None:
    with pytest.raises(SandboxRefused, match="keeper is no process"):
        attach(local(tmp_path, keeper=keeper))


def test_what_nobody_wrote_to_for_a_month_is_forgotten(tmp_path: Path) -> None:
    Inventory("old", tmp_path).opened(local(tmp_path))
    Inventory("new", tmp_path).opened(local(tmp_path))
    (old,) = (file for file in files() if file.name.startswith("old"))
    os.utime(old, (0, 0))
    forget_old()
    assert [file.name.partition(".")[0] for file in files()] == ["new"]


def test_the_file_holds_nothing_that_a_journal_does(tmp_path: Path) -> None:
    Inventory("r-1", tmp_path).opened(local(tmp_path))
    (held,) = json.loads(files()[0].read_text())
    assert set(held) == {"ref", "key", "started_at", "pid"}
