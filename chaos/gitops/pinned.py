"""Pinned experiment: a manifest and its app as they are at one commit, written for a run; no other files.

Only plain files and folders are written; a link is kept as a link, and the app's survey refuses one that leads out.
"""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from chaos.errors import ManifestError
from chaos.gitops.limits import policies_for
from chaos.gitops.reading import apps_of
from chaos.gitops.repository.git import GitError
from chaos.gitops.repository.mirror import Mirror, TreeEntry
from chaos.host.private import state_folder
from chaos.manifests.load import Loaded, load

MOST_APP_BYTES = 512 * 1024 * 1024


def load_pinned(mirror: Mirror, commit: str, path: str, folder: Path) -> list[Loaded]:
    """The experiments of one manifest at a commit, with their apps, from a folder that keeps them.

    Raises GitError when the commit cannot be had or lacks them, ManifestError for what is wrong in the manifest or
    the policy.
    """
    if not mirror.has(commit):
        mirror.fetch_commit(commit)
    entries = mirror.entries(commit)
    root = folder / commit
    found = {entry.path: entry for entry in entries}
    if path not in found or not found[path].is_file:
        raise GitError(f"{mirror.source.name}: commit {commit[:12]} has no manifest {path}")
    content = mirror.whole_blobs([found[path].oid], MOST_APP_BYTES)[found[path].oid]
    apps, problems = apps_of(path, content, entries)
    if problems:
        raise ManifestError(*problems)
    for wanted in (path, *apps):
        if not (root / wanted).exists():
            _write(mirror, wanted, _below(entries, wanted), root)
    policies = policies_for(mirror, commit, entries)
    return [replace(one, policies=policies, committed=True) for one in load(root / path, root)]


def _below(entries: list[TreeEntry], path: str) -> list[TreeEntry]:
    found = [each for each in entries if each.path == path or each.path.startswith(f"{path}/")]
    return [each for each in found if each.is_file or each.mode == "120000"]


def _write(mirror: Mirror, path: str, entries: list[TreeEntry], root: Path) -> None:
    """All of it at once or nothing: runs of the same commit may begin together."""
    state_folder(root)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=root))
    try:
        contents = mirror.whole_blobs([each.oid for each in entries], MOST_APP_BYTES)
        for each in sorted(
            entries, key=lambda one: not one.is_file
        ):  # links last: nothing is written through one
            _write_one(part / each.path, each, contents[each.oid])
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        try:
            (part / path).rename(root / path)
        except OSError:
            if not (root / path).exists():
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write_one(file: Path, entry: TreeEntry, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if entry.is_file:
        file.write_bytes(content)
        file.chmod(0o755 if entry.mode == "100755" else 0o644)
    else:
        file.symlink_to(os.fsdecode(content))
