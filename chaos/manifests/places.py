"""Places of a manifest's files: inside of its repository, whatever links say."""

import os
from collections.abc import Callable
from pathlib import Path

from chaos.manifests.yaml.problems import quoted


def repository(manifest: Path) -> Path:
    """The nearest directory above the manifest that has a `.git`.

    Outside of git: the outermost directory above it called `experiments`, else the manifest's own directory.
    """
    own = manifest.resolve().parent
    above = (own, *own.parents)
    for folder in above:
        if (folder / ".git").exists():
            return folder
    return next((folder for folder in reversed(above) if folder.name == "experiments"), own)


def git_directories(folder: Path) -> frozenset[Path]:
    """Where git keeps the repositories around a folder without links: beside `.git`, what a file of that name says.

    Source: gitrepository-layout(5), "gitfile".
    """
    return frozenset(found for each in (folder, *folder.parents) if (found := _named_by(each / ".git")))


def _named_by(link: Path) -> Path | None:
    try:
        if not link.is_file():
            return None
        with link.open("rb") as file:
            said = file.read(4096)
    except OSError:
        return None
    word, _, place = os.fsdecode(said).partition("gitdir: ")
    return (link.parent / place.strip("\n")).resolve() if place and not word else None


def _is_gits_own(found: Path, root: Path) -> bool:
    parts = [part.lower() for part in found.relative_to(root).parts]
    return ".git" in parts or not git_directories(found).isdisjoint((found, *found.parents))


def app_directory(manifest: Path, app: str, root: Path) -> Path:
    """The directory that `app` names. Raises ValueError when there is none, or it is outside of `root`."""
    if Path(app).is_absolute():
        raise ValueError(f"{quoted(app)} is absolute; write it relative to this file")
    try:
        found = (manifest.resolve().parent / app).resolve()
        if not found.is_relative_to(root.resolve()):
            raise ValueError(f"{quoted(app)} leaves the repository {root}")
        if _is_gits_own(found, root.resolve()):
            raise ValueError(f"{quoted(app)} is git's own directory, or in it; nothing is taken from there")
        if not found.is_dir():
            raise ValueError(f"{quoted(app)} is {'not a directory' if found.exists() else 'not there'}")
        next(found.iterdir(), None)
    except (OSError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "links that lead nowhere"
        raise ValueError(f"{quoted(app)} cannot be read: {why}") from error
    return found


def template_file(
    manifest: Path, template: str, root: Path, find_folder: Callable[[Path, str, Path], Path] = app_directory
) -> Path:
    """The dashboard's template that `template` names. Raises ValueError like app_directory.

    Who finds folders elsewhere than on this disk does not look whether the file is in them.
    """
    folder, _, name = template.rpartition("/")
    if find_folder is not app_directory:
        return (
            find_folder(manifest, folder, root) if folder or template[0] == "/" else root / manifest.parent
        ) / name
    if Path(template).is_absolute():
        raise ValueError(f"{quoted(template)} is absolute; write it relative to this file")
    found = (app_directory(manifest, folder or ".", root) / name).resolve()
    if not found.is_relative_to(root.resolve()):
        raise ValueError(f"{quoted(template)} leaves the repository {root}")
    if not found.is_file():
        raise ValueError(f"{quoted(template)} is {'not a file' if found.exists() else 'not there'}")
    if found.suffix != ".j2":
        raise ValueError(
            f"{quoted(template)} links to {found.name}, which is no template; expected a .j2 file"
        )
    return found
