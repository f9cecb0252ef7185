"""Pruned runs: `pruned.json` in the folder keeps the index rows of a run whose files are gone."""

from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from chaos.history import files
from chaos.history.errors import RunNotIndexed
from chaos.history.models import PRUNED, ArtifactRow
from chaos.history.rows import ARTIFACTS, MOST_BYTES, RunRows, check_id, sound

FILE = "pruned.json"
_TAKEN = TypeAdapter(RunRows)


def pruned_note(taken: RunRows) -> str:
    """The text of the file, of rows whose artifacts say already what is gone."""
    return _TAKEN.dump_json(replace(taken, result=None), indent=1).decode() + "\n"


def remembered(folder: Path, where: str) -> RunRows | None:
    """The rows of a run whose result is gone; None when nothing was pruned. Raises RunNotIndexed."""
    said = _said(folder)
    return (
        None
        if said is None
        else replace(said, run=replace(said.run, folder=where), artifacts=artifacts(folder))
    )


def artifacts(folder: Path) -> tuple[ArtifactRow, ...]:
    """The files that are there, and those that were pruned."""
    there = tuple(each for each in (_artifact(folder, name) for name in ARTIFACTS) if each is not None)
    names = {each.name for each in there}
    said = _said(folder)
    gone = () if said is None else said.artifacts
    both = (*there, *(each for each in gone if each.where == PRUNED and each.name not in names))
    return tuple(sorted(both, key=lambda each: each.name))


def _artifact(folder: Path, name: str) -> ArtifactRow | None:
    known = files.seen(folder / name)
    if known is None:
        return None
    digest = files.sha256(folder / name)
    return ArtifactRow(
        name=name, bytes=known.bytes, sha256=digest, where="folder", delivered_ms=known.modified_ms
    )


def _said(folder: Path) -> RunRows | None:
    data = files.read(folder / FILE, MOST_BYTES)
    if data is None:
        return None
    wrong = RunNotIndexed(f"{files.named(folder / FILE)}: is not what ChaosLab leaves of a run")
    try:
        said = _TAKEN.validate_json(data, strict=True)
    except ValidationError as error:
        raise wrong from error
    if not sound(said) or any(each.name not in ARTIFACTS for each in said.artifacts):
        raise wrong
    check_id(folder, said.run.run_id or "", said.run.experiment)
    return said
